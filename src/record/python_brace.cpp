// Format specifications of str.format(), as CPython's formatter_unicode.c does them: see python_spec.hpp.
#include "record/python_number.hpp"
#include "record/python_spec.hpp"
#include "record/utf8.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <limits>

namespace logboom::python {
namespace {

bool is_align(std::string_view text, std::size_t at) {
  return at < text.size() && std::string_view("<>=^").find(text[at]) != std::string_view::npos;
}

int parse_count(std::string_view text, std::size_t& at, std::string_view what) {
  int count = -1;
  for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at) {
    count = std::max(count, 0) * 10 + (text[at] - '0');
    if (count > kMaxWidth) throw Mismatch(fmt::format("the {} is above {}", what, kMaxWidth));
  }
  return count;
}

[[noreturn]] void refuse_type(BraceSpec const& spec, Object const& object) {
  throw Mismatch(fmt::format("Unknown format code '{}' for object of type '{}'", spec.type, type_name(object)));
}

void check_grouping(BraceSpec const& spec, char type) {
  if (spec.grouping == 0) return;
  std::string_view const both = "defgEG%F";
  std::string_view const underscore_only = "boxX";
  if (type == 0 || both.find(type) != std::string_view::npos) return;
  if (spec.grouping == '_' && underscore_only.find(type) != std::string_view::npos) return;
  throw Mismatch(fmt::format("Cannot specify '{}' with '{}'.", spec.grouping, type));
}

void append_fill(BraceSpec const& spec, std::size_t count, std::string& out) {
  for (; count > 0; --count) out += spec.fill;
}

void append_text(BraceSpec const& spec, std::string_view text, Object const& object, std::string& out) {
  if (spec.type != 0 && spec.type != 's') refuse_type(spec, object);
  check_grouping(spec, 's');
  if (spec.sign != 0) throw Mismatch("Sign not allowed in string format specifier");
  if (spec.alternate) throw Mismatch("Alternate form (#) not allowed in string format specifier");
  if (spec.align == '=') throw Mismatch("'=' alignment not allowed in string format specifier");
  if (spec.precision >= 0) text = first_characters(text, static_cast<std::size_t>(spec.precision));
  std::size_t const size = spec.width > 0 ? count_characters(text) : 0;
  std::size_t const pad = spec.width > static_cast<int>(size) ? static_cast<std::size_t>(spec.width) - size : 0;
  std::size_t const before = spec.align == '>' ? pad : spec.align == '^' ? pad / 2 : 0;
  append_fill(spec, before, out);
  out += text;
  append_fill(spec, pad - before, out);
}

// A number before it is laid out. Only `digits` are grouped.
struct Parts {
  bool negative = false;
  std::string prefix;
  std::string digits;
  std::string rest;  // point, decimals, exponent, percent sign; or inf and nan
};

// _PyUnicode_InsertThousandsGrouping: separators from the right, zeros up to a least width.
std::string grouped(std::string const& digits, int group, char separator, int least) {
  std::string reversed;
  int remaining = static_cast<int>(digits.size());
  bool separate = false;
  auto digit = digits.rbegin();
  while (true) {
    int const size = std::min(group, std::max({remaining, least, 1}));
    int const zeros = std::max(0, size - remaining);
    int const taken = std::max(0, std::min(remaining, size));
    if (separate) reversed += separator;
    for (int i = 0; i < taken; ++i) reversed += *digit++;
    reversed.append(static_cast<std::size_t>(zeros), '0');
    separate = true;
    remaining -= taken;
    least -= size;
    if (remaining <= 0 && least <= 0) break;
    least -= 1;
  }
  return {reversed.rbegin(), reversed.rend()};
}

void append_number(BraceSpec const& spec, Parts parts, std::string& out) {
  char align = spec.align == 0 ? '>' : spec.align;
  std::string head = parts.negative                         ? "-"
                     : spec.sign == '+' || spec.sign == ' ' ? std::string(1, spec.sign)
                                                            : "";
  head += parts.prefix;
  std::size_t const fixed = count_characters(head) + count_characters(parts.rest);
  bool const zeros = spec.fill == "0" && align == '=';
  if (!parts.digits.empty() && (spec.grouping != 0 || zeros)) {
    int const least = zeros ? spec.width - static_cast<int>(fixed) : 0;
    bool const by_four = spec.type == 'b' || spec.type == 'o' || spec.type == 'x' || spec.type == 'X';
    int const group = spec.grouping == 0 ? std::numeric_limits<int>::max() : by_four ? 4 : 3;
    parts.digits = grouped(parts.digits, group, spec.grouping, least);
  }
  std::size_t const size = fixed + parts.digits.size();
  std::size_t const pad = spec.width > static_cast<int>(size) ? static_cast<std::size_t>(spec.width) - size : 0;
  std::size_t const before = align == '>' ? pad : align == '^' ? pad / 2 : 0;
  append_fill(spec, before, out);
  out += head;
  if (align == '=') append_fill(spec, pad, out);
  out += parts.digits;
  out += parts.rest;
  if (align == '<' || align == '^') append_fill(spec, pad - before, out);
}

void append_character(BraceSpec const& spec, Object const& object, std::string& out) {
  if (spec.sign != 0) throw Mismatch("Sign not allowed with integer format specifier 'c'");
  if (spec.alternate) throw Mismatch("Alternate form (#) not allowed with integer format specifier 'c'");
  Digits const digits = digits_of(object, 10);
  if (digits.negative || digits.text.size() > 7 || std::stoul(digits.text) > 0x10ffff) {
    throw Mismatch("%c arg not in range(0x110000)");
  }
  Parts parts;
  append_utf8(static_cast<char32_t>(std::stoul(digits.text)), parts.rest);
  append_number(spec, std::move(parts), out);
}

void append_integer(BraceSpec const& spec, Object const& object, std::string& out) {
  if (spec.precision >= 0) throw Mismatch("Precision not allowed in integer format specifier");
  if (spec.type == 'c') return append_character(spec, object, out);
  unsigned const base = spec.type == 'b'                       ? 2
                        : spec.type == 'o'                     ? 8
                        : spec.type == 'x' || spec.type == 'X' ? 16
                                                               : 10;
  Digits digits = digits_of(object, base);
  Parts parts{digits.negative, "", std::move(digits.text), ""};
  if (spec.alternate && base != 10) parts.prefix = {'0', spec.type};
  if (spec.type == 'X') {
    std::transform(parts.digits.begin(), parts.digits.end(), parts.digits.begin(),
                   [](char c) { return c >= 'a' ? static_cast<char>(c - 'a' + 'A') : c; });
  }
  append_number(spec, std::move(parts), out);
}

void append_double(BraceSpec const& spec, double value, std::string& out) {
  DoubleForm form{spec.type, spec.precision < 0 ? 6 : spec.precision, spec.alternate, false};
  if (spec.type == 0) {
    form.keep_point = true;
    form.type = spec.precision < 0 ? 'r' : 'g';
  } else if (spec.type == 'n') {
    form.type = 'g';
  } else if (spec.type == '%') {
    form.type = 'f';
    value *= 100;
  }
  std::string text = format_double(value, form);
  Parts parts;
  parts.negative = text.front() == '-';
  if (parts.negative) text.erase(0, 1);
  std::size_t const end = std::min(text.find_first_not_of("0123456789"), text.size());
  parts.digits = text.substr(0, end);
  parts.rest = text.substr(end);
  if (spec.type == '%') parts.rest += '%';
  append_number(spec, std::move(parts), out);
}

bool is_plain(BraceSpec const& spec) {
  return spec.fill == " " && !spec.fill_given && spec.align == 0 && spec.sign == 0 && !spec.alternate &&
         spec.width < 0 && spec.grouping == 0 && spec.precision < 0 && spec.type == 0;
}

}  // namespace

