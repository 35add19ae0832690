// Which characters may steer a terminal, and texts without them. Knows nothing of records.
#pragma once

#include <string>
#include <string_view>

namespace logboom {

/// C0 (newline and tab too), DEL, C1, the marks that turn the direction of writing, and the two separators that some programs take for a line's end.
constexpr bool steers_terminal(char32_t code) noexcept {
  return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x61c || code == 0x200e || code == 0x200f ||
         (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
}

/// Appends the text with such characters as `\x1b` or `\u202e`, and bytes that are not UTF-8 as `\xNN`. Newline and tab stay.
void append_harmless(std::string_view text, std::string& out);

/// The same for one line: newline and tab come out as `\n` and `\t`.
void append_harmless_line(std::string_view text, std::string& out);

}  // namespace logboom
