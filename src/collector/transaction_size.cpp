// From what transactions took to how large the next may be. Must not know clocks, threads or the store.
#include "collector/transaction_size.hpp"

#include <algorithm>

namespace logboom::collector {
namespace {

constexpr double kFading = 0.8;

double in_seconds(std::chrono::nanoseconds span) { return std::chrono::duration<double>(span).count(); }

}  // namespace

TransactionSize::TransactionSize(std::size_t least, std::size_t most) noexcept
    : least_(least), most_(most), bytes_(least) {}

void TransactionSize::learn(std::size_t bytes, std::chrono::nanoseconds took,
                            std::chrono::nanoseconds syncing) noexcept {
  // A small one, of a time with little to do, is no sign of what large ones take.
  if (bytes < bytes_ / 2 && took <= kWanted) return;
  weight_ = kFading * weight_ + 1;
  learned_bytes_ = kFading * learned_bytes_ + static_cast<double>(bytes);
  seconds_ = kFading * seconds_ + in_seconds(took);
  syncing_ = kFading * syncing_ + in_seconds(syncing);
  constexpr double kInstant = 1e-9;
  double const in_time = learned_bytes_ * in_seconds(kWanted) / std::max(seconds_, kInstant);
  double const worth_a_sync =
      learned_bytes_ * (syncing_ / weight_ / 2) / std::max(seconds_ - syncing_, kInstant);
  auto const now = static_cast<double>(bytes_);
  bytes_ = std::clamp(static_cast<std::size_t>(std::clamp(std::max(in_time, worth_a_sync), now / 2, now * 2)),
                      least_, most_);
}

}  // namespace logboom::collector
