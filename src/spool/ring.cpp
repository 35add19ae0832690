// The producer's slow path: a look at the sender's progress, and the declaration of drops. Still no lock, no allocation, no system call.
#include <logboom/detail/ring.hpp>

namespace logboom::detail {

namespace {

constexpr std::uint64_t kGapBytes = frame_bytes(sizeof(GapPayload));

bool drops_pending(RingProducer const& ring) noexcept { return ring.shared->drops.count.load_relaxed() != 0; }

// The frame's commit declares the drops: it moves head away from `drops.at`. Clearing the count comes after, and may be missed by a death.
void commit_gap(RingProducer& ring) noexcept {
  auto& drops = ring.shared->drops;
  std::uint64_t const count = drops.count.load_relaxed();
  GapPayload const gap{drops.ticks.load_relaxed(), count};
  std::memcpy(ring.data + (ring.head & ring.mask) + sizeof(FrameHeader), &gap, sizeof gap);
  ring.sequence = drops.first.load_relaxed();
  commit(ring, sizeof gap, kKindGap, count);
  drops.count.store_release(0);
}

}  // namespace

Reservation look_and_reserve(RingProducer& ring, std::size_t payload) noexcept {
  if (ring.shared == nullptr) return {};
  std::uint64_t const capacity = ring.mask + 1;
  std::uint64_t const tail = ring.shared->consumer.tail.load_acquire();
  bool const gap = drops_pending(ring);
  std::uint64_t const end = ring.head + frame_bytes(payload) + (gap ? kGapBytes : 0);
  if (end > tail + capacity) return {nullptr, true};
  if (gap) commit_gap(ring);
  bool const half_full = end > tail + capacity / 2;
  ring.limit = tail + (half_full ? capacity : capacity / 2);
  return {ring.data + (ring.head & ring.mask) + sizeof(FrameHeader), half_full};
}

void drop(RingProducer& ring, std::int64_t ticks) noexcept {
  if (ring.shared == nullptr) return;
  auto& drops = ring.shared->drops;
  std::uint64_t const count = drops.count.load_relaxed();
  if (count == 0) {
    drops.first.store_release(ring.sequence);
    drops.at.store_release(ring.head);
    drops.ticks.store_release(ticks);
  }
  drops.count.store_release(count + 1);
  ++ring.sequence;
  ring.shared->producer.next.store_release(ring.sequence);
  ring.limit = 0;  // so that the next record takes the slow path, which writes the gap first
}

bool write_gap_if_pending(RingProducer& ring) noexcept {
  if (ring.shared == nullptr || !drops_pending(ring)) return true;
  std::uint64_t const tail = ring.shared->consumer.tail.load_acquire();
  if (ring.head + kGapBytes > tail + ring.mask + 1) return false;
  commit_gap(ring);
  return true;
}

}  // namespace logboom::detail
