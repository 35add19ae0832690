// How many records each live topic had in this epoch: by it viewers see what they missed (docs/protocol.md, "Live"). Bounded: the topic that
// did not move the longest is forgotten, and counts from 1 again. Must not know sockets or records.
#pragma once

#include <cstdint>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace logboom::sinks {

class TopicCounters {
 public:
  struct Topic {
    std::string name;
    std::uint64_t n = 0;
    std::uint64_t moved = 0;         // the tick during which it moved last
    bool wanted = false;             // whether anybody listens …
    std::uint64_t wanted_as_of = 0;  // … as of this state of the subscriptions
  };
  using Counters = std::vector<std::pair<std::string, std::uint64_t>>;

  static constexpr std::size_t kMaxTopics = 16'384;

  explicit TopicCounters(std::size_t bound = kMaxTopics) : bound_(bound) {}

  /// The topic, now the latest moved. Stays where it is at least until bound() other topics were touched.
  Topic& touch(std::string_view name);
  /// At most `limit`, the latest moved first.
  Counters latest(std::size_t limit) const;
  /// Those that moved since the last call, at most `limit`; `all`: whether there were no more.
  Counters moved(std::size_t limit, bool& all);
  void clear() noexcept;
  std::size_t bound() const noexcept { return bound_; }

 private:
  std::size_t const bound_;
  std::uint64_t tick_ = 1;
  std::list<Topic> topics_;                                                 // the latest moved first
  std::unordered_map<std::string_view, std::list<Topic>::iterator> index_;  // views into topics_
};

}  // namespace logboom::sinks
