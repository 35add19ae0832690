// Points in time as ISO 8601. Knows nothing of records.
#pragma once

#include <cstdint>
#include <ctime>
#include <string>

namespace logboom {

/// A point in time, nanoseconds since the Unix epoch, taken apart.
struct CivilTime {
  std::tm tm{};
  std::uint32_t nanoseconds = 0;
};

/// In UTC or in the local zone.
CivilTime to_civil(std::int64_t time, bool utc) noexcept;

/// Appends `2026-11-20T10:30:05.123456789+01:00`, or `…Z` for UTC.
void write_iso_time(std::int64_t time, bool utc, std::string& out);

}  // namespace logboom
