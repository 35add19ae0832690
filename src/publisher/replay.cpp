// The replay of one spool.
#include "publisher/replay.hpp"

#include "posix/fault_point.hpp"

#include <fmt/format.h>

#include <utility>

namespace logboom::publisher {

Replay::Replay(zmq::context_t& context, spool::Spool spool, std::vector<delivery::Endpoint> endpoints,
               curve::ClientKeys keys, Report report, Report const& damage)
    : spool_(std::move(spool)),
      report_(std::move(report)),
      feed_(spool_, spool_.catalogue(), Feed::Kind::kDead),
      unreadable_(add_rings(damage)),
      link_(context, std::move(keys), endpoints),
      speaker_(link_, std::move(endpoints), spool_.publisher(), feed_,
               {{}, [this](Level, std::string_view line) { report_(line); }}) {
  speaker_.end();
}

/// Before anybody asks the feed for its streams: rings and overflow say together where they begin. @return whether there are some that cannot be read
bool Replay::add_rings(Report const& damage) {
  auto rings = spool_.open_rings();
  for (auto& ring : rings.readable) feed_.add_ring(std::make_shared<spool::RingFile>(std::move(ring)));
  for (auto const& line : spool_.problems()) damage(line);
  for (auto const& line : rings.left_out) damage(line);
  for (auto const& line : rings.damage) damage(line);
  return !rings.left_out.empty();
}

bool Replay::step(std::int64_t now) {
  auto const worked = speaker_.step(now);
  welcomed_ = welcomed_ || speaker_.window().welcomed();
  if (!welcomed_ || !speaker_.drained()) return worked;
  if (speaker_.bye_answered()) finish();
  return worked;
}

void Replay::finish() {
  fault_point("adoption.sent");
  done_ = true;
  if (!unreadable_) {
    if (!spool_.remove())
      report_(fmt::format("{}: all of it is stored, but it cannot be removed; remove it",
                          spool_.directory().string()));
    return;
  }
  auto const aside = spool_.set_aside();
  report_(aside.error
              ? fmt::format("{}: parts of it cannot be read, and it cannot be renamed ({}); move it away",
                            spool_.directory().string(), aside.error.message())
              : fmt::format("{}: what cannot be read is kept here; delete it when it is of no use",
                            aside.kept.string()));
  for (auto const& older : aside.removed)
    report_(fmt::format("{}: removed, since {} newer ones are kept", older.string(), spool::Spool::kMaxAside));
}

}  // namespace logboom::publisher
