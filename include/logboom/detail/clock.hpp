// The clock of the log call: a number that costs as little as possible and that the spool's clock file turns into time.
// Must not know records or files; hot path.
#pragma once

#include <logboom/detail/atomic.hpp>
#include <logboom/export.hpp>

#include <cstdint>

namespace logboom::detail {

/// What ticks() counts, for the whole process and for good once it is known.
enum class TickSource : std::uint32_t {
  kUndecided = 0,
  kRealtime = 1,  ///< nanoseconds since the Unix epoch, CLOCK_REALTIME
  kTsc = 2,  ///< the processor's time-stamp counter: invariant, and in step on all processors as far as the kernel knows
};

LOGBOOM_API extern Atomic<TickSource> tick_source_word;

/// Decides if need be (some 50 µs the first time in a process). Thread-safe.
LOGBOOM_API TickSource tick_source() noexcept;
/// ticks() where the counter cannot be used, or nobody has looked yet.
LOGBOOM_API std::int64_t ticks_slow() noexcept;

/// Now, in the units of tick_source().
inline std::int64_t ticks() noexcept {
#if defined(__x86_64__)
  if (tick_source_word.load_relaxed() == TickSource::kTsc) [[likely]]
    return static_cast<std::int64_t>(__builtin_ia32_rdtsc());
#endif
  return ticks_slow();
}

}  // namespace logboom::detail
