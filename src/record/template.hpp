// A call's template, {fmt} syntax with optional names, taken apart once and rendered for each record.
// Must not know records, sites or batches.
#pragma once

#include "record/clean_text.hpp"
#include "record/token_tape.hpp"
#include "record/value_text.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace logboom::wire {

/// The name of an argument, and what stands for it as the key of a field: made once, not for each record.
struct FieldKey {
  FieldKey() = default;
  explicit FieldKey(std::string_view name);

  std::string name;     // empty: the argument has none
  std::string json;     // `"name":`
  std::string msgpack;  // a str
};

/// `{}` and `{name}` take the arguments in order of first use (the same name the same one), `{0}` by its index; `{{` and `}}` stand for braces;
/// `{:>{width}}` takes a part of its spec from an argument. What cannot be read as a placeholder is text.
class Template {
 public:
  static constexpr std::size_t kMaxArguments = 255;         // placeholders beyond are text
  static constexpr std::size_t kMaxName = 128;              // bytes
  static constexpr std::size_t kMaxRendered = 256U << 10U;  // bytes of a message

  /// @param text clean
  explicit Template(std::string_view text);

  /// Arguments that are used: one above the highest index.
  std::size_t arguments() const noexcept { return keys_.size(); }
  /// Whether each of those has a placeholder (not so in "{1}").
  bool shows_all() const noexcept { return shows_all_; }
  std::size_t placeholders() const noexcept { return placeholders_.size(); }
  /// By argument.
  std::span<FieldKey const> keys() const noexcept { return keys_; }

  struct Outcome {
    std::size_t unsuitable =
        0;  // placeholders whose argument is missing (`{?}`) or not of a kind for the spec (as with `{}`)
    bool complete = true;  // false: it grew past kMaxRendered and ends there
  };
  /// Adds the message. Bytes of texts are kept as they are: the caller cleans the whole.
  Outcome render(std::span<Token const* const> arguments, TextBuffer& out) const;

  /// Memory it holds.
  std::size_t bytes() const noexcept;

 private:
  using Index = std::uint16_t;
  struct Nested {
    std::string before;  // of the spec
    Index argument = 0;
  };
  struct Placeholder {
    std::string before;  // text before it
    Index argument = 0;
    Spec spec;  // unless parts of it are nested
    std::vector<Nested> nested;
    std::string nested_tail;
  };
  class Parser;

  bool render(Placeholder const& placeholder, std::span<Token const* const> arguments, TextBuffer& out) const;

  std::vector<Placeholder> placeholders_;
  std::string tail_;
  std::vector<FieldKey> keys_;
  bool shows_all_ = true;
};

}  // namespace logboom::wire
