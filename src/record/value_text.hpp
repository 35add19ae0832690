// One value of a record as text, as JSON and as plain msgpack (docs/protocol.md, "Values"). Must not know templates or records.
#pragma once

#include "record/clean_text.hpp"
#include "record/token_tape.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace logboom::wire {

/// What stands after the colon of a placeholder, ready for use.
struct Spec {
  /// Widths and precisions above this suit no value: a template must not make a message of a gigabyte.
  static constexpr unsigned kMaxNumber = 1024;

  Spec() = default;
  explicit Spec(std::string_view spec);

  std::string format;                            // "{:>8.1f}"; empty: none
  char presentation = '\0';                      // its last character
  bool bounded = true;                           // no number above kMaxNumber
  std::optional<fmt::formatter<double>> number;  // the same, read once: what most specs are for. Nothing: it does not suit one

  std::string_view text() const noexcept {
    return format.empty() ? std::string_view() : std::string_view(format).substr(2, format.size() - 3);
  }
};

/// The shortest text that reads back as the same number, "1" for one; "nan", "inf".
void append_float(TextBuffer& out, float value);
void append_float(TextBuffer& out, double value);

/// The value as `{}` renders it. Any bytes a text holds are kept: the whole is cleaned by the caller.
void append_value(TextBuffer& out, Token const& value);

/// The value as `{:spec}` renders it. @return false if the spec does not suit the value: nothing is added then
bool append_value(TextBuffer& out, Token const& value, Spec const& spec);

/// What JSON can say of the value; valid JSON, its texts clean.
void append_json(TextBuffer& out, Token const& value);

/// The same in msgpack: nil, bool, int, float64, str, array, and map with str keys.
void append_msgpack(TextBuffer& out, Token const& value);
void append_msgpack_text(TextBuffer& out, std::string_view text);  // made clean
void append_msgpack_integer(TextBuffer& out, std::int64_t value);
void append_msgpack_map(TextBuffer& out, std::size_t pairs);

/// A key of a map as text: itself, or its JSON text, in which an array or map that is a key is "…". `scratch` holds what is not there yet.
std::string_view key_text(Token const& key, TextBuffer& scratch);

}  // namespace logboom::wire
