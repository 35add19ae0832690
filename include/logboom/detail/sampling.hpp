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

// Aggregates, as a CallSite is: g++ does not make the constructor of an object below LOGBOOM_MIN_LEVEL, but would call it.

/// The first call, and then every n-th.
struct EveryN {
  static constexpr std::uint64_t kNone = std::numeric_limits<std::uint64_t>::max();  ///< there was no call yet

  std::atomic<std::uint64_t> suppressed{kNone};

  /// `n` below 2: each call.
  template <class N>
  Sample take(N n) noexcept {
    static_assert(
        std::integral<N>,
        "logboom: every how many-th call is an integer, as in LOGBOOM_INFO_EVERY_N(1000, log, \"text\")");
    std::uint64_t const period = n > 1 ? static_cast<std::uint64_t>(n) : 1;
    std::uint64_t before = suppressed.load(std::memory_order_relaxed);
    for (;;) {
      bool const due = before == kNone || before + 1 >= period;
      if (suppressed.compare_exchange_weak(before, due ? 0 : before + 1, std::memory_order_relaxed))
        return {due, due && before != kNone ? before : 0};
    }
  }
};

/// The first call, and then the first after each such time. Of threads that call at once, one.
struct Every {
  static constexpr double kForever = 3.2e18;  ///< ns: 100 years
  static constexpr double kCoarse = 1e8;      ///< ns: from here on a few milliseconds do not matter

  std::atomic<std::int64_t> due{0};  ///< ns of CLOCK_MONOTONIC
  std::atomic<std::uint64_t> suppressed{0};

  /// A std::chrono::duration, which need not be known here. Not positive: each call. Of more than 100 years: the first alone.
  template <class Duration>
  Sample take(Duration const& interval) noexcept {
    static_assert(
        requires { Duration::period::num; },
        "logboom: the time between two records is a std::chrono::duration, as in "
        "LOGBOOM_INFO_EVERY(std::chrono::seconds(1), log, \"text\")");
    constexpr double kNanoseconds =
        1e9 * static_cast<double>(Duration::period::num) / static_cast<double>(Duration::period::den);
    double const length = static_cast<double>(interval.count()) * kNanoseconds;
    return take_after(length >= kForever ? kForever : length > 0 ? length : 0);
  }

  Sample take_after(double nanoseconds) noexcept {
    if (nanoseconds == 0) return {true, suppressed.exchange(0, std::memory_order_relaxed)};
    std::timespec time{};
    // The coarse one is behind by a few milliseconds, and costs a fifth.
    static_cast<void>(::clock_gettime(nanoseconds < kCoarse ? CLOCK_MONOTONIC : CLOCK_MONOTONIC_COARSE, &time));
    std::int64_t const now = std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
    std::int64_t before = due.load(std::memory_order_relaxed);
    if (now >= before && due.compare_exchange_strong(before, now + static_cast<std::int64_t>(nanoseconds),
                                                     std::memory_order_relaxed)) {
      return {true, suppressed.exchange(0, std::memory_order_relaxed)};
    }
    suppressed.fetch_add(1, std::memory_order_relaxed);
    return {false, 0};
  }
};

/// The first call.
struct Once {
  std::atomic<bool> done{false};

  Sample take() noexcept {
    return {!done.load(std::memory_order_relaxed) && !done.exchange(true, std::memory_order_relaxed), 0};
  }
};

}  // namespace logboom::detail
