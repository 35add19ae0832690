// Writes what a record says into a block: message, fields, attributes. One for batches and plain records alike.
// Must not know frames or how records are numbered.
#pragma once

#include "record/block.hpp"
#include "record/template.hpp"
#include "record/token_tape.hpp"

#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace logboom::wire {

/// Bounds what one frame can grow to when rendered; past it records stay readable and whole, but plain: see EntryWriter::message.
class RenderBudget {
 public:
  static constexpr std::size_t kBytes = 32U << 20U;

  void reset() noexcept { left_ = kBytes; }
  void spend(std::size_t bytes) noexcept { left_ -= bytes < left_ ? bytes : left_; }
  bool exhausted() const noexcept { return left_ == 0; }

 private:
  std::size_t left_ = kBytes;
};

/// Reused from record to record: begin(), then what the record has, then finish().
class EntryWriter {
 public:
  static constexpr std::size_t kMaxValues = 64U << 10U;  // of the fields of a record, nested ones counted
  static constexpr std::size_t kMaxFieldBytes = 512U << 10U;  // of their texts

  /// What a record says instead of its site, or instead of its stream's process and thread.
  struct Overrides {
    std::optional<Level> level;
    std::string_view level_name;  // clean, in the block
    std::string_view file, function;
    std::optional<std::uint32_t> line;
    std::optional<std::string_view> template_text;  // may be empty: the record has none
    std::optional<std::uint64_t> pid, tid;
    std::optional<std::string_view> thread;

    bool origin() const noexcept { return pid || tid || thread; }
    bool any() const noexcept {
      return level || line || template_text || !level_name.empty() || !file.empty() || !function.empty();
    }
  };

  /// A new frame.
  void reset_budget() noexcept { budget_.reset(); }

  void begin(Block& block, Entry& entry) noexcept;

  /// The message, and a field for each named argument. Arguments that the message does not show are kept in the attribute `arguments`;
  /// so they are when the frame's budget is spent, and the message is the template itself then.
  void message(Template const& text, std::string_view template_text, Token const& arguments);
  /// A message that is already text.
  void message(std::string_view text);
  /// A message that is one value.
  void message(Token const& value);

  /// Explicit fields: of equal keys the first counts, and any of them wins over a named argument.
  void fields(Token const& map);
  void field(std::string_view key, Token const& value);
  /// Attributes: those that Entry has a member for, those that override the site's, and others.
  void attributes(Token const& map);
  void attribute(std::string_view key, Token const& value);
  /// One that Entry has a member for and that is a text. @return false if it is none
  bool known_attribute(std::string_view key, Token const& value);
  bool known_number(std::string_view key, std::int64_t number);

  Overrides finish();

 private:
  struct Pair {
    std::string_view key;
    Token const* value = nullptr;     // nothing: overridden
    FieldKey const* ready = nullptr;  // the key of a named argument
  };
  /// Keys in order of arrival, bounded in number and in what they hold.
  struct Pairs {
    std::vector<Pair> list;
    std::size_t named = 0;   // the first so many come from the arguments; an explicit one overrides them
    std::size_t values = 0;  // within them
    std::size_t bytes = 0;   // of their texts
    std::int64_t left_out = 0;
    void clear() noexcept;
  };

  static void add(Pairs& pairs, std::string_view key, Token const& value, FieldKey const* ready = nullptr);
  void name_arguments(Template const& text, std::span<Token const* const> arguments);
  void add_all(Pairs& pairs, Token const& map);
  std::string_view key_of(Token const& key);
  std::string_view keep_clean(std::string_view text);
  void put_key(Pair const& pair);
  void write(Pairs const& pairs, std::string_view& json, std::string_view& msgpack);

  Block* block_ = nullptr;
  Entry* entry_ = nullptr;
  Overrides overrides_;
  Pairs fields_, attributes_;
  TextBuffer text_, json_, msgpack_;
  std::array<Token const*, Template::kMaxArguments> arguments_{};
  RenderBudget budget_;
};

}  // namespace logboom::wire
