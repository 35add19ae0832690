// The set of prefixes that viewers listen to. Must not know sockets or records.
#include "sinks/subscriptions.hpp"

#include <algorithm>

namespace logboom::sinks {

void Subscriptions::add(std::string_view prefix) {
  ++version_;
  if (prefix.size() > kMaxPrefix) return;  // no topic is so long
  if (prefixes_.size() >= bound_ && !prefixes_.contains(std::string(prefix))) {
    ++beyond_;
    return;
  }
  if (prefixes_.emplace(prefix).second) ++lengths_[prefix.size()];
}

void Subscriptions::remove(std::string_view prefix) {
  ++version_;
  if (prefix.size() > kMaxPrefix) return;
  if (prefixes_.erase(std::string(prefix)) == 0) {
    beyond_ -= std::min<std::size_t>(beyond_, 1);
    return;
  }
  auto const length = lengths_.find(prefix.size());
  if (--length->second == 0) lengths_.erase(length);
}

bool Subscriptions::wanted(std::string_view topic) const {
  if (beyond_ > 0) return true;
  for (auto const& [length, count] : lengths_) {
    if (length > topic.size()) break;
    if (prefixes_.contains(std::string(topic.substr(0, length)))) return true;
  }
  return false;
}

}  // namespace logboom::sinks
