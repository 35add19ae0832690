// See pickle_escapes.hpp.
#include "inputs/pickle_escapes.hpp"

#include "record/utf8.hpp"

#include <charconv>
#include <cstdint>
#include <optional>
#include <system_error>

namespace logboom::inputs::pickle {
namespace {

std::optional<std::uint32_t> digits_at(std::string_view text, std::size_t at, std::size_t count, int base) {
  if (at > text.size() || text.size() - at < count) return std::nullopt;
  std::uint32_t value = 0;
  char const* const end = text.data() + at + count;
  auto const [stop, error] = std::from_chars(text.data() + at, end, value, base);
  if (error != std::errc{} || stop != end) return std::nullopt;
  return value;
}

char simple_escape(char c) noexcept {
  switch (c) {
    case 'a': return '\a';
    case 'b': return '\b';
    case 'f': return '\f';
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    case 'v': return '\v';
    case '\\':
    case '\'':
    case '"': return c;
    default: return '\0';
  }
}

void append_code(std::uint32_t code, std::string& out) {
  if (code < 0xd800 || code > 0xdfff) return append_utf8(code, out);
  out += static_cast<char>(static_cast<unsigned char>(0xe0U | code >> 12U));
  out += static_cast<char>(static_cast<unsigned char>(0x80U | (code >> 6U & 0x3fU)));
  out += static_cast<char>(static_cast<unsigned char>(0x80U | (code & 0x3fU)));
}

}  // namespace

std::string unescape_string(std::string_view literal) {
  std::string out;
  for (std::size_t at = 0; at < literal.size(); ++at) {
    char const next = at + 1 < literal.size() ? literal[at + 1] : '\0';
    if (literal[at] != '\\' || next == '\0') {
      out += literal[at];
    } else if (char const simple = simple_escape(next); simple != '\0') {
      out += simple;
      ++at;
    } else if (auto const byte = next == 'x' ? digits_at(literal, at + 2, 2, 16) : std::nullopt) {
      out += static_cast<char>(static_cast<unsigned char>(*byte));
      at += 3;
    } else if (auto const octal = next == 'x' ? std::nullopt : digits_at(literal, at + 1, 3, 8)) {
      out += static_cast<char>(static_cast<unsigned char>(*octal));
      at += 3;
    } else {
      out += '\\';
    }
  }
  return out;
}

std::string unescape_unicode(std::string_view escaped) {
  std::string out;
  for (std::size_t at = 0; at < escaped.size(); ++at) {
    char const next = at + 1 < escaped.size() ? escaped[at + 1] : '\0';
    std::size_t const count = next == 'u' ? 4 : next == 'U' ? 8 : 0;
    auto const code = escaped[at] == '\\' && count > 0 ? digits_at(escaped, at + 2, count, 16) : std::nullopt;
    append_code(code.value_or(static_cast<unsigned char>(escaped[at])), out);
    if (code) at += 1 + count;
  }
  return out;
}

}  // namespace logboom::inputs::pickle
