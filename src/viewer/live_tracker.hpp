// Knows which live records a viewer has seen, and finds out what it has not (docs/protocol.md, "Live").
// A pure state machine: no socket, no store, no clock in it.
#pragma once

#include "record/record_codec.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace logboom::viewer {

/// Records that were published but not seen: some of those with after < id <= up_to.
struct Hole {
  std::int64_t after = 0;
  std::int64_t up_to = 0;
  std::uint64_t count = 0;  // how many are missing at least; 0: not known
};

class LiveTracker {
 public:
  static constexpr std::size_t kMaxTopics = 65'536;  // counters kept; at the bound all are learnt anew
  static constexpr std::size_t kMaxSeen =
      1'048'576;  // ids kept since the last proof; at the bound the older half counts as complete

  /// @param topics what was subscribed: prefixes; "" is everything.
  explicit LiveTracker(std::vector<std::string> topics);

  /// The answer to a sync: everything up to its id is in the store, everything after it will come live.
  /// A hole only when this is not the first sync.
  std::optional<Hole> sync(LiveCounters const& answer);

  struct Tick {
    std::optional<Hole> hole;
    bool sync_again = false;  // the tick proves nothing for this viewer: ask with a new sync
  };
  Tick tick(LiveCounters const& tick);

  struct Message {
    bool fresh = false;        // to be shown: neither in the history nor shown before
    std::optional<Hole> hole;  // to be filled before it is shown
  };
  Message message(std::string_view topic, std::uint64_t n, std::int64_t id);

  /// A record of a hole, read from the store: true if it was not shown before.
  bool unseen(std::int64_t id) const noexcept;
  /// A hole was dealt with, filled or not: nothing up to `up_to` will be asked for again.
  void settled(std::int64_t up_to);
  /// A hole could not be dealt with: the next sync is taken for that of a restarted collector, and asks for it again.
  void forget_epoch() noexcept { epoch_ = 0; }

  bool synced() const noexcept { return synced_; }
  std::uint64_t epoch() const noexcept { return epoch_; }
  /// Nothing up to this id is missing.
  std::int64_t complete_up_to() const noexcept { return complete_; }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept {
      return std::hash<std::string_view>{}(text);
    }
  };
  using Counters = std::unordered_map<std::string, std::uint64_t, Hash, std::equal_to<>>;

  bool subscribed(std::string_view topic) const noexcept;
  std::uint64_t advance(std::string_view topic, std::uint64_t n);  // how many were skipped
  std::uint64_t advance_all(LiveCounters const& counters);
  void remember(std::int64_t id);
  static std::int64_t before_epoch(LiveCounters const& answer) noexcept;
  void begin_anew(LiveCounters const& answer);
  std::uint64_t unseen_of_epoch(LiveCounters const& answer) const;

  std::vector<std::string> topics_;
  Counters counters_;
  bool all_known_ = false;  // a topic without a counter has had no message
  bool synced_ = false;
  std::uint64_t epoch_ = 0;
  std::int64_t complete_ = 0;
  std::deque<std::int64_t> seen_;  // ascending, all > complete_
};

}  // namespace logboom::viewer
