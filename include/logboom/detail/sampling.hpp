// Which calls of one site become records when not each does: one object a site, of a word or two. Hot path: must not lock, allocate or call the system.
#pragma once

#include <logboom/detail/atomic.hpp>
#include <logboom/export.hpp>

#include <cstdint>
#include <type_traits>

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
  static constexpr std::uint64_t kNone = ~std::uint64_t{0};  ///< there was no call yet

  Atomic<std::uint64_t> suppressed{kNone};

  /// `n` below 2: each call.
  template <class N>
  Sample take(N n) noexcept {
    static_assert(
        std::is_integral_v<N>,
        "logboom: every how many-th call is an integer, as in LOGBOOM_INFO_EVERY_N(1000, log, \"text\")");
    std::uint64_t const period = n > 1 ? static_cast<std::uint64_t>(n) : 1;
    std::uint64_t before = suppressed.load_relaxed();
    for (;;) {
      bool const due = before == kNone || before + 1 >= period;
      if (suppressed.compare_exchange_relaxed(before, due ? 0 : before + 1))
        return {due, due && before != kNone ? before : 0};
    }
  }
};

/// The first call, and then the first after each such time. Of threads that call at once, one.
struct Every {
  static constexpr double kForever = 3.2e18;  ///< ns: 100 years
  static constexpr double kCoarse = 1e8;      ///< ns: from here on a few milliseconds do not matter

  Atomic<std::int64_t> due{};  ///< ns of CLOCK_MONOTONIC
  Atomic<std::uint64_t> suppressed{};

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

  LOGBOOM_API Sample take_after(double nanoseconds) noexcept;
};

/// The first call.
struct Once {
  Atomic<bool> done{};

  Sample take() noexcept { return {!done.load_relaxed() && !done.exchange_relaxed(true), 0}; }
};

}  // namespace logboom::detail
