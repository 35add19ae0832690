// Nodes of a pickle as values of a record: tokens, and the Python types that they do not say (docs/protocol.md, "Attributes", `types`).
// Bounded, however often the pickle shares a part. Must not know records or opcodes.
#pragma once

#include "inputs/pickle_graph.hpp"
#include "record/clean_text.hpp"
#include "record/token_tape.hpp"

#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace logboom::inputs::pickle {

inline constexpr std::size_t kMaxTokens = 64U << 10U;    // values that all fields of a record come to
inline constexpr std::size_t kMaxTextBytes = 1U << 20U;  // of their texts
inline constexpr std::size_t kMaxDigits = 4'300;         // of an integer, as Python bounds them
inline constexpr std::size_t kMaxAllDigits =
    64U << 10U;  // of the integers of a record whose digits must be worked out
inline constexpr std::size_t kMaxTypes = 256;
inline constexpr std::size_t kMaxTypeBytes = 64U << 10U;

/// One record at a time: begin(), then what the record has. Places in tokens() hold until the next begin(), addresses until the next token is made.
class Values {
 public:
  explicit Values(Graph& graph) : graph_(graph) {}

  void begin();
  /// Appends the value; its place in tokens(). Its types are noted below the JSON pointer `head`, and there below `key` if one is given.
  std::size_t value(Ref ref, std::string_view head, std::optional<std::string_view> key = {});
  /// The same without types.
  std::size_t value(Ref ref);
  /// A token of the caller's own; its texts live as long as he needs them.
  std::size_t own(wire::Token const& token) {
    tokens_.push_back(token);
    return tokens_.size() - 1;
  }
  /// The types noted, as a map: its place in tokens(), if there are any.
  std::optional<std::size_t> types();

  wire::Token const* tokens() const noexcept { return tokens_.data(); }

  /// A text of the pickle as every reader takes it. Python 2's is UTF-8 or else Latin-1.
  std::string_view clean(Node const& text);
  std::string_view clean(std::string_view text);

 private:
  void put(Ref ref, std::size_t depth);
  void put_array(Node& node, std::size_t depth);
  void put_dict(Node& node, std::size_t depth);
  void put_pairs(Node& node, std::size_t depth);
  void put_members(Node& node, std::size_t depth);
  void put_integer(Node& node);
  void become(Node& node, Kind kind, std::string made);
  void put_call(Node& node, std::size_t depth);
  void put_object(Node& node, std::size_t depth);
  void put_global(Node const& node);
  bool put_known(Known known, Call const& call, std::size_t depth);
  bool put_named_member(Call const& call);
  bool put_enum(Global const& global, Call const& call, std::size_t depth);
  bool put_typed(std::optional<std::string> text, std::string_view type);

  std::optional<std::string> zoned(std::optional<std::string> iso, Call const& call, std::size_t at);
  std::optional<std::string> zone_text(Ref zone);
  std::optional<std::string> timedelta_text(Call const& call);
  std::optional<std::string> complex_text(Call const& call);
  std::optional<std::string> uuid_text(Call const& call);
  std::optional<std::string> path_text(Call const& call, bool windows);

  wire::Token& token(wire::Kind kind);
  void text(std::string_view clean);
  std::string_view keep(std::string text) { return texts_.emplace_back(std::move(text)); }
  std::size_t open(wire::Kind kind);
  void close(std::size_t head, std::size_t size);
  bool exhausted() const noexcept { return tokens_.size() >= kMaxTokens || text_bytes_ >= kMaxTextBytes; }

  void note(std::string_view type);
  std::size_t enter(std::string_view key);
  std::size_t enter(std::size_t index);
  void leave(std::size_t size) { path_.resize(size); }

  std::string bytes_text(Node const& node) const;
  std::string raw_bytes(Ref ref) const;
  std::string class_name(Ref callable);
  Ref arg(Call const& call, std::size_t n) const { return graph_.member(graph_[call.args], n); }
  std::size_t args(Call const& call) const { return graph_[call.args].size; }

  struct Type {
    std::string_view pointer, name;
  };

  Graph& graph_;
  std::vector<wire::Token> tokens_;
  std::vector<Type> types_;
  std::size_t type_bytes_ = 0;
  std::size_t text_bytes_ = 0;
  std::size_t digits_ = 0;
  std::string path_;  // empty: types are not noted
  std::deque<std::string> texts_;
};

}  // namespace logboom::inputs::pickle
