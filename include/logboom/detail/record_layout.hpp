// The fixed bytes at the start of an encoded record: written by the log call, patched by the sender (docs/protocol.md, "Batch").
// Plain offsets and bytes: no msgpack header here, since every log call includes this.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace logboom::detail::record_layout {

// A record is [time, site, logger, arguments, fields?, attributes?]; the first three have a fixed width:
//
//   0       1     2 … 9         10    11 … 14        15    16, 17          18 …
//   0x94–6  0xd3  time (int64)  0xce  site (uint32)  0xcd  logger (uint16)  arguments, fields, attributes
//
// all big-endian. In the ring `time` is in ticks of the publisher's clock, on the wire in nanoseconds since the epoch.

/// First byte: an array of 4 elements; add 1 with fields (a map or nil), 2 with fields and attributes (a map).
inline constexpr std::uint8_t kArrayOfFour = 0x94;
inline constexpr std::uint8_t kArrayOfSix = 0x96;
inline constexpr std::uint8_t kInt64 = 0xd3;
inline constexpr std::uint8_t kUint32 = 0xce;
inline constexpr std::uint8_t kUint16 = 0xcd;
inline constexpr std::uint8_t kNil = 0xc0;

inline constexpr std::size_t kTimeAt = 1;     // of the 0xd3
inline constexpr std::size_t kSiteAt = 10;    // of the 0xce
inline constexpr std::size_t kLoggerAt = 15;  // of the 0xcd
inline constexpr std::size_t kHeaderSize = 18;

// msgpack ext types of values (docs/protocol.md, "Batch")
inline constexpr std::int8_t kTimestamp = -1;  // msgpack's own
inline constexpr std::int8_t kDuration = 1;    // 8 bytes: int64 nanoseconds
inline constexpr std::int8_t kCharacter = 2;   // 1–4 bytes: UTF-8, or any one byte
inline constexpr std::int8_t kPointer = 3;     // 8 bytes: uint64 address

inline void store16(std::byte* at, std::uint16_t value) noexcept {
  value = __builtin_bswap16(value);
  std::memcpy(at, &value, sizeof value);
}
inline void store32(std::byte* at, std::uint32_t value) noexcept {
  value = __builtin_bswap32(value);
  std::memcpy(at, &value, sizeof value);
}
inline void store64(std::byte* at, std::uint64_t value) noexcept {
  value = __builtin_bswap64(value);
  std::memcpy(at, &value, sizeof value);
}
inline std::uint16_t load16(std::byte const* at) noexcept {
  std::uint16_t value = 0;
  std::memcpy(&value, at, sizeof value);
  return __builtin_bswap16(value);
}
inline std::uint32_t load32(std::byte const* at) noexcept {
  std::uint32_t value = 0;
  std::memcpy(&value, at, sizeof value);
  return __builtin_bswap32(value);
}
inline std::uint64_t load64(std::byte const* at) noexcept {
  std::uint64_t value = 0;
  std::memcpy(&value, at, sizeof value);
  return __builtin_bswap64(value);
}

/// Writes the fixed part: 18 bytes. `elements` is 4, 5 or 6.
inline void store_header(std::byte* at, unsigned elements, std::int64_t time, std::uint32_t site,
                         std::uint16_t logger) noexcept {
  // Three stores instead of seven: a burst of calls is bounded by the processor's store buffer.
  store16(at, static_cast<std::uint16_t>((kArrayOfFour - 4 + elements) << 8U | kInt64));
  store64(at + kTimeAt + 1, static_cast<std::uint64_t>(time));
  store64(at + kSiteAt, std::uint64_t{kUint32} << 56U | std::uint64_t{site} << 24U |
                            std::uint64_t{kUint16} << 16U | logger);
}

inline std::int64_t time(std::byte const* record) noexcept {
  return static_cast<std::int64_t>(load64(record + kTimeAt + 1));
}
inline std::uint32_t site(std::byte const* record) noexcept { return load32(record + kSiteAt + 1); }
inline std::uint16_t logger(std::byte const* record) noexcept { return load16(record + kLoggerAt + 1); }

/// Whether `size` bytes can be a record by their fixed part; nothing after it is looked at.
inline bool plausible(std::byte const* record, std::size_t size) noexcept {
  return size > kHeaderSize && record[0] >= std::byte{kArrayOfFour} && record[0] <= std::byte{kArrayOfSix} &&
         record[kTimeAt] == std::byte{kInt64} && record[kSiteAt] == std::byte{kUint32} &&
         record[kLoggerAt] == std::byte{kUint16};
}

}  // namespace logboom::detail::record_layout
