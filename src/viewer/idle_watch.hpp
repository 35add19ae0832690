// Decides when a viewer that was told to end with the publishers has seen the last of them (docs/protocol.md, "Live": presence).
// A pure state machine: no socket, no clock in it.
#pragma once

#include "record/record_codec.hpp"

#include <cstdint>
#include <string>

namespace logboom::viewer {

class IdleWatch {
 public:
  /// How long, in ms, a restarted collector has to be without publishers until those that came before count as gone.
  static constexpr std::int64_t kLongSettled = 10'000;

  struct Options {
    std::uint64_t publishers = 1;  // at least so many have to have come
    bool earlier = false;          // those count that came and left before the first sync
    std::string host;  // this process: its own publisher, if there is one, is none that is waited for
    std::uint64_t pid = 0;
  };

  explicit IdleWatch(Options options) : options_(std::move(options)) {}

  /// What a tick or the answer to a sync says. @return enough publishers have come, and all have left: nothing of theirs will come after `counters.id`.
  bool take(LiveCounters const& counters);

 private:
  std::uint64_t own(LivePresence const& presence) const;

  Options const options_;
  bool begun_ = false;
  std::uint64_t epoch_ = 0;
  std::uint64_t before_ = 0;   // of this epoch, those that do not count
  std::uint64_t earlier_ = 0;  // that came in earlier epochs
  std::uint64_t came_ = 0;     // in this one
};

}  // namespace logboom::viewer
