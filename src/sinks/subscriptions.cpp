// The set of prefixes that viewers listen to. Must not know sockets or records.
#include "sinks/subscriptions.hpp"

namespace logboom::sinks {

void Subscriptions::add(std::string_view prefix) {
  ++version_;
  if (prefix.size() > kMaxPrefix || prefixes_.size() >= bound_) {
    overflowed_ = true;
    return;
  }
  if (prefixes_.emplace(prefix).second) ++lengths_[prefix.size()];
}

void Subscriptions::remove(std::string_view prefix) {
  ++version_;
  if (prefixes_.erase(std::string(prefix)) == 0) return;
  auto const length = lengths_.find(prefix.size());
  if (--length->second == 0) lengths_.erase(length);
}

bool Subscriptions::wanted(std::string_view topic) const {
  if (overflowed_) return true;
  for (auto const& [length, count] : lengths_) {
    if (length > topic.size()) break;
    if (prefixes_.contains(std::string(topic.substr(0, length)))) return true;
  }
  return false;
}

}  // namespace logboom::sinks
