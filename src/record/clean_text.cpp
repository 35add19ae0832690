// See clean_text.hpp.
#include "record/clean_text.hpp"

#include "record/utf8.hpp"

#include <array>
#include <cstdint>
#include <cstring>
#include <optional>

namespace logboom::wire {
namespace {

constexpr std::uint64_t kOnes = 0x0101'0101'0101'0101U;
constexpr std::uint64_t kHighs = 0x8080'8080'8080'8080U;

std::uint64_t load8(char const* at) noexcept {
  std::uint64_t word = 0;
  std::memcpy(&word, at, sizeof word);
  return word;
}

// One to seven bytes, some of them twice, and nothing else: a copy of so few is a call of the C library.
std::uint64_t load_short(std::string_view text) noexcept {
  std::size_t const size = text.size();
  if (size >= 4) {
    std::uint32_t first = 0, last = 0;
    std::memcpy(&first, text.data(), sizeof first);
    std::memcpy(&last, text.data() + size - sizeof last, sizeof last);
    return std::uint64_t{first} << 32U | last;
  }
  auto const byte = [&](std::size_t at) { return std::uint64_t{static_cast<unsigned char>(text[at])}; };
  return 0x01'0101'0101U * byte(0) << 24U | byte(size / 2) << 16U | byte(size / 2) << 8U | byte(size - 1);
}

// Nonzero if a byte of the word is below `bound` (≤ 128). A byte ≥ 128 may add a false alarm, never hide one.
constexpr std::uint64_t has_less(std::uint64_t word, std::uint64_t bound) noexcept {
  return (word - kOnes * bound) & ~word & kHighs;
}
constexpr std::uint64_t has_byte(std::uint64_t word, char byte) noexcept {
  return has_less(word ^ (kOnes * static_cast<unsigned char>(byte)), 1);
}

// Nonzero if one of eight bytes is not ASCII, or NUL.
constexpr std::uint64_t not_plain(std::uint64_t word) noexcept { return (word & kHighs) | has_less(word, 1); }

// The same, or something that JSON escapes.
constexpr std::uint64_t not_plain_json(std::uint64_t word) noexcept {
  return (word & kHighs) | has_less(word, 0x20) | has_byte(word, '"') | has_byte(word, '\\');
}

// What most texts are: no eight of their bytes are found out. The last eight overlap those before them.
template <std::uint64_t (*kFound)(std::uint64_t)>
bool all(std::string_view text) noexcept {
  std::size_t const size = text.size();
  if (size < 8) return size == 0 || kFound(load_short(text)) == 0;
  std::uint64_t any = kFound(load8(text.data() + size - 8));
  for (std::size_t at = 0; at + 8 <= size && any == 0; at += 8) any = kFound(load8(text.data() + at));
  return any == 0;
}

// Bytes at the start that are plain, by eights.
template <std::uint64_t (*kFound)(std::uint64_t)>
std::size_t prefix(std::string_view text) noexcept {
  std::size_t at = 0;
  while (at + 8 <= text.size() && kFound(load8(text.data() + at)) == 0) at += 8;
  return at;
}

unsigned char byte_at(std::string_view text, std::size_t at) noexcept {
  return static_cast<unsigned char>(text[at]);
}

// Length of the valid character at `at`, or 0 (also for NUL).
std::size_t character(std::string_view text, std::size_t at) noexcept {
  auto const byte = byte_at(text, at);
  if (byte < 0x80) return byte == 0 ? 0 : 1;
  Utf8Char const found = decode_utf8(text, at);
  return found.valid ? found.size : 0;
}

constexpr char const* kHex = "0123456789abcdef";

void append_escaped_byte(TextBuffer& out, unsigned char byte) {
  char const escaped[] = {'\\', 'x', kHex[byte >> 4U], kHex[byte & 15U]};
  append(out, {escaped, sizeof escaped});
}

void append_json_character(TextBuffer& out, char c) {
  switch (c) {
    case '"': append(out, "\\\""); return;
    case '\\': append(out, "\\\\"); return;
    case '\n': append(out, "\\n"); return;
    case '\r': append(out, "\\r"); return;
    case '\t': append(out, "\\t"); return;
    default: break;
  }
  auto const byte = static_cast<unsigned char>(c);
  if (byte >= 0x20) {
    out.push_back(c);
    return;
  }
  char const escaped[] = {'\\', 'u', '0', '0', kHex[byte >> 4U], kHex[byte & 15U]};
  append(out, {escaped, sizeof escaped});
}

void append_json_characters(TextBuffer& out, std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    std::size_t const plain = prefix<not_plain_json>(text.substr(at));
    append(out, text.substr(at, plain));
    at += plain;
    if (at == text.size()) return;
    std::size_t const size = character(text, at);
    if (size == 1) {
      append_json_character(out, text[at]);
    } else if (size == 0) {
      out.push_back('\\');
      append_escaped_byte(out, byte_at(text, at));
    } else {
      append(out, text.substr(at, size));
    }
    at += size == 0 ? 1 : size;
  }
}

std::optional<unsigned> hex4(std::string_view text, std::size_t at) noexcept {
  if (at + 4 > text.size()) return std::nullopt;
  unsigned value = 0;
  for (std::size_t i = at; i < at + 4; ++i) {
    char const c = text[i];
    unsigned digit = 0;
    if (c >= '0' && c <= '9')
      digit = static_cast<unsigned>(c - '0');
    else if (c >= 'a' && c <= 'f')
      digit = static_cast<unsigned>(c - 'a') + 10;
    else if (c >= 'A' && c <= 'F')
      digit = static_cast<unsigned>(c - 'A') + 10;
    else
      return std::nullopt;
    value = value * 16 + digit;
  }
  return value;
}

// The number of a `\uNNNN` at `at`, if there is one.
std::optional<unsigned> unicode_escape(std::string_view text, std::size_t at) noexcept {
  if (text.substr(at, 2) != "\\u") return std::nullopt;
  return hex4(text, at + 2);
}

bool is_high_surrogate(std::optional<unsigned> code) noexcept {
  return code && *code >= 0xd800 && *code < 0xdc00;
}
bool is_low_surrogate(std::optional<unsigned> code) noexcept {
  return code && *code >= 0xdc00 && *code < 0xe000;
}

// How much of an escape sequence stands at `at` (a backslash), and whether it is half a pair.
struct Escape {
  std::size_t size = 2;
  bool lone_surrogate = false;
};
Escape escape_at(std::string_view json, std::size_t at) noexcept {
  auto const code = unicode_escape(json, at);
  if (!code) return {};
  if (is_high_surrogate(code) && is_low_surrogate(unicode_escape(json, at + 6))) return {12, false};
  return {6, is_high_surrogate(code) || is_low_surrogate(code)};
}

}  // namespace

