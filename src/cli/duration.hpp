// Lengths of time as people type and read them: 90s, 10m, 1h30m, 2d. Must not know what they are for.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace logboom::cli {

/// Seconds, at least one. @throws std::invalid_argument: one line that names `what`, the reason and the mend
std::uint64_t parse_duration(std::string_view text, std::string_view what);

/// The two largest units: "45s", "9m 30s", "1h 5m", "3d 2h".
std::string duration_text(std::int64_t nanoseconds);

}  // namespace logboom::cli
