// One value put into a format string: the conversions of Python's `%` operator and the format specifications of str.format().
// Must not know records, nor how format strings are parsed around these.
#pragma once

#include "record/python_value.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace logboom::python {

/// Widths and precisions above are refused: a format is not a way to fill the memory.
inline constexpr int kMaxWidth = 4096;

/// `%-15.3s` after its key.
struct PercentSpec {
  bool left = false;       // -
  bool sign = false;       // +
  bool blank = false;      // space
  bool alternate = false;  // #
  bool zero = false;       // 0
  int width = -1;
  int precision = -1;
  char conversion = 's';
  bool plain =
      true;  // false: h, l or L (without effect), or no digits after the point: not known to the validation of logging.Formatter
};

/// Reads from behind the key to the conversion; returns how many bytes it took. @throws Mismatch
std::size_t parse_percent(std::string_view text, PercentSpec& spec);
/// Appends the value. @throws Mismatch where Python raises
void apply(PercentSpec const& spec, Object const& object, std::string& out);

/// `*>+#015,.3f` of str.format() and format().
struct BraceSpec {
  std::string fill = " ";  // one character
  bool fill_given = false;
  char align = 0;  // < > = ^, 0: the type's own
  char sign = 0;   // + - space
  bool alternate = false;
  int width = -1;
  char grouping = 0;  // , or _
  int precision = -1;
  char type = 0;
};

/// @throws Mismatch
BraceSpec parse_brace(std::string_view text);
/// Appends the value. None, which Python cannot pad, is treated as text, so that an unknown value costs nothing. @throws Mismatch where Python raises otherwise
void apply(BraceSpec const& spec, Object const& object, std::string& out);

/// The digits of an integer in base 2, 8, 10 or 16, without sign; for a float (%d) those of its whole part.
struct Digits {
  bool negative = false;
  std::string text;
};
Digits digits_of(Object const& object, unsigned base);

/// The value as a double. @throws Mismatch if it is no number
double number_of(Object const& object);

/// Characters of `text`, at most `count`.
std::string_view first_characters(std::string_view text, std::size_t count) noexcept;

}  // namespace logboom::python