bool is_clean(std::string_view text) noexcept {
  if (all<not_plain>(text)) return true;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t const size = character(text, at);
    if (size == 0) return false;
    at += size;
    if (size == 1) at += prefix<not_plain>(text.substr(at));
  }
  return true;
}

void append_clean(TextBuffer& out, std::string_view text) {
  if (is_clean(text)) {
    append(out, text);
    return;
  }
  for (std::size_t at = 0; at < text.size();) {
    std::size_t const size = character(text, at);
    if (size == 0)
      append_escaped_byte(out, byte_at(text, at++));
    else
      append(out, text.substr(at, size));
    at += size;
  }
}

std::string clean(std::string_view text) {
  if (is_clean(text)) return std::string(text);
  TextBuffer out;
  append_clean(out, text);
  return {out.data(), out.size()};
}

void append_json_string(TextBuffer& out, std::string_view text) {
  out.push_back('"');
  if (all<not_plain_json>(text))
    append(out, text);
  else
    append_json_characters(out, text);
  out.push_back('"');
}

std::string_view cut_at_character(std::string_view text, std::size_t size) noexcept {
  if (text.size() <= size) return text;
  while (size > 0 && (byte_at(text, size) & 0xc0U) == 0x80U) --size;
  return text.substr(0, size);
}

bool needs_mending(std::string_view json) noexcept {
  if (!is_clean(json)) return true;
  for (std::size_t at = json.find('\\'); at != std::string_view::npos;) {
    Escape const escape = escape_at(json, at);
    if (escape.lone_surrogate) return true;
    at = json.find('\\', at + escape.size);
  }
  return false;
}

std::string mend_json(std::string_view json) {
  TextBuffer out;
  for (std::size_t at = 0; at < json.size();) {
    if (json[at] == '\\') {
      Escape const escape = escape_at(json, at);
      if (escape.lone_surrogate) out.push_back('\\');
      append(out, json.substr(at, escape.size));
      at += escape.size;
      continue;
    }
    std::size_t const size = character(json, at);
    if (size == 0 && json[at] != '\0') {
      out.push_back('\\');
      append_escaped_byte(out, byte_at(json, at));
    } else {
      append(out, json.substr(at, size == 0 ? 1 : size));
    }
    at += size == 0 ? 1 : size;
  }
  return {out.data(), out.size()};
}

}  // namespace logboom::wire