BraceSpec parse_brace(std::string_view text) {
  BraceSpec spec;
  std::size_t at = 0;
  std::size_t const first = decode_utf8(text, 0).size;
  if (first > 0 && is_align(text, first)) {
    spec.fill = text.substr(0, first);
    spec.fill_given = true;
    spec.align = text[first];
    at = first + 1;
  } else if (is_align(text, 0)) {
    spec.align = text[at++];
  }
  if (at < text.size() && std::string_view("+- ").find(text[at]) != std::string_view::npos)
    spec.sign = text[at++];
  if (at < text.size() && text[at] == '#') {
    spec.alternate = true;
    ++at;
  }
  if (!spec.fill_given && at < text.size() && text[at] == '0') {
    spec.fill = "0";
    spec.fill_given = true;
    if (spec.align == 0) spec.align = '0';  // '=' for numbers, nothing for text: apply() decides
    ++at;
  }
  spec.width = parse_count(text, at, "width");
  if (at < text.size() && (text[at] == ',' || text[at] == '_')) spec.grouping = text[at++];
  if (at < text.size() && (text[at] == ',' || text[at] == '_'))
    throw Mismatch("Cannot specify both ',' and '_'.");
  if (at < text.size() && text[at] == '.') {
    ++at;
    spec.precision = parse_count(text, at, "precision");
    if (spec.precision < 0) throw Mismatch("Format specifier missing precision");
  }
  if (text.size() - at > 1) throw Mismatch("Invalid format specifier");
  if (at < text.size()) spec.type = text[at];
  return spec;
}

void apply(BraceSpec const& given, Object const& object, std::string& out) {
  auto const* const text = std::get_if<std::string_view>(&object);
  if (is_plain(given)) return append_str(object, out);
  BraceSpec spec = given;
  if (text != nullptr || std::holds_alternative<std::nullptr_t>(object)) {
    if (spec.align == '0') spec.align = 0;
    return append_text(spec, text != nullptr ? *text : "None", object, out);
  }
  if (std::holds_alternative<Value const*>(object)) {
    throw Mismatch(fmt::format("unsupported format string passed to {}.__format__", type_name(object)));
  }
  if (spec.align == '0') spec.align = '=';
  bool const is_float = std::holds_alternative<double>(object);
  std::string_view const float_types = "eEfFgG%";
  std::string_view const integer_types = "bcdoxXn";
  if (float_types.find(spec.type) != std::string_view::npos ||
      (is_float && (spec.type == 0 || spec.type == 'n'))) {
    check_grouping(spec, spec.type);
    return append_double(spec, number_of(object), out);
  }
  if (is_float || (spec.type != 0 && integer_types.find(spec.type) == std::string_view::npos))
    refuse_type(spec, object);
  check_grouping(spec, spec.type == 0 ? 'd' : spec.type);
  append_integer(spec, object, out);
}

}  // namespace logboom::python
