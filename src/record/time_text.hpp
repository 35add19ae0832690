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

/// In UTC or in the local zone. Quick for times of the same second, one after the other, as records are: a change of the zone within it is not seen.
CivilTime to_civil(std::int64_t time, bool utc) noexcept;

/// Appends `2026-11-20 10:30:05`, with what is to stand between date and time. A year has four digits at least.
void append_date_time(std::tm const& tm, char between, std::string& out);

/// Appends the lowest `width` decimal digits, at most 10.
void append_digits(std::uint64_t number, unsigned width, std::string& out);

/// Appends `2026-11-20T10:30:05.123456789+01:00`, or `…Z` for UTC.
void write_iso_time(std::int64_t time, bool utc, std::string& out);

}  // namespace logboom
