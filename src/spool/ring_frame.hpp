// Frames of a ring as a reader takes them: every bound is checked before it is relied on, whatever the bytes.
// Must not know files or who writes.
#pragma once

#include <logboom/detail/ring.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace logboom::spool {

struct RingFrame {
  std::uint32_t kind = 0;  // detail::kKindRecord, kKindGap
  std::uint64_t sequence = 0;
  std::uint64_t next = 0;              // number after it: sequence + 1, or + count for a gap
  std::span<std::byte const> payload;  // borrowed from the ring until released; a gap's is a detail::GapPayload
  std::uint64_t end = 0;               // position (of parse_frame: offset) after it
};

/// Where a ring's frames are, and what makes them valid.
struct RingView {
  std::byte const* data = nullptr;  // capacity bytes and the slack
  std::uint64_t mask = 0;
  std::uint64_t seed = 0;
  bool trust_unsealed = true;  // a frame whose payload's check its process did not live to write

  /// The frame at `position`, if it is whole, checked, and ends at or below `end`.
  std::optional<RingFrame> at(std::uint64_t position, std::uint64_t end) const noexcept;
};

/// A frame of a copy: structure only.
std::optional<RingFrame> parse_frame(std::span<std::byte const> frames, std::size_t offset) noexcept;

/// The check of the frame at this place in a ring: the one word of a frame that changes once it is committed.
std::atomic_ref<std::uint32_t> check_word(std::byte* frame) noexcept;

/// What the check of a sealed frame is.
std::uint32_t sealed_check(std::uint64_t seed, std::uint64_t position, detail::FrameHeader const& header,
                           std::span<std::byte const> payload) noexcept;

}  // namespace logboom::spool
