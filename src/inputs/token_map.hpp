// A map of tokens put together pair by pair, for who translates one document into another's words. Must not know what the words mean.
#pragma once

#include "record/token_tape.hpp"

#include <cstdint>
#include <string_view>
#include <vector>

namespace logboom::inputs {

/// The text is borrowed.
wire::Token text_token(std::string_view text) noexcept;

/// Texts are borrowed: they have to outlive the map.
class TokenMap {
 public:
  TokenMap() { clear(); }

  void clear();
  void add(std::string_view key, wire::Token const& value);
  void add(std::string_view key, std::string_view text);
  void add(std::string_view key, std::int64_t number);

  bool empty() const noexcept { return tokens_.front().size == 0; }
  /// Valid until the next change.
  wire::Token const& root() const noexcept { return tokens_.front(); }

 private:
  std::vector<wire::Token> tokens_;  // the head, then keys and values
};

}  // namespace logboom::inputs
