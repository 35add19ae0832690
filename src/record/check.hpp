// The one checksum of the spool's files and the store's rows: 32 bits over any bytes, portable, some 10 GB/s. It finds damage, not forgery.
// Must not know what it is computed over.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace logboom {

/// What it is called in files that say which one they use (the identity of a ring, a store's `meta`); a reader that does not know the number refuses the file.
inline constexpr std::uint32_t kCheckFold1 = 1;

/// Never 0. `seed` binds the bytes to where they stand. Products of pairs of words, with keys that differ from place to place, are added up:
/// they do not wait for each other, so that the multiplier is the only limit.
inline std::uint32_t check_bytes(std::uint64_t seed, std::span<std::byte const> bytes) noexcept {
  __extension__ using Wide = unsigned __int128;
  constexpr std::uint64_t kStep =
      0x9E37'79B9'7F4A'7C15U;  // odd; 2^64 over the golden ratio: no two places share a key
  auto const fold = [](std::uint64_t a, std::uint64_t b) {
    Wide const product = static_cast<Wide>(a) * b;
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64U);
  };
  std::uint64_t key = seed ^ 0x2545'F491'4F6C'DD1DU;
  std::uint64_t sum = 0;
  std::byte const* at = bytes.data();
  std::size_t left = bytes.size();
  std::uint64_t pair[2] = {};
  while (left >= sizeof pair) {
    std::memcpy(pair, at, sizeof pair);
    sum += fold(pair[0] ^ key, pair[1] ^ (key + kStep));
    key += 2 * kStep;
    at += sizeof pair;
    left -= sizeof pair;
  }
  if (left > 0) {
    pair[0] = pair[1] = 0;
    std::memcpy(pair, at, left);
    sum += fold(pair[0] ^ key, pair[1] ^ (key + kStep));
  }
  std::uint64_t const mixed =
      fold(sum ^ kStep, seed ^ (std::uint64_t{bytes.size()} * kStep) ^ 0x94D0'49BB'1331'11EBU);
  auto const check = static_cast<std::uint32_t>(mixed ^ (mixed >> 32U));
  return check == 0 ? 1 : check;
}

}  // namespace logboom
