// Values rendered with fmt as the log call itself would have rendered them.
#include "record/value_text.hpp"

#include "record/extension.hpp"
#include "record/value_time.hpp"
#include "record/wire.hpp"

#include <algorithm>
#include <bit>
#include <chrono>
#include <limits>

#include <fmt/chrono.h>
#include <fmt/compile.h>

namespace logboom::wire {
namespace {

constexpr std::string_view kFloatPresentations = "aAeEfFgG";
constexpr std::string_view kIntegerPresentations = "bBdoxX";
constexpr std::string_view kNone = "none";
constexpr std::string_view kTooDeep = "…";
constexpr std::size_t kMaxArray = 256U << 10U;  // bytes of an array whose elements have a spec

bool is_one_of(char c, std::string_view set) noexcept {
  return c != '\0' && set.find(c) != std::string_view::npos;
}

// Whatever fmt objects to: the caller shows the value without the spec.
template <typename T>
bool format(TextBuffer& out, std::string_view format, T const& value) {
  std::size_t const before = out.size();
  try {
    fmt::vformat_to(fmt::appender(out), fmt::string_view(format.data(), format.size()),
                    fmt::make_format_args(value));
    return true;
  } catch (std::runtime_error const&) {
    out.resize(before);
    return false;
  }
}

/// What fmt makes of the spec, unless it objects or takes a number from another argument.
template <typename T>
std::optional<fmt::formatter<T>> read_once(std::string_view spec) {
  if (spec.find_first_of("{}") != std::string_view::npos) return std::nullopt;
  fmt::format_parse_context context(fmt::string_view(spec.data(), spec.size()));
  try {
    fmt::formatter<T> made;
    if (made.parse(context) == context.end()) return made;
  } catch (fmt::format_error const&) {
  }
  return std::nullopt;
}

template <typename T>
bool format(TextBuffer& out, fmt::formatter<T> const& formatter, T value) {
  fmt::format_context context(fmt::appender(out), {});
  formatter.format(value, context);
  return true;
}

template <typename T>
void append_integer(TextBuffer& out, T value) {
  fmt::format_int const digits(value);
  append(out, {digits.data(), digits.size()});
}

void append_extension(TextBuffer& out, Token const& value) {
  if (auto const time = timestamp_of(value)) {
    append_time(out, *time);
  } else if (auto const duration = duration_of(value)) {
    append_duration(out, *duration);
  } else if (auto const address = pointer_of(value)) {
    fmt::format_to(fmt::appender(out), FMT_COMPILE("{:#x}"), *address);
  } else {
    append(out, value.text());
  }
}

void append_nested(TextBuffer& out, Token const& value, std::size_t depth);

template <typename Element>
void append_elements(TextBuffer& out, Token const& container, Element const& element) {
  Token const* at = &container + 1;
  Token const* const end = after(&container);
  for (bool first = true; at != end; first = false) {
    if (!first) append(out, ", ");
    at = element(at);
  }
}

void append_array(TextBuffer& out, Token const& array, std::size_t depth) {
  out.push_back('[');
  append_elements(out, array, [&](Token const* element) {
    append_nested(out, *element, depth);
    return after(element);
  });
  out.push_back(']');
}

void append_map(TextBuffer& out, Token const& map, std::size_t depth) {
  out.push_back('{');
  append_elements(out, map, [&](Token const* key) {
    append_nested(out, *key, depth);
    append(out, ": ");
    Token const* const value = after(key);
    append_nested(out, *value, depth);
    return after(value);
  });
  out.push_back('}');
}

void append_any(TextBuffer& out, Token const& value, std::size_t depth) {
  switch (value.kind) {
    case Kind::kNil: append(out, kNone); break;
    case Kind::kBool: append(out, value.integer != 0 ? "true" : "false"); break;
    case Kind::kInt: append_integer(out, value.integer); break;
    case Kind::kUint: append_integer(out, value.natural); break;
    case Kind::kFloat32: append_float(out, static_cast<float>(value.number)); break;
    case Kind::kFloat64: append_float(out, value.number); break;
    case Kind::kText:
    case Kind::kBytes: append(out, value.text()); break;
    case Kind::kExtension: append_extension(out, value); break;
    case Kind::kArray:
    case Kind::kMap:
      if (depth == kMaxDepth)
        append(out, kTooDeep);
      else if (value.kind == Kind::kArray)
        append_array(out, value, depth + 1);
      else
        append_map(out, value, depth + 1);
      break;
  }
}

// Within an array or map fmt quotes texts and characters.
void append_nested(TextBuffer& out, Token const& value, std::size_t depth) {
  bool const is_text = value.kind == Kind::kText || value.kind == Kind::kBytes;
  if (is_text && format(out, "{:?}", fmt::string_view(value.data, value.size))) return;
  bool const is_character =
      value.kind == Kind::kExtension && value.extension == detail::record_layout::kCharacter;
  if (!is_character) return append_any(out, value, depth);
  out.push_back('\'');
  append(out, value.text());
  out.push_back('\'');
}

bool format_text(TextBuffer& out, std::string_view text, Spec const& spec) {
  return format(out, spec.format, fmt::string_view(text.data(), text.size()));
}

// An absent value may stand where a number was to come: of such a spec the alignment and the width hold for it too.
bool format_none(TextBuffer& out, Spec const& spec) {
  if (format_text(out, kNone, spec)) return true;
  std::string_view text = spec.text();
  if (!text.empty() && is_one_of(spec.presentation, "aAbBcdeEfFgGopxX")) text.remove_suffix(1);
  text = text.substr(0, text.find('.'));
  return format_text(out, kNone, Spec(text));
}

bool format_character(TextBuffer& out, Token const& value, Spec const& spec) {
  std::string_view const text = value.text();
  if (text.size() == 1) return format(out, spec.format, text.front());
  if (is_one_of(spec.presentation, kIntegerPresentations))
    return format(out, spec.format, code_point_of(text));
  return format_text(out, text, spec);
}

// The unit tells fmt how many digits of a second there are to be shown, and what %Q counts in.
bool format_duration(TextBuffer& out, std::int64_t nanoseconds, Spec const& spec) {
  using namespace std::chrono;
  // fmt negates what is negative
  nanoseconds = std::max(nanoseconds, -std::numeric_limits<std::int64_t>::max());
  std::chrono::nanoseconds const duration(nanoseconds);
  if (duration % 1s == 0s) return format(out, spec.format, duration_cast<seconds>(duration));
  if (duration % 1ms == 0ms) return format(out, spec.format, duration_cast<milliseconds>(duration));
  if (duration % 1us == 0us) return format(out, spec.format, duration_cast<microseconds>(duration));
  return format(out, spec.format, duration);
}

bool format_time(TextBuffer& out, Token const& value, std::int64_t time, Spec const& spec) {
  if (spec.text().find('%') == std::string_view::npos) {
    TextBuffer text;
    append_any(text, value, 0);
    return format_text(out, {text.data(), text.size()}, spec);
  }
  auto const seconds = std::chrono::floor<std::chrono::seconds>(std::chrono::nanoseconds(time));
  try {
    return format(out, spec.format, fmt::gmtime(static_cast<std::time_t>(seconds.count())));
  } catch (fmt::format_error const&) {
    return false;
  }
}

bool format_extension(TextBuffer& out, Token const& value, Spec const& spec) {
  if (auto const time = timestamp_of(value)) return format_time(out, value, *time, spec);
  if (auto const duration = duration_of(value)) return format_duration(out, *duration, spec);
  if (auto const address = pointer_of(value))
    return format(out, spec.format, std::bit_cast<void const*>(*address));
  if (value.extension == detail::record_layout::kCharacter) return format_character(out, value, spec);
  return format_text(out, value.text(), spec);
}

// fmt's own specs of ranges: `n` leaves out the brackets, what follows a second colon is for the elements.
bool format_array(TextBuffer& out, Token const& array, Spec const& spec) {
  std::string_view text = spec.text();
  bool const bare = text.starts_with('n');
  if (bare) text.remove_prefix(1);
  if (!text.empty() && !text.starts_with(':')) return false;
  if (!text.empty()) text.remove_prefix(1);
  Spec const element(text);
  std::size_t const before = out.size();
  bool suits = true;
  if (!bare) out.push_back('[');
  append_elements(out, array, [&](Token const* at) {
    suits = suits && out.size() - before < kMaxArray;
    if (suits && element.format.empty())
      append_nested(out, *at, 1);
    else
      suits = suits && append_value(out, *at, element);
    return after(at);
  });
  if (!bare) out.push_back(']');
  if (!suits) out.resize(before);
  return suits;
}

bool numbers_are_bounded(std::string_view spec) noexcept {
  unsigned number = 0;
  for (char const c : spec) {
    number = c >= '0' && c <= '9' ? number * 10 + static_cast<unsigned>(c - '0') : 0;
    if (number > Spec::kMaxNumber) return false;
  }
  return true;
}

template <typename T>
void append_shortest(TextBuffer& out, T value) {
  constexpr std::size_t kLongest = 32;  // "-2.2250738585072014e-308" has 24
  std::size_t const size = out.size();
  out.resize(size + kLongest);
  char const* const end = fmt::format_to(out.data() + size, FMT_COMPILE("{}"), value);
  out.resize(static_cast<std::size_t>(end - out.data()));
}

}  // namespace

void append_float(TextBuffer& out, float value) { append_shortest(out, value); }
void append_float(TextBuffer& out, double value) { append_shortest(out, value); }

Spec::Spec(std::string_view spec) : bounded(numbers_are_bounded(spec)) {
  if (spec.empty()) return;
  format.reserve(spec.size() + 3);
  format.append("{:").append(spec).append("}");
  presentation = spec.back();
  if (bounded && is_one_of(presentation, kFloatPresentations)) number = read_once<double>(text());
}

void append_value(TextBuffer& out, Token const& value) { append_any(out, value, 0); }

bool append_value(TextBuffer& out, Token const& value, Spec const& spec) {
  if (!spec.bounded) return false;
  switch (value.kind) {
    case Kind::kNil: return format_none(out, spec);
    case Kind::kBool: return format(out, spec.format, value.integer != 0);
    case Kind::kInt:
      // Who sends from a language of one kind of number may send 3 where 3.0 is meant.
      if (is_one_of(spec.presentation, kFloatPresentations))
        return format(out, spec.format, static_cast<double>(value.integer));
      return format(out, spec.format, value.integer);
    case Kind::kUint:
      if (is_one_of(spec.presentation, kFloatPresentations))
        return format(out, spec.format, static_cast<double>(value.natural));
      return format(out, spec.format, value.natural);
    case Kind::kFloat32: return format(out, spec.format, static_cast<float>(value.number));
    case Kind::kFloat64:
      return spec.number ? format(out, *spec.number, value.number) : format(out, spec.format, value.number);
    case Kind::kText:
    case Kind::kBytes: return format_text(out, value.text(), spec);
    case Kind::kExtension: return format_extension(out, value, spec);
    case Kind::kArray: return format_array(out, value, spec);
    case Kind::kMap: return false;
  }
  return false;
}

}  // namespace logboom::wire
