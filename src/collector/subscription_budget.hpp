// How much viewers may have subscribed to, by where they come from. Must not know sockets.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace logboom::collector {

/// Only what begins is counted: ends of subscriptions are reported also of who had none, and so prove nothing. Hence a peer that comes often reaches its bound
/// in the end, is cut off once, and begins anew.
class SubscriptionBudget {
 public:
  static constexpr std::size_t kEach = 32;  // what a subscription costs besides its bytes
  static constexpr std::size_t kBound =
      4U << 20U;  // bytes of all; ZeroMQ's tree of them takes up to 32 times as much
  static constexpr std::size_t kShare = kBound / 16;  // of one peer, past which it is to blame
  static constexpr std::size_t kPeers = 16'384;

  void charge(std::string_view peer, std::size_t bytes);
  bool over() const noexcept { return total_ > kBound || peers_.size() > kPeers; }
  /// Whom to cut off; empty: everybody. What they had is no longer counted.
  std::vector<std::string> settle();

 private:
  std::map<std::string, std::size_t, std::less<>> peers_;
  std::size_t total_ = 0;
};

}  // namespace logboom::collector
