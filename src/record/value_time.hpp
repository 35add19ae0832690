// Points in time and durations as the values of records: how they are written, and ISO 8601 read. Knows no clock.
#pragma once

#include "record/clean_text.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace logboom::wire {

/// "2026-11-20T19:36:57Z", with up to nine digits of a fraction where it is not zero. Any int64 number of nanoseconds.
void append_time(TextBuffer& out, std::int64_t time);

/// "2s", "1500ms", "25µs", "3ns": the largest of these units that is exact.
void append_duration(TextBuffer& out, std::int64_t nanoseconds);

/// Reads "2026-11-20T19:36[:57[.123456789]][Z|+01:00|+0100]", also with a blank for the T; local time where no zone is given.
/// Nothing if it is not that, or outside the years 1678–2261.
std::optional<std::int64_t> read_time(std::string_view text);

}  // namespace logboom::wire
