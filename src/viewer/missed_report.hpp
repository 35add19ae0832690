// Tells the collector how many records a viewer missed for good: nobody else knows. Must not know how they were missed.
#pragma once

#include "curve/client_keys.hpp"
#include "delivery/endpoint.hpp"

#include <chrono>
#include <cstdint>
#include <zmq.hpp>

namespace logboom::viewer {

/// For one thread. Never blocks, but for the destructor of the context: kLastWord at most, where something was missed.
class MissedReport {
 public:
  static constexpr std::chrono::milliseconds kEvery{1'000};
  static constexpr std::chrono::milliseconds kLastWord{200};

  MissedReport(zmq::context_t& context, delivery::Endpoint const& endpoint, curve::ClientKeys const& keys)
      : context_(&context), endpoint_(endpoint), keys_(keys) {}
  ~MissedReport() { say(); }
  MissedReport(MissedReport const&) = delete;
  MissedReport& operator=(MissedReport const&) = delete;

  /// Whether the collector takes it: an older one would find fault with it.
  void wanted(bool wanted) noexcept { wanted_ = wanted; }
  void add(std::uint64_t missed) noexcept { untold_ += missed; }
  /// To be called now and then.
  void tell() {
    if (untold_ > 0 && std::chrono::steady_clock::now() - told_ >= kEvery) say();
  }

 private:
  void say() noexcept;

  zmq::context_t* context_;
  delivery::Endpoint const& endpoint_;
  curve::ClientKeys const& keys_;
  zmq::socket_t control_;  // opened when there is something to say
  bool wanted_ = false;
  std::uint64_t untold_ = 0;
  std::chrono::steady_clock::time_point told_{};
};

}  // namespace logboom::viewer
