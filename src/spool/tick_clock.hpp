// Which clock a log call reads: LOGBOOM_CLOCK, else what the kernel trusts. The choice itself is made by detail::tick_source() (include/logboom/detail/clock.hpp).
#pragma once

#include <string_view>

namespace logboom::spool {

/// @throws std::invalid_argument when LOGBOOM_CLOCK cannot be followed; tick_source() then decides as if it were unset. Thread-safe.
void check_clock_variable();

/// Whether the counter is among the clocks that the kernel lists (words, as in sysfs' `available_clocksource`).
bool lists_tsc(std::string_view clocks) noexcept;

}  // namespace logboom::spool
