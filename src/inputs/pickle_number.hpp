// Integers of any size as text and bytes. Knows nothing of pickles.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace logboom::inputs {

/// Decimal digits, with a '-' where negative, of a two's complement number, little-endian, at most `most_digits` of them; nothing if there are more.
/// Time grows with the square of the digits.
std::optional<std::string> decimal_digits(std::string_view little_endian, std::size_t most_digits);

/// Python's int.bit_length().
std::size_t bit_length(std::string_view little_endian);
/// Of decimal digits, a sign before them or not. Beyond 20,000 digits it may be off by one next to a power of two.
std::size_t bit_length_of_decimal(std::string_view digits);

/// A number from 0 to 2¹²⁸ − 1, big-endian; nothing if it is none.
using Wide = std::array<unsigned char, 16>;
std::optional<Wide> wide_of_decimal(std::string_view digits);
std::optional<Wide> wide_of_binary(std::string_view little_endian);

}  // namespace logboom::inputs
