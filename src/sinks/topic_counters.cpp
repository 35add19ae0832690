// Counters of live topics. Must not know sockets or records.
#include "sinks/topic_counters.hpp"

namespace logboom::sinks {

TopicCounters::Topic& TopicCounters::touch(std::string_view name) {
  if (auto const found = index_.find(name); found != index_.end()) {
    topics_.splice(topics_.begin(), topics_, found->second);
  } else {
    if (topics_.size() >= bound_) {
      index_.erase(topics_.back().name);
      topics_.pop_back();
    }
    topics_.push_front(Topic{std::string(name)});
    index_.emplace(topics_.front().name, topics_.begin());
  }
  auto& topic = topics_.front();
  topic.moved = tick_;
  return topic;
}

TopicCounters::Counters TopicCounters::latest(std::size_t limit) const {
  Counters counters;
  for (auto const& topic : topics_) {
    if (counters.size() == limit) break;
    counters.emplace_back(topic.name, topic.n);
  }
  return counters;
}

TopicCounters::Counters TopicCounters::moved(std::size_t limit, bool& all) {
  Counters counters;
  all = true;
  for (auto const& topic : topics_) {
    if (topic.moved != tick_) break;
    if (counters.size() == limit) {
      all = false;
      break;
    }
    counters.emplace_back(topic.name, topic.n);
  }
  ++tick_;
  return counters;
}

void TopicCounters::clear() noexcept {
  index_.clear();
  topics_.clear();
}

}  // namespace logboom::sinks
