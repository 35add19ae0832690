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
    auto const share = 1 - std::exp(-seconds / kSpan);
    last_ = total;
    weight_ += (1 - weight_) * share;
    sum_ += (now - sum_) * share;
  }
  /// A second. Of what was seen, however short: one that began a moment ago is not taken for slow.
  double value() const noexcept { return weight_ > 0 && sum_ / weight_ >= 0.01 ? sum_ / weight_ : 0; }

 private:
  std::uint64_t last_ = 0;
  double sum_ = 0;
  double weight_ = 0;  // of all that was seen
};

}  // namespace logboom::collector
