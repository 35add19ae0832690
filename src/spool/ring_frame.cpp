#include "spool/ring_frame.hpp"

#include "record/check.hpp"

#include <cstring>

namespace logboom::spool {

namespace {

using detail::FrameHeader;

constexpr std::uint64_t kLargestNumber = std::uint64_t{1} << 62U;  // so that no sum of two numbers runs over

// The frame's own words, within `room` bytes from its start. `end` is left to the caller.
std::optional<RingFrame> structure(FrameHeader const& header, std::byte const* start,
                                   std::uint64_t room) noexcept {
  std::uint32_t const size = header.size & ~detail::kKindMask;
  std::uint32_t const kind = header.size & detail::kKindMask;
  if (size <= sizeof(FrameHeader) || size > detail::kMaxFrame) return std::nullopt;
  std::size_t const payload = size - sizeof(FrameHeader);
  if (detail::frame_bytes(payload) > room) return std::nullopt;
  if (header.sequence == 0 || header.sequence > kLargestNumber) return std::nullopt;
  RingFrame frame{kind, header.sequence, header.sequence + 1, {start + sizeof(FrameHeader), payload}, 0};
  if (kind == detail::kKindGap) {
    if (payload != sizeof(detail::GapPayload)) return std::nullopt;
    detail::GapPayload gap{};
    std::memcpy(&gap, frame.payload.data(), sizeof gap);
    if (gap.count == 0 || gap.count > kLargestNumber) return std::nullopt;
    frame.next = header.sequence + gap.count;
  } else if (kind != detail::kKindRecord) {
    return std::nullopt;
  }
  return frame;
}

// Of a live ring, whose sender may be sealing it: then the check changes, at once, and nothing else does.
FrameHeader header_at(std::byte const* start) noexcept {
  FrameHeader header{};
  std::memcpy(&header.size, start + offsetof(FrameHeader, size), sizeof header.size);
  std::memcpy(&header.sequence, start + offsetof(FrameHeader, sequence), sizeof header.sequence);
  header.check = check_word(const_cast<std::byte*>(start)).load(std::memory_order_relaxed);
  return header;
}

}  // namespace

std::atomic_ref<std::uint32_t> check_word(std::byte* frame) noexcept {
  return std::atomic_ref(*reinterpret_cast<std::uint32_t*>(frame + offsetof(FrameHeader, check)));
}

std::uint32_t sealed_check(std::uint64_t seed, std::uint64_t position, FrameHeader const& header,
                           std::span<std::byte const> payload) noexcept {
  return detail::header_check(seed, position, header.sequence, header.size) ^ check_bytes(seed, payload);
}

std::optional<RingFrame> RingView::at(std::uint64_t position, std::uint64_t end) const noexcept {
  if (position % 8 != 0 || position >= end || end - position <= sizeof(FrameHeader)) return std::nullopt;
  std::byte const* const start = data + (position & mask);
  FrameHeader const header = header_at(start);
  auto frame = structure(header, start, end - position);
  if (!frame) return std::nullopt;
  std::uint32_t const unsealed = detail::header_check(seed, position, header.sequence, header.size);
  bool const valid = header.check == unsealed ? trust_unsealed
                                              : header.check == (unsealed ^ check_bytes(seed, frame->payload));
  if (!valid) return std::nullopt;
  frame->end = position + detail::frame_bytes(frame->payload.size());
  return frame;
}

std::optional<RingFrame> parse_frame(std::span<std::byte const> frames, std::size_t offset) noexcept {
  if (offset >= frames.size() || frames.size() - offset <= sizeof(FrameHeader)) return std::nullopt;
  std::byte const* const start = frames.data() + offset;
  FrameHeader header{};
  std::memcpy(&header, start, sizeof header);
  auto frame = structure(header, start, frames.size() - offset);
  if (frame) frame->end = offset + detail::frame_bytes(frame->payload.size());
  return frame;
}

}  // namespace logboom::spool
