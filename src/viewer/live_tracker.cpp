// Counters and ids: see live_tracker.hpp. Must not know sockets or the store.
#include "viewer/live_tracker.hpp"

#include <algorithm>
#include <utility>

namespace logboom::viewer {

LiveTracker::LiveTracker(std::vector<std::string> topics) : topics_(std::move(topics)) {}

std::optional<Hole> LiveTracker::sync(LiveCounters const& answer) {
  bool const first = !synced_;
  bool const restarted = synced_ && answer.epoch != epoch_;
  bool const lists_all = answer.counters.size() < kMaxSyncCounters;
  bool const comparable = !first && !restarted && lists_all;

  bool const ids_begin_anew = answer.id < complete_;  // another store, or none
  std::uint64_t missing = 0;
  if (comparable) {
    missing = advance_all(answer);
  } else {
    if (ids_begin_anew) begin_anew(answer);
    if (restarted && lists_all) missing = unseen_of_epoch(answer);
    counters_.clear();
    for (auto const& [topic, n] : answer.counters) {
      if (subscribed(topic)) counters_.insert_or_assign(topic, n);
    }
    all_known_ = lists_all;
  }
  synced_ = true;
  epoch_ = answer.epoch;

  if (first || (comparable && missing == 0)) {
    settled(answer.id);
    return std::nullopt;
  }
  if (answer.id <= complete_) return std::nullopt;
  return Hole{complete_, answer.id, missing};
}

// Every record moved a counter: so many were published in this epoch, all before the answer's id.
std::int64_t LiveTracker::before_epoch(LiveCounters const& answer) noexcept {
  std::uint64_t published = 0;
  for (auto const& [topic, n] : answer.counters) published += n;
  return answer.id - static_cast<std::int64_t>(std::min(
                         published, static_cast<std::uint64_t>(std::max<std::int64_t>(answer.id, 0))));
}

// What another store held before this epoch is not what this viewer waited for.
void LiveTracker::begin_anew(LiveCounters const& answer) {
  seen_.clear();
  complete_ = answer.counters.size() < kMaxSyncCounters ? before_epoch(answer) : answer.id;
}

std::uint64_t LiveTracker::unseen_of_epoch(LiveCounters const& answer) const {
  std::uint64_t published = 0;
  for (auto const& [topic, n] : answer.counters) {
    if (subscribed(topic)) published += n;
  }
  // Some may have come before the epoch was known to be a new one.
  auto const start = before_epoch(answer);
  auto const seen =
      static_cast<std::uint64_t>(seen_.end() - std::upper_bound(seen_.begin(), seen_.end(), start) +
                                 std::max<std::int64_t>(complete_ - start, 0));
  return published - std::min(published, seen);
}

LiveTracker::Tick LiveTracker::tick(LiveCounters const& tick) {
  if (!synced_) return {};
  if (tick.epoch != epoch_ || tick.since > complete_) return {std::nullopt, true};
  std::uint64_t const missing = advance_all(tick);
  if (tick.id <= complete_) return {};
  if (missing > 0) return {Hole{complete_, tick.id, missing}, false};
  settled(tick.id);
  return {};
}

LiveTracker::Message LiveTracker::message(std::string_view topic, std::uint64_t n, std::int64_t id) {
  if (!synced_) return {};  // it is in the history: the sync's id will not be below it
  std::uint64_t const missing = advance(topic, n);
  if (!unseen(id)) return {};
  Message message{true, std::nullopt};
  // Ids have no holes: before the very next one nothing can be missing, whatever the counters say.
  if (missing > 0 && id > complete_ + 1) message.hole = Hole{complete_, id - 1, missing};
  remember(id);
  return message;
}

bool LiveTracker::unseen(std::int64_t id) const noexcept {
  return id > complete_ && !std::binary_search(seen_.begin(), seen_.end(), id);
}

void LiveTracker::settled(std::int64_t up_to) {
  complete_ = std::max(complete_, up_to);
  while (!seen_.empty() && seen_.front() <= complete_ + 1) {
    complete_ = std::max(complete_, seen_.front());
    seen_.pop_front();
  }
}

bool LiveTracker::subscribed(std::string_view topic) const noexcept {
  return std::any_of(topics_.begin(), topics_.end(),
                     [topic](std::string const& prefix) { return topic.starts_with(prefix); });
}

std::uint64_t LiveTracker::advance(std::string_view topic, std::uint64_t n) {
  auto const known = counters_.find(topic);
  if (known == counters_.end()) {
    if (counters_.size() >= kMaxTopics) {
      counters_.clear();
      all_known_ = false;
    }
    counters_.emplace(topic, n);
    return all_known_ && n > 0 ? n - 1 : 0;
  }
  if (n <= known->second) return 0;
  return n - std::exchange(known->second, n) - 1;
}

// A counter that stands at n says that message n was published, so n itself may be missing too: one more than advance() counts.
std::uint64_t LiveTracker::advance_all(LiveCounters const& counters) {
  std::uint64_t missing = 0;
  for (auto const& [topic, n] : counters.counters) {
    if (!subscribed(topic)) continue;
    auto const known = counters_.find(topic);
    bool const learnt = known != counters_.end() || all_known_;
    std::uint64_t const have = known != counters_.end() ? known->second : 0;
    if (n <= have) continue;
    if (learnt) missing += n - have;
    advance(topic, n);
  }
  return missing;
}

void LiveTracker::remember(std::int64_t id) {
  seen_.push_back(id);
  if (id == complete_ + 1) settled(complete_);
  if (seen_.size() > kMaxSeen) settled(seen_[kMaxSeen / 2]);
}

}  // namespace logboom::viewer
