// Counting publishers that come and go. No socket, no clock.
#include "viewer/idle_watch.hpp"

#include <algorithm>

namespace logboom::viewer {

std::uint64_t IdleWatch::own(LivePresence const& presence) const {
  return static_cast<std::uint64_t>(
      std::count(presence.who.begin(), presence.who.end(), std::pair(options_.host, options_.pid)));
}

bool IdleWatch::take(LiveCounters const& counters) {
  if (!counters.presence) return false;  // an older collector: it does not say
  auto const& presence = *counters.presence;
  if (!begun_) {
    if (!options_.earlier) before_ = presence.joined - std::min(presence.joined, presence.present);
  } else if (counters.epoch != epoch_) {
    // Another run of the collector: who is still there says hello to it anew.
    earlier_ += came_;
    before_ = 0;
  }
  begun_ = true;
  epoch_ = counters.epoch;
  auto const mine = own(presence);
  came_ = presence.joined - std::min(presence.joined, before_ + mine);
  if (presence.settled <= 0 || presence.present > mine) return false;
  if (came_ >= options_.publishers) return true;
  // Who came before a restart of the collector may have left unseen, and never come again; or come again, and be counted twice.
  return earlier_ + came_ >= options_.publishers && presence.settled >= kLongSettled;
}

}  // namespace logboom::viewer
