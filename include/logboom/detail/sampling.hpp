// Which calls of one site become records when not each does: one object a site, of a word or two. Hot path: must not lock, allocate or call the system.
#pragma once

#include <atomic>
#include <concepts>
#include <cstdint>
#include <ctime>
#include <limits>

namespace logboom::detail {

/// Whether a call becomes a record, and how many before it did not since the last that did.
struct Sample {
  bool taken;
  std::uint64_t suppressed;

  explicit operator bool() const noexcept { return taken; }
};

/// The first call, and then every n-th.
class EveryN {
 public:
  /// `n` below 2: each call.
  template <std::integral N>
  Sample take(N n) noexcept {
    std::uint64_t const period = n > 1 ? static_cast<std::uint64_t>(n) : 1;
    std::uint64_t before = suppressed_.load(std::memory_order_relaxed);
    for (;;) {
      bool const due = before == kNone || before + 1 >= period;
      if (suppressed_.compare_exchange_weak(before, due ? 0 : before + 1, std::memory_order_relaxed))
        return {due, due && before != kNone ? before : 0};
    }
  }

 private:
  static constexpr std::uint64_t kNone = std::numeric_limits<std::uint64_t>::max();  // there was no call yet
  std::atomic<std::uint64_t> suppressed_{kNone};
};

/// The first call, and then the first after each such time. Of threads that call at once, one.
class Every {
 public:
  /// A std::chrono::duration, which need not be known here. Not positive: each call. Of more than 100 years: the first alone.
  template <class Duration>
  Sample take(Duration const& interval) noexcept {
    constexpr double kNanoseconds =
        1e9 * static_cast<double>(Duration::period::num) / static_cast<double>(Duration::period::den);
    double const length = static_cast<double>(interval.count()) * kNanoseconds;
    return take_after(length >= kForever ? kForever : length > 0 ? length : 0);
  }

 private:
  static constexpr double kForever = 3.2e18;  // ns

  Sample take_after(double nanoseconds) noexcept {
    if (nanoseconds == 0) return {true, suppressed_.exchange(0, std::memory_order_relaxed)};
    std::int64_t const now = monotonic();
    std::int64_t due = due_.load(std::memory_order_relaxed);
    if (now >= due && due_.compare_exchange_strong(due, now + static_cast<std::int64_t>(nanoseconds),
                                                   std::memory_order_relaxed)) {
      return {true, suppressed_.exchange(0, std::memory_order_relaxed)};
    }
    suppressed_.fetch_add(1, std::memory_order_relaxed);
    return {false, 0};
  }

  static std::int64_t monotonic() noexcept {
    std::timespec now{};
    static_cast<void>(::clock_gettime(CLOCK_MONOTONIC, &now));
    return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
  }

  std::atomic<std::int64_t> due_{0};
  std::atomic<std::uint64_t> suppressed_{0};
};

/// The first call.
class Once {
 public:
  Sample take() noexcept {
    bool const taken =
        !done_.load(std::memory_order_relaxed) && !done_.exchange(true, std::memory_order_relaxed);
    return {taken, 0};
  }

 private:
  std::atomic<bool> done_{false};
};

}  // namespace logboom::detail
