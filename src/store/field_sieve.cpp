// What may be concluded from a test about the text of the object rests on two others: how Matcher compares (record/filter.cpp), and how values are written (record/value_json.cpp).
#include "store/field_sieve.hpp"

#include "record/clean_text.hpp"
#include "store/regex_literal.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>

namespace logboom::store {
namespace {

using Operator = FieldTest::Operator;

constexpr std::string_view kOfNumbers = "0123456789+-.e";
constexpr std::array<std::string_view, 3> kWords = {"true", "false", "null"};  // values that are no texts
constexpr std::size_t kExactDigits = 15;  // so many, and a double has them back as they were
constexpr std::size_t kLeastDigitsWithExponent = 6;

bool is_printable(char c) { return c >= 0x20 && c < 0x7f; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// A name that JSON writes as it is.
bool is_plain_name(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(),
                                      [](char c) { return is_printable(c) && c != '"' && c != '\\'; });
}

/// As a text of JSON has it between its quotes. Character for character, so that a part of a text is a part of this.
std::string within_quotes(std::string_view text) {
  wire::TextBuffer out;
  wire::append_json_string(out, text);
  return {out.data() + 1, out.size() - 2};
}

/// Digits as an integer of at most kExactDigits is written.
bool is_plain_integer(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  if (text.empty() || text.size() > kExactDigits || !std::all_of(text.begin(), text.end(), is_digit))
    return false;
  return text.front() != '0';
}

bool reads_as_number(std::string_view text) {
  double number = 0;
  auto const result = std::from_chars(text.data(), text.data() + text.size(), number);
  // What is out of range may still be an integer to the matcher.
  return result.ptr == text.data() + text.size() && result.ec != std::errc::invalid_argument;
}

/// The number as 1.25e+06: from where on that is written, fmt's versions do not agree.
std::string with_exponent(std::string_view integer) {
  std::string_view const sign = integer.substr(0, integer.starts_with('-') ? 1 : 0);
  std::string_view const digits = integer.substr(sign.size());
  std::string_view const rest = digits.substr(1, digits.find_last_not_of('0'));
  return fmt::format("{}{}{}{}e+{:02}", sign, digits.front(), rest.empty() ? "" : ".", rest, digits.size() - 1);
}

/// The name with its colon, and whatever is to come next.
std::string pair(FieldTest const& test, std::string_view value) {
  return fmt::format("\"{}\":{}", test.field, value);
}

std::vector<AnyText> has_field(FieldTest const& test) { return {{fmt::format("\"{}\"", test.field)}}; }

/// A field that is text is compared as text, one that is a number as a number: 500, 500.0 and 5e+02 are equal.
std::vector<AnyText> equals_number(FieldTest const& test) {
  if (!is_plain_integer(test.value)) return has_field(test);
  AnyText any = {pair(test, test.value), pair(test, fmt::format("\"{}\"", test.value))};
  if (test.value.size() >= kLeastDigitsWithExponent) any.push_back(pair(test, with_exponent(test.value)));
  return {any};
}

/// Lists and maps are compared as JSON that is written once more, in which numbers may look otherwise.
std::vector<AnyText> equals(FieldTest const& test) {
  if (reads_as_number(test.value)) return equals_number(test);
  if (!wire::is_clean(test.value) || test.value.starts_with('[') || test.value.starts_with('{'))
    return has_field(test);
  AnyText any = {pair(test, fmt::format("\"{}\"", within_quotes(test.value)))};
  if (std::find(kWords.begin(), kWords.end(), test.value) != kWords.end())
    any.push_back(pair(test, test.value));
  return {any};
}

std::vector<AnyText> begins_with(FieldTest const& test, std::string_view literal) {
  if (is_digit(literal.front()) || literal.front() == '-') return has_field(test);  // numbers, too
  AnyText any = {pair(test, "\"" + within_quotes(literal))};
  for (std::string_view const word : kWords) {
    if (word.starts_with(literal)) any.push_back(pair(test, word));
  }
  return {any};
}

std::vector<AnyText> contains(FieldTest const& test, std::string_view literal) {
  if (literal.find_first_not_of(kOfNumbers) == std::string_view::npos) return has_field(test);
  // Lists and maps: as for equals().
  return {{pair(test, "")}, {within_quotes(literal), pair(test, "["), pair(test, "{")}};
}

std::vector<AnyText> matches(FieldTest const& test) {
  std::string_view const literal = literal_of(test.value);
  if (literal.empty()) return has_field(test);
  return test.value.starts_with('^') ? begins_with(test, literal) : contains(test, literal);
}

}  // namespace

std::vector<AnyText> field_sieve(FieldTest const& test) {
  if (test.op == Operator::kNotEqual || !is_plain_name(test.field)) return {};
  if (test.op == Operator::kEqual) return equals(test);
  if (test.op == Operator::kMatches) return matches(test);
  return has_field(test);
}

}  // namespace logboom::store
