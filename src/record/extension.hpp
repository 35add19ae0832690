// The ext types of docs/protocol.md read from a token. Must not know how they are shown.
#pragma once

#include "record/token_tape.hpp"
#include "record/utf8.hpp"

#include <logboom/detail/record_layout.hpp>

#include <cstdint>
#include <limits>
#include <optional>

namespace logboom::wire {

/// Nanoseconds since the epoch. Nothing if it is no timestamp, or one that an int64 cannot say.
inline std::optional<std::int64_t> timestamp_of(Token const& value) noexcept {
  namespace layout = detail::record_layout;
  if (value.kind != Kind::kExtension || value.extension != layout::kTimestamp) return std::nullopt;
  auto const* const data = reinterpret_cast<std::byte const*>(value.data);
  std::int64_t seconds = 0;
  std::uint64_t nanoseconds = 0;
  if (value.size == 4) {
    seconds = layout::load32(data);
  } else if (value.size == 8) {
    std::uint64_t const both = layout::load64(data);
    nanoseconds = both >> 34U;
    seconds = static_cast<std::int64_t>(both & ((1ULL << 34U) - 1));
  } else if (value.size == 12) {
    nanoseconds = layout::load32(data);
    seconds = static_cast<std::int64_t>(layout::load64(data + 4));
  } else {
    return std::nullopt;
  }
  std::int64_t time = 0;
  bool const overflow = __builtin_mul_overflow(seconds, std::int64_t{1'000'000'000}, &time) ||
                        __builtin_add_overflow(time, static_cast<std::int64_t>(nanoseconds), &time);
  if (overflow || nanoseconds > 999'999'999) return std::nullopt;
  return time;
}

/// Nanoseconds.
inline std::optional<std::int64_t> duration_of(Token const& value) noexcept {
  namespace layout = detail::record_layout;
  if (value.kind != Kind::kExtension || value.extension != layout::kDuration || value.size != 8)
    return std::nullopt;
  return static_cast<std::int64_t>(layout::load64(reinterpret_cast<std::byte const*>(value.data)));
}

/// An address.
inline std::optional<std::uint64_t> pointer_of(Token const& value) noexcept {
  namespace layout = detail::record_layout;
  if (value.kind != Kind::kExtension || value.extension != layout::kPointer || value.size != 8)
    return std::nullopt;
  return layout::load64(reinterpret_cast<std::byte const*>(value.data));
}

/// The number of the character that a text begins with.
inline std::uint32_t code_point_of(std::string_view text) noexcept {
  return static_cast<std::uint32_t>(decode_utf8(text, 0).code);
}

}  // namespace logboom::wire
