// How fast a counter goes up, of late. Must not know what is counted; times are arguments.
#pragma once

#include <cmath>
#include <cstdint>

namespace logboom::collector {

/// Averaged with weights that fall by half in some seven seconds: steady enough to be read, quick enough to be believed.
class Rate {
 public:
  static constexpr double kSpan = 10;  // s

  /// To be called about once a second. @param seconds since the call before
  void tick(std::uint64_t total, double seconds) noexcept {
    if (seconds <= 0) return;
    auto const now = static_cast<double>(total - last_) / seconds;
    last_ = total;
    value_ += (now - value_) * (1 - std::exp(-seconds / kSpan));
    if (value_ < 0.01) value_ = 0;
  }
  double value() const noexcept { return value_; }  // a second

 private:
  std::uint64_t last_ = 0;
  double value_ = 0;
};

}  // namespace logboom::collector
