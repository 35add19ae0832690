// Which clock a log call reads: LOGBOOM_CLOCK, else what the kernel trusts. The choice itself is made by detail::tick_source() (include/logboom/detail/clock.hpp).
#pragma once

namespace logboom::spool {

/// @throws std::invalid_argument when LOGBOOM_CLOCK cannot be followed; tick_source() then decides as if it were unset. Thread-safe.
void check_clock_variable();

}  // namespace logboom::spool
