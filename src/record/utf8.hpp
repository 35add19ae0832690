// UTF-8, one character at a time. Knows nothing of what the text is for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace logboom {

struct Utf8Char {
  char32_t code = 0;
  std::size_t size = 0;  // bytes taken; 0 at the end of the text
  bool valid = false;    // false: one byte that begins no character; `code` is the byte
};

/// The character at `at`. Takes what Unicode calls well-formed: no surrogates, no overlong forms, nothing above U+10FFFF.
inline Utf8Char decode_utf8(std::string_view text, std::size_t at) noexcept {
  if (at >= text.size()) return {};
  auto const byte = [&](std::size_t i) { return static_cast<unsigned char>(text[at + i]); };
  unsigned char const first = byte(0);
  if (first < 0x80) return {first, 1, true};
  std::size_t const size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  Utf8Char const bad{first, 1, false};
  if (first < 0xc2 || first > 0xf4 || text.size() - at < size) return bad;
  char32_t code = first & (0xffU >> (size + 1));
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xc0U) != 0x80U) return bad;
    code = (code << 6U) | (byte(i) & 0x3fU);
  }
  constexpr char32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
  if (code < kSmallest[size] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) return bad;
  return {code, size, true};
}

/// Appends a code point; one that is no character (a surrogate, above U+10FFFF) as U+FFFD.
inline void append_utf8(char32_t code, std::string& out) {
  auto const put = [&](char32_t bits) { out += static_cast<char>(static_cast<unsigned char>(bits)); };
  if ((code >= 0xd800 && code < 0xe000) || code > 0x10ffff) code = 0xfffd;
  if (code < 0x80) {
    put(code);
    return;
  }
  int const more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
  constexpr char32_t kLead[] = {0, 0xc0, 0xe0, 0xf0};
  put(kLead[more] | (code >> static_cast<unsigned>(6 * more)));
  for (int i = more - 1; i >= 0; --i) put(0x80U | ((code >> static_cast<unsigned>(6 * i)) & 0x3fU));
}

/// Length of the longest prefix of at most `limit` bytes that does not end amid a character. What is no UTF-8 may end anywhere.
inline std::size_t whole_prefix(std::string_view text, std::size_t limit) noexcept {
  text = text.substr(0, limit);
  for (std::size_t back = 1; back <= 4 && back <= text.size(); ++back) {
    auto const byte = static_cast<unsigned char>(text[text.size() - back]);
    if ((byte & 0xc0U) == 0x80U) continue;
    std::size_t const size = byte < 0xc0 ? 1 : byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
    return size > back ? text.size() - back : text.size();
  }
  return text.size();
}

inline bool is_utf8(std::string_view text) noexcept {
  for (std::size_t at = 0; at < text.size();) {
    // eight ASCII characters at a time: most texts are nothing else
    std::uint64_t eight = 0;
    if (text.size() - at >= sizeof eight) {
      std::memcpy(&eight, text.data() + at, sizeof eight);
      if ((eight & 0x8080808080808080U) == 0) {
        at += sizeof eight;
        continue;
      }
    }
    Utf8Char const c = decode_utf8(text, at);
    if (!c.valid) return false;
    at += c.size;
  }
  return true;
}

/// Number of characters; a byte that begins none counts as one.
inline std::size_t count_characters(std::string_view text) noexcept {
  std::size_t count = 0;
  for (std::size_t at = 0; at < text.size(); ++count) at += decode_utf8(text, at).size;
  return count;
}

/// Appends the text, bytes that are not UTF-8 as `\xNN`.
inline void append_valid_utf8(std::string_view text, std::string& out) {
  constexpr char kHex[] = "0123456789abcdef";
  std::size_t kept = 0;
  for (std::size_t at = is_utf8(text) ? text.size() : 0; at < text.size();) {
    Utf8Char const c = decode_utf8(text, at);
    if (!c.valid) {
      out.append(text, kept, at - kept);
      out.append("\\x");
      out += kHex[c.code >> 4U];
      out += kHex[c.code & 15U];
      kept = at + 1;
    }
    at += c.size;
  }
  out.append(text, kept);
}

}  // namespace logboom
