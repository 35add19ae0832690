// The conversions of Python's `%` operator, as unicode_format_arg of CPython does them: see python_spec.hpp.
#include "record/python_number.hpp"
#include "record/python_spec.hpp"
#include "record/utf8.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace logboom::python {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// A number at `at`, or -1.
int parse_count(std::string_view text, std::size_t& at, std::string_view what) {
  if (at < text.size() && text[at] == '*')
    throw Mismatch(fmt::format("'*' as {} takes no value from a record", what));
  int count = -1;
  for (; at < text.size() && is_digit(text[at]); ++at) {
    count = std::max(count, 0) * 10 + (text[at] - '0');
    if (count > kMaxWidth) throw Mismatch(fmt::format("the {} is above {}", what, kMaxWidth));
  }
  return count;
}

void parse_flags(std::string_view text, std::size_t& at, PercentSpec& spec) {
  for (; at < text.size(); ++at) {
    switch (text[at]) {
      case '-': spec.left = true; break;
      case '+': spec.sign = true; break;
      case ' ': spec.blank = true; break;
      case '#': spec.alternate = true; break;
      case '0': spec.zero = true; break;
      default: return;
    }
  }
}

char32_t character_of(Object const& object) {
  if (auto const* const text = std::get_if<std::string_view>(&object)) {
    Utf8Char const c = decode_utf8(*text, 0);
    if (c.size == 0 || c.size != text->size()) throw Mismatch("%c requires int or char");
    return c.code;
  }
  if (std::holds_alternative<double>(object) || type_name(object) == "NoneType" ||
      std::holds_alternative<Value const*>(object)) {
    throw Mismatch("%c requires int or char");
  }
  Digits const digits = digits_of(object, 10);
  if (digits.negative || digits.text.size() > 7 || std::stoul(digits.text) > 0x10ffff) {
    throw Mismatch("%c arg not in range(0x110000)");
  }
  return static_cast<char32_t>(std::stoul(digits.text));
}

