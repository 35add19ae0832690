// Sampling by time: the part of include/logboom/detail/sampling.hpp that asks a clock.
#include <logboom/detail/sampling.hpp>

#include <ctime>

namespace logboom::detail {

Sample Every::take_after(double nanoseconds) noexcept {
  if (nanoseconds == 0) return {true, suppressed.exchange_relaxed(0)};
  timespec time{};
  // The coarse one is behind by a few milliseconds, and costs a fifth.
  static_cast<void>(::clock_gettime(nanoseconds < kCoarse ? CLOCK_MONOTONIC : CLOCK_MONOTONIC_COARSE, &time));
  std::int64_t const now = std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
  std::int64_t before = due.load_relaxed();
  if (now >= before && due.compare_exchange_relaxed(before, now + static_cast<std::int64_t>(nanoseconds)))
    return {true, suppressed.exchange_relaxed(0)};
  suppressed.fetch_add_relaxed(1);
  return {false, 0};
}

}  // namespace logboom::detail
