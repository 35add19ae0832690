// Values as JSON. Knows nothing of records; always valid JSON, whatever the value holds.
#pragma once

#include <logboom/record.hpp>

#include <string>
#include <string_view>

namespace logboom {

/// Appends a JSON string. Control characters, DEL, C1 and bidirectional marks are written as \uNNNN (the same text to a parser, harmless on a terminal);
/// bytes that are not UTF-8 as the text `\xNN`.
void write_json_string(std::string_view text, std::string& out);

/// Appends the shortest number that reads back as the same double, always with a point or an exponent; "nan", "inf", "-inf" as strings.
void write_json_double(double value, std::string& out);

/// Appends a value: bytes as text, those that are not UTF-8 as `\xNN`. Nesting deeper than wire::kMaxDepth + 4 becomes "…".
void write_json(Value const& value, std::string& out);
void write_json(Fields const& fields, std::string& out);

}  // namespace logboom
