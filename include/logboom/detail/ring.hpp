// The ring between one thread and its sender: layout in the mapped file and the producer's side of it (docs/spool.md has the diagram).
// Hot path: must not lock, allocate or call the system. The consumer's side is src/spool/ring_file.hpp.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace logboom::detail {

/// Every frame starts on a multiple of 8 bytes: this header, the payload, zero to seven bytes of padding.
struct FrameHeader {
  std::uint32_t size;      ///< of header and payload without padding; 16 < size ≤ kMaxFrame. The kind is in the two highest bits.
  std::uint32_t check;     ///< over sequence, size and payload (see ring_check); 0 when the ring is written without checks
  std::uint64_t sequence;  ///< number of the record in its stream; of the first lost record for a gap
};
static_assert(sizeof(FrameHeader) == 16);

inline constexpr std::uint32_t kKindRecord = 0U;          // payload: encoded record, wire.hpp BatchBuilder::add
inline constexpr std::uint32_t kKindGap = 1U << 30U;      // payload: GapPayload
inline constexpr std::uint32_t kKindMask = 3U << 30U;

struct GapPayload {
  std::int64_t ticks;
  std::uint64_t count;
};

inline constexpr std::size_t kMaxFrame = 65'536 - 8;      ///< header + payload
inline constexpr std::size_t kRingSlack = 65'536;          ///< after the capacity: a frame that starts before the end runs on into it, so nothing wraps
inline constexpr std::size_t kRingDataOffset = 8192;       ///< identity page, then the shared words, then data

/// Second page of the file. Producer and consumer each write their own 128-byte line only.
struct alignas(128) RingShared {
  struct alignas(128) {
    std::atomic<std::uint64_t> head;       ///< bytes ever written; release-stored after a frame is complete
  } producer;
  struct alignas(128) {
    std::atomic<std::uint64_t> tail;       ///< bytes ever released (acked or spilled)
  } consumer;
  struct alignas(128) {                    ///< written by the producer on its slow path only
    std::atomic<std::uint64_t> drop_first; ///< sequence number of the first record dropped since the last frame
    std::atomic<std::uint64_t> drop_count; ///< how many; 0 = none pending
    std::atomic<std::int64_t> drop_ticks;  ///< time of the first
  } drops;
};

/// The producer's private state: in the thread's memory, not in the file. One thread at a time.
struct RingProducer {
  std::byte* data = nullptr;            ///< start of the data area
  std::uint64_t mask = 0;               ///< capacity − 1; the capacity is a power of two
  std::uint64_t head = 0;               ///< what shared->producer.head holds
  std::uint64_t limit = 0;              ///< tail seen last + capacity: frames may be written below it without looking again
  std::uint64_t sequence = 1;           ///< of the next record
  RingShared* shared = nullptr;
};

}  // namespace logboom::detail
