// Levels: Python's numbers and names. Knows nothing of loggers, rules or formats.
#pragma once

#include <logboom/export.hpp>

#include <optional>
#include <string_view>

namespace logboom {

/// Severity of a record. Any other number is allowed and kept as it is; higher is more severe.
using Level = int;

namespace level {
inline constexpr Level kTrace = 5;
inline constexpr Level kDebug = 10;
inline constexpr Level kInfo = 20;
inline constexpr Level kWarning = 30;
inline constexpr Level kError = 40;
inline constexpr Level kCritical = 50;
/// Above every level: a logger set to it is silent.
inline constexpr Level kOff = 1'000'000;
}  // namespace level

/// "INFO" for 20; "" for a number without a name. Static storage.
LOGBOOM_API std::string_view level_name(Level level) noexcept;

/// 30 for "WARNING", "warning", "warn" or "30"; "off" is level::kOff. Case does not matter. Nothing if it is neither a name nor an integer.
LOGBOOM_API std::optional<Level> parse_level(std::string_view text) noexcept;

}  // namespace logboom
