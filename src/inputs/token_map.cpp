// See token_map.hpp.
#include "inputs/token_map.hpp"

namespace logboom::inputs {

wire::Token text_token(std::string_view text) noexcept {
  wire::Token token;
  token.kind = wire::Kind::kText;
  token.size = static_cast<std::uint32_t>(text.size());
  token.data = text.empty() ? "" : text.data();
  return token;
}

void TokenMap::clear() {
  tokens_.assign(1, {});
  tokens_.front().kind = wire::Kind::kMap;
  tokens_.front().skip = 1;
}

void TokenMap::add(std::string_view key, wire::Token const& value) {
  tokens_.push_back(text_token(key));
  tokens_.insert(tokens_.end(), &value, wire::after(&value));
  ++tokens_.front().size;
  tokens_.front().skip = tokens_.size();
}

void TokenMap::add(std::string_view key, std::string_view text) { add(key, text_token(text)); }

void TokenMap::add(std::string_view key, std::int64_t number) {
  wire::Token token;
  token.kind = wire::Kind::kInt;
  token.integer = number;
  add(key, token);
}

}  // namespace logboom::inputs
