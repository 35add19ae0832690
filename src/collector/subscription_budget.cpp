#include "collector/subscription_budget.hpp"

namespace logboom::collector {

void SubscriptionBudget::charge(std::string_view peer, std::size_t bytes) {
  auto known = peers_.find(peer);
  if (known == peers_.end()) known = peers_.emplace(peer, 0).first;
  known->second += bytes + kEach;
  total_ += bytes + kEach;
}

std::vector<std::string> SubscriptionBudget::settle() {
  std::vector<std::string> whom;
  for (auto peer = peers_.begin(); peer != peers_.end();) {
    if (peer->second > kShare) {
      whom.push_back(peer->first);
      total_ -= peer->second;
      peer = peers_.erase(peer);
    } else {
      ++peer;
    }
  }
  if (whom.empty()) {
    peers_.clear();
    total_ = 0;
  }
  return whom;
}

}  // namespace logboom::collector
