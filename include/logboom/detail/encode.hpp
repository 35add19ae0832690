// Values as msgpack, straight into memory that has room: scalars in fixed width, texts with the shortest header. docs/protocol.md, "Batch".
// Must not know rings, loggers or templates.
#pragma once

#include <logboom/detail/record_layout.hpp>
#include <logboom/detail/values.hpp>
#include <logboom/export.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace logboom::detail {

inline std::byte* put8(std::byte* at, unsigned value) noexcept {
  *at = static_cast<std::byte>(value);
  return at + 1;
}
inline std::byte* put16(std::byte* at, std::size_t value) noexcept {
  record_layout::store16(at, static_cast<std::uint16_t>(value));
  return at + 2;
}
inline std::byte* put32(std::byte* at, std::uint32_t value) noexcept {
  record_layout::store32(at, value);
  return at + 4;
}
inline std::byte* put64(std::byte* at, std::uint64_t value) noexcept {
  record_layout::store64(at, value);
  return at + 8;
}

/// A record's longest text; above it a text is cut (so that the record fits).
inline constexpr std::size_t kNoLimit = ~std::size_t{0};
/// Bytes that a cut text may need beyond the limit: "…[cut 18446744073709551615 bytes]" and its header.
inline constexpr std::size_t kCutRoom = 40;

/// Writes the text cut to at most `limit` bytes (not within a character) and ended by `…[cut N bytes]`; whole, if it has at most kCutRoom more.
LOGBOOM_API std::byte* put_cut_text(std::byte* at, std::string_view text, std::size_t limit) noexcept;
/// The greatest limit with which texts of these lengths lose at least `excess` bytes together, kCutRoom each allowed for.
LOGBOOM_API std::size_t text_limit(std::size_t const* lengths, std::size_t count, std::size_t excess) noexcept;

inline std::byte* put_text_header(std::byte* at, std::size_t size) noexcept {
  if (size < 32) return put8(at, 0xa0U | static_cast<unsigned>(size));
  if (size < 256) return put8(put8(at, 0xd9), static_cast<unsigned>(size));
  return put16(put8(at, 0xda), size);
}

/// memcpy for texts: those of a log call are short, and a call of the C library costs as much as the copy.
inline void copy_text(std::byte* to, char const* from, std::size_t size) noexcept {
  if (size < 16 || size > 64) {
    std::memcpy(to, from, size);
    return;
  }
  std::memcpy(to, from, 16);
  if (size > 32) {
    std::memcpy(to + 16, from + 16, 16);
    if (size > 48) std::memcpy(to + 32, from + 32, 16);
  }
  std::memcpy(to + size - 16, from + size - 16, 16);
}

// room(v): bytes that put(at, v, limit) needs at most, a text uncut. text_size(v): of its text.

inline std::size_t room(std::string_view text) noexcept { return 3 + text.size(); }
inline std::byte* put(std::byte* at, std::string_view text, std::size_t limit) noexcept {
  if (text.size() > limit) [[unlikely]]
    return put_cut_text(at, text, limit);
  at = put_text_header(at, text.size());
  copy_text(at, text.data(), text.size());
  return at + text.size();
}
inline std::size_t room(Rendered rendered) noexcept { return room(rendered.text); }
inline std::byte* put(std::byte* at, Rendered rendered, std::size_t limit) noexcept {
  return put(at, rendered.text, limit);
}

constexpr std::size_t room(bool) noexcept { return 1; }
inline std::byte* put(std::byte* at, bool value, std::size_t) noexcept {
  return put8(at, value ? 0xc3U : 0xc2U);
}

constexpr std::size_t room(std::int64_t) noexcept { return 9; }
inline std::byte* put(std::byte* at, std::int64_t value, std::size_t) noexcept {
  return put64(put8(at, 0xd3), static_cast<std::uint64_t>(value));
}
constexpr std::size_t room(std::uint64_t) noexcept { return 9; }
inline std::byte* put(std::byte* at, std::uint64_t value, std::size_t) noexcept {
  return put64(put8(at, 0xcf), value);
}

constexpr std::size_t room(float) noexcept { return 5; }
inline std::byte* put(std::byte* at, float value, std::size_t) noexcept {
  return put32(put8(at, 0xca), __builtin_bit_cast(std::uint32_t, value));
}
constexpr std::size_t room(double) noexcept { return 9; }
inline std::byte* put(std::byte* at, double value, std::size_t) noexcept {
  return put64(put8(at, 0xcb), __builtin_bit_cast(std::uint64_t, value));
}

inline std::byte* put_extension(std::byte* at, unsigned header, std::int8_t type) noexcept {
  return put8(put8(at, header), static_cast<std::uint8_t>(type));
}
constexpr std::size_t room(Character) noexcept { return 3; }
inline std::byte* put(std::byte* at, Character value, std::size_t) noexcept {
  return put8(put_extension(at, 0xd4, record_layout::kCharacter), static_cast<unsigned char>(value.value));
}
constexpr std::size_t room(Nanoseconds) noexcept { return 10; }
inline std::byte* put(std::byte* at, Nanoseconds value, std::size_t) noexcept {
  return put64(put_extension(at, 0xd7, record_layout::kDuration), static_cast<std::uint64_t>(value.count));
}
constexpr std::size_t room(Pointer) noexcept { return 10; }
inline std::byte* put(std::byte* at, Pointer value, std::size_t) noexcept {
  return put64(put_extension(at, 0xd7, record_layout::kPointer), value.address);
}
constexpr std::size_t room(Timestamp) noexcept { return 15; }
inline std::byte* put(std::byte* at, Timestamp value, std::size_t) noexcept {
  at = put_extension(put8(at, 0xc7), 12, record_layout::kTimestamp);
  return put64(put32(at, value.nanoseconds), static_cast<std::uint64_t>(value.seconds));
}

template <class V>
std::size_t room(Maybe<V> const& maybe) noexcept {
  return maybe.present ? room(maybe.value) : 1;
}
template <class V>
std::byte* put(std::byte* at, Maybe<V> const& maybe, std::size_t limit) noexcept {
  return maybe.present ? put(at, maybe.value, limit) : put8(at, record_layout::kNil);
}

template <class V>
constexpr std::size_t text_size(V const&) noexcept {
  return 0;
}
inline std::size_t text_size(std::string_view text) noexcept { return text.size(); }
inline std::size_t text_size(Rendered rendered) noexcept { return rendered.text.size(); }
template <class V>
std::size_t text_size(Maybe<V> const& maybe) noexcept {
  return maybe.present ? text_size(maybe.value) : 0;
}

inline std::byte* put_array_header(std::byte* at, std::size_t count) noexcept {
  return count < 16 ? put8(at, 0x90U | static_cast<unsigned>(count)) : put16(put8(at, 0xdc), count);
}
inline std::byte* put_map_header(std::byte* at, std::size_t count) noexcept {
  return count < 16 ? put8(at, 0x80U | static_cast<unsigned>(count)) : put16(put8(at, 0xde), count);
}

}  // namespace logboom::detail
