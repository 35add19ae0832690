// The ring between one thread and its sender: layout in the mapped file and the producer's side of it (docs/spool.md has the diagram).
// Hot path: must not lock, allocate or call the system. The consumer's side is src/spool/ring_file.hpp.
#pragma once

#include <logboom/detail/atomic.hpp>
#include <logboom/export.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace logboom::detail {

/// Every frame starts on a multiple of 8 bytes: this header, the payload, zero to seven bytes of padding.
struct FrameHeader {
  std::uint32_t size;  ///< of header and payload without padding; 16 < size ≤ kMaxFrame. The kind is in the two highest bits.
  std::uint32_t check;  ///< header_check() as written; the sender folds the payload's in when it first sees the frame (docs/spool.md, "Check")
  std::uint64_t sequence;  ///< number of the record in its stream; of the first lost record for a gap
};
static_assert(sizeof(FrameHeader) == 16);

inline constexpr std::uint32_t kKindRecord = 0U;      // payload: encoded record, wire.hpp BatchBuilder::add
inline constexpr std::uint32_t kKindGap = 1U << 30U;  // payload: GapPayload
inline constexpr std::uint32_t kKindMask = 3U << 30U;

struct GapPayload {
  std::int64_t ticks;   ///< of the first lost record
  std::uint64_t count;  ///< ≥ 1: the frame stands for the numbers sequence … sequence + count − 1
};
static_assert(sizeof(GapPayload) == 16);

inline constexpr std::size_t kMaxFrame =
    65'528 + sizeof(FrameHeader);  ///< header + payload: the longest record of docs/protocol.md
inline constexpr std::size_t kRingSlack =
    65'536;  ///< after the capacity: a frame that starts before the end runs on into it, so nothing wraps
inline constexpr std::size_t kRingDataOffset = 8192;  ///< identity page, then the shared words, then data
static_assert(kMaxFrame % 8 == 0 && kMaxFrame <= kRingSlack + 8);

/// Second page of the file. Producer and consumer each write their own 128-byte line only.
struct alignas(128) RingShared {
  struct alignas(128) {
    Atomic<std::uint64_t> head;  ///< bytes ever written; release-stored after a frame is complete
    Atomic<std::uint64_t> next;  ///< number of the next record; stored before `head`, so that a death in between leaves it one frame ahead
  } producer;
  struct alignas(128) {
    Atomic<std::uint64_t> tail;      ///< bytes ever released (acked or spilled)
    Atomic<std::uint64_t> tail_not;  ///< ~tail: a damaged word is seen
    Atomic<std::uint64_t> base;      ///< number of the first record that is not released
    Atomic<std::uint64_t> base_not;  ///< ~base
  } consumer;
  struct alignas(128) {           ///< written by the producer on its slow path only
    Atomic<std::uint64_t> first;  ///< sequence number of the first record dropped since the last frame
    Atomic<std::uint64_t> at;  ///< head at that time: the next frame, a gap's, declares the drops by moving head past it
    Atomic<std::int64_t> ticks;   ///< time of the first
    Atomic<std::uint64_t> count;  ///< how many; 0 = none pending
  } drops;
};
static_assert(sizeof(RingShared) == 384);

/// The producer's private state: in the thread's memory, not in the file. One thread at a time.
/// All zero means: no ring; reserve() then gives nothing.
struct RingProducer {
  std::byte* data = nullptr;  ///< start of the data area
  std::uint64_t mask = 0;     ///< capacity − 1; the capacity is a power of two
  std::uint64_t head = 0;     ///< what shared->producer.head holds
  std::uint64_t limit = 0;  ///< frames may end at or below it without looking again; never above tail + capacity
  std::uint64_t sequence = 1;  ///< of the next record
  std::uint64_t seed = 0;  ///< of this ring's checks; random, so that no record can be made to look like a frame
  RingShared* shared = nullptr;
};

/// Bytes that a frame with this payload takes in the ring.
constexpr std::uint64_t frame_bytes(std::size_t payload) noexcept {
  return (sizeof(FrameHeader) + payload + 7U) & ~std::uint64_t{7};
}

/// Binds a frame to its ring, its place and its number: one multiplication, and nothing is loaded.
/// The payload's part needs the bytes just written, which would cost a store-forwarding stall in the log call; the sender adds it.
constexpr std::uint32_t header_check(std::uint64_t seed, std::uint64_t position, std::uint64_t sequence,
                                     std::uint32_t size) noexcept {
  __extension__ using Wide = unsigned __int128;
  Wide const product =
      static_cast<Wide>(sequence ^ (std::uint64_t{size} << 32U) ^ 0x9E37'79B9'7F4A'7C15U) * (seed ^ position);
  std::uint64_t const mixed = static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64U);
  return static_cast<std::uint32_t>(mixed ^ (mixed >> 32U));
}

/// Where to write `payload` bytes (at least 1, with the header at most kMaxFrame); follow with commit(). Nothing happens to the ring until then.
/// @return nullptr when it takes a look at the sender's progress to know: then look_and_reserve().
inline std::byte* reserve(RingProducer& ring, std::size_t payload) noexcept {
  if (ring.head + frame_bytes(payload) > ring.limit) [[unlikely]]
    return nullptr;
  return ring.data + (ring.head & ring.mask) + sizeof(FrameHeader);
}

/// Publishes the frame whose payload was written where reserve() said; at most as many bytes as were reserved.
inline void commit(RingProducer& ring, std::size_t payload, std::uint32_t kind = kKindRecord,
                   std::uint64_t numbers = 1) noexcept {
  auto const size = static_cast<std::uint32_t>(sizeof(FrameHeader) + payload) | kind;
  FrameHeader const header{size, header_check(ring.seed, ring.head, ring.sequence, size), ring.sequence};
  std::memcpy(ring.data + (ring.head & ring.mask), &header, sizeof header);
  ring.head += frame_bytes(payload);
  ring.sequence += numbers;
  ring.shared->producer.next.store_release(ring.sequence);
  ring.shared->producer.head.store_release(ring.head);
}

struct Reservation {
  std::byte* payload = nullptr;  ///< as of reserve(); nullptr: the ring is full (or is none)
  bool wake =
      false;  ///< the ring is more than half full, and was not when last looked at: time to wake the sender
};
/// The slow half of reserve(): reads the sender's progress and writes the gap frame of records dropped before. Does not wait, lock or call the system.
LOGBOOM_API Reservation look_and_reserve(RingProducer& ring, std::size_t payload) noexcept;

/// Gives up the record that would come next: it keeps its number, and the next frame declares it. Only after look_and_reserve() found no room.
LOGBOOM_API void drop(RingProducer& ring, std::int64_t ticks) noexcept;

/// Declares what was dropped, if anything was: at a thread's end. @return false when the ring has no room for it yet.
LOGBOOM_API bool write_gap_if_pending(RingProducer& ring) noexcept;

}  // namespace logboom::detail