std::string integer_body(PercentSpec const& spec, Object const& object) {
  char const conversion = spec.conversion;
  bool const hexadecimal = conversion == 'x' || conversion == 'X';
  bool const decimal = !hexadecimal && conversion != 'o';
  bool const is_number = std::holds_alternative<bool>(object) || type_name(object) == "int" ||
                         (decimal && std::holds_alternative<double>(object));
  if (!is_number) {
    throw Mismatch(fmt::format("%{} format: {} is required, not {}", conversion,
                               decimal ? "a real number" : "an integer", type_name(object)));
  }
  Digits digits = digits_of(object, decimal ? 10U : hexadecimal ? 16U : 8U);
  std::string body = digits.negative ? "-" : "";
  if (spec.alternate && !decimal) body += hexadecimal ? "0x" : "0o";
  if (spec.precision > static_cast<int>(digits.text.size())) {
    body.append(static_cast<std::size_t>(spec.precision) - digits.text.size(), '0');
  }
  body += digits.text;
  if (conversion == 'X') {
    std::transform(body.begin(), body.end(), body.begin(),
                   [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
  }
  return body;
}

// Sign and prefix stand before zeros and after blanks.
void append_number(PercentSpec const& spec, std::string_view body, std::string& out) {
  std::string head;
  if (body.starts_with('-')) {
    head = "-";
    body.remove_prefix(1);
  } else if (spec.sign) {
    head = "+";
  } else if (spec.blank) {
    head = " ";
  }
  bool const prefixed =
      spec.alternate && (spec.conversion == 'x' || spec.conversion == 'X' || spec.conversion == 'o');
  if (prefixed) {
    head.append(body.substr(0, 2));
    body.remove_prefix(2);
  }
  std::size_t const size = head.size() + body.size();
  std::size_t const pad = spec.width > static_cast<int>(size) ? static_cast<std::size_t>(spec.width) - size : 0;
  if (!spec.left && !spec.zero) out.append(pad, ' ');
  out += head;
  if (!spec.left && spec.zero) out.append(pad, '0');
  out += body;
  if (spec.left) out.append(pad, ' ');
}

void append_text(PercentSpec const& spec, std::string_view text, std::string& out) {
  std::size_t const size = spec.width > 0 ? count_characters(text) : 0;
  std::size_t const pad = spec.width > static_cast<int>(size) ? static_cast<std::size_t>(spec.width) - size : 0;
  if (!spec.left) out.append(pad, ' ');
  out += text;
  if (spec.left) out.append(pad, ' ');
}

}  // namespace

std::size_t parse_percent(std::string_view text, PercentSpec& spec) {
  std::size_t at = 0;
  parse_flags(text, at, spec);
  spec.width = parse_count(text, at, "width");
  if (at < text.size() && text[at] == '.') {
    ++at;
    spec.precision = parse_count(text, at, "precision");
    spec.plain = spec.precision >= 0;
    spec.precision = std::max(spec.precision, 0);
  }
  if (at < text.size() && (text[at] == 'h' || text[at] == 'l' || text[at] == 'L')) {
    spec.plain = false;
    ++at;
  }
  if (at >= text.size()) throw Mismatch("incomplete format");
  spec.conversion = text[at];
  if (std::string_view("diouxXeEfFgGcrsa%").find(spec.conversion) == std::string_view::npos) {
    Utf8Char const c = decode_utf8(text, at);
    throw Mismatch(fmt::format("unsupported format character '{}' (0x{:x})", text.substr(at, c.size),
                               static_cast<unsigned>(c.code)));
  }
  return at + 1;
}

void apply(PercentSpec const& spec, Object const& object, std::string& out) {
  switch (spec.conversion) {
    case '%': out += '%'; return;
    case 'd':
    case 'i':
    case 'u':
    case 'o':
    case 'x':
    case 'X': append_number(spec, integer_body(spec, object), out); return;
    case 'e':
    case 'E':
    case 'f':
    case 'F':
    case 'g':
    case 'G': {
      DoubleForm const form{spec.conversion, spec.precision < 0 ? 6 : spec.precision, spec.alternate, false};
      PercentSpec layout = spec;
      layout.alternate = false;
      append_number(layout, format_double(number_of(object), form), out);
      return;
    }
    case 'c': {
      std::string text;
      append_utf8(character_of(object), text);
      append_text(spec, text, out);
      return;
    }
    default: break;
  }
  auto const* const direct = std::get_if<std::string_view>(&object);
  std::string made;
  if (spec.conversion == 'r') append_repr(object, made);
  if (spec.conversion == 'a') append_ascii(object, made);
  if (spec.conversion == 's' && direct == nullptr) append_str(object, made);
  std::string_view text = spec.conversion == 's' && direct != nullptr ? *direct : made;
  if (spec.precision >= 0) text = first_characters(text, static_cast<std::size_t>(spec.precision));
  append_text(spec, text, out);
}

Digits digits_of(Object const& object, unsigned base) {
  bool negative = false;
  std::uint64_t magnitude = 0;
  if (auto const* const truth = std::get_if<bool>(&object)) {
    magnitude = *truth ? 1 : 0;
  } else if (auto const* const number = std::get_if<std::int64_t>(&object)) {
    negative = *number < 0;
    magnitude = negative ? ~static_cast<std::uint64_t>(*number) + 1 : static_cast<std::uint64_t>(*number);
  } else if (auto const* const big = std::get_if<std::uint64_t>(&object)) {
    magnitude = *big;
  } else if (auto const* const real = std::get_if<double>(&object)) {
    if (std::isnan(*real)) throw Mismatch("cannot convert float NaN to integer");
    if (std::isinf(*real)) throw Mismatch("cannot convert float infinity to integer");
    double const whole = std::trunc(*real);
    return {whole < 0, fmt::format("{:.0f}", std::fabs(whole))};
  } else {
    throw Mismatch(fmt::format("an integer is required, not {}", type_name(object)));
  }
  switch (base) {
    case 2: return {negative, fmt::format("{:b}", magnitude)};
    case 8: return {negative, fmt::format("{:o}", magnitude)};
    case 16: return {negative, fmt::format("{:x}", magnitude)};
    default: return {negative, fmt::format("{}", magnitude)};
  }
}

double number_of(Object const& object) {
  if (auto const* const real = std::get_if<double>(&object)) return *real;
  if (auto const* const number = std::get_if<std::int64_t>(&object)) return static_cast<double>(*number);
  if (auto const* const big = std::get_if<std::uint64_t>(&object)) return static_cast<double>(*big);
  if (auto const* const truth = std::get_if<bool>(&object)) return *truth ? 1.0 : 0.0;
  throw Mismatch(fmt::format("must be real number, not {}", type_name(object)));
}

std::string_view first_characters(std::string_view text, std::size_t count) noexcept {
  std::size_t at = 0;
  for (; count > 0 && at < text.size(); --count) at += decode_utf8(text, at).size;
  return text.substr(0, at);
}

}  // namespace logboom::python
