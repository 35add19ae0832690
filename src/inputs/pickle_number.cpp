// See pickle_number.hpp.
#include "inputs/pickle_number.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <vector>

namespace logboom::inputs {
namespace {

constexpr std::uint32_t kBillion = 1'000'000'000;
constexpr double kBitsADigit = 3.321928094887362;
constexpr std::size_t kExactDigits = 20'000;

// Little-endian words of the absolute value, without zeros at the end.
using Words = std::vector<std::uint32_t>;

void trim(Words& words) {
  while (!words.empty() && words.back() == 0) words.pop_back();
}

bool is_negative(std::string_view little_endian) {
  return !little_endian.empty() && (static_cast<unsigned char>(little_endian.back()) & 0x80U) != 0;
}

Words magnitude(std::string_view little_endian) {
  bool const negative = is_negative(little_endian);
  Words words((little_endian.size() + 3) / 4, negative ? 0xffff'ffffU : 0);
  for (std::size_t i = 0; i < little_endian.size(); ++i) {
    unsigned const shift = static_cast<unsigned>(i % 4) * 8;
    auto const byte = std::uint32_t{static_cast<unsigned char>(little_endian[i])};
    words[i / 4] = (words[i / 4] & ~(0xffU << shift)) | byte << shift;
  }
  bool carry = negative;
  if (negative) {
    for (auto& word : words) {
      word = ~word + (carry ? 1 : 0);
      carry = carry && word == 0;
    }
  }
  trim(words);
  return words;
}

Words of_decimal(std::string_view digits) {
  Words words;
  for (std::size_t at = 0; at < digits.size();) {
    std::size_t const count = std::min<std::size_t>(9, digits.size() - at);
    std::uint64_t carry = 0;
    std::uint64_t scale = 1;
    for (std::size_t i = 0; i < count; ++i, ++at) {
      carry = carry * 10 + static_cast<unsigned>(digits[at] - '0');
      scale *= 10;
    }
    for (auto& word : words) {
      carry += word * scale;
      word = static_cast<std::uint32_t>(carry);
      carry >>= 32U;
    }
    if (carry != 0) words.push_back(static_cast<std::uint32_t>(carry));
  }
  return words;
}

std::size_t bits_of(Words const& words) {
  if (words.empty()) return 0;
  return words.size() * 32 - static_cast<std::size_t>(std::countl_zero(words.back()));
}

std::string_view without_sign(std::string_view digits) {
  if (digits.starts_with('-')) digits.remove_prefix(1);
  return digits;
}

std::optional<Wide> wide(Words const& words) {
  if (words.size() > 4) return std::nullopt;
  Wide made{};
  for (std::size_t i = 0; i < words.size() * 4; ++i)
    made[15 - i] = static_cast<unsigned char>(words[i / 4] >> (i % 4 * 8));
  return made;
}

}  // namespace

std::optional<std::string> decimal_digits(std::string_view little_endian, std::size_t most_digits) {
  Words words = magnitude(little_endian);
  if (words.empty()) return "0";
  if (bits_of(words) > static_cast<std::size_t>(static_cast<double>(most_digits) * kBitsADigit) + 1)
    return std::nullopt;
  std::vector<std::uint32_t> groups;  // nine digits each, the lowest first
  while (!words.empty()) {
    std::uint64_t rest = 0;
    for (std::size_t i = words.size(); i-- > 0;) {
      rest = rest << 32U | words[i];
      words[i] = static_cast<std::uint32_t>(rest / kBillion);
      rest %= kBillion;
    }
    groups.push_back(static_cast<std::uint32_t>(rest));
    trim(words);
  }
  std::string digits = fmt::format("{}", groups.back());
  for (std::size_t i = groups.size() - 1; i-- > 0;)
    fmt::format_to(std::back_inserter(digits), "{:09}", groups[i]);
  if (digits.size() > most_digits) return std::nullopt;
  return is_negative(little_endian) ? "-" + digits : digits;
}

std::size_t bit_length(std::string_view little_endian) { return bits_of(magnitude(little_endian)); }

std::size_t bit_length_of_decimal(std::string_view digits) {
  digits = without_sign(digits);
  if (digits.size() <= kExactDigits) return bits_of(of_decimal(digits));
  double leading = 0;
  for (char const c : digits.substr(0, 15)) leading = leading * 10 + (c - '0');
  return static_cast<std::size_t>(std::log2(leading) + static_cast<double>(digits.size() - 15) * kBitsADigit) +
         1;
}

std::optional<Wide> wide_of_decimal(std::string_view digits) {
  if (digits.starts_with('-') || digits.size() > 39) return std::nullopt;
  return wide(of_decimal(digits));
}

std::optional<Wide> wide_of_binary(std::string_view little_endian) {
  if (is_negative(little_endian) || little_endian.size() > 17) return std::nullopt;
  return wide(magnitude(little_endian));
}

}  // namespace logboom::inputs
