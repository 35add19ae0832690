#include "spool/ring_recovery.hpp"

#include <algorithm>
#include <cstring>
#include <optional>

namespace logboom::spool {

namespace {

using detail::FrameHeader;

constexpr std::uint64_t kSmallestFrame = detail::frame_bytes(1);
// A text that looks like frames of full length at every word would make a scan hash 8,192 times what it goes over.
constexpr std::uint64_t kWorkPerByte = 16;
constexpr std::uint64_t kWorkAtLeast = std::uint64_t{1} << 20U;

struct Words {
  std::uint64_t head, next, tail, tail_copy, base, base_copy;
};

Words load(detail::RingShared const& shared) noexcept {
  auto const get = [](detail::Atomic<std::uint64_t> const& word) { return word.load_acquire(); };
  return {get(shared.producer.head),      get(shared.producer.next), get(shared.consumer.tail),
          ~get(shared.consumer.tail_not), get(shared.consumer.base), ~get(shared.consumer.base_not)};
}

class Walk {
 public:
  Walk(RingView const& view, detail::RingShared const& shared)
      : view_(view), shared_(shared), words_(load(shared)), capacity_(view.mask + 1) {}

  RecoveredRing run() {
    begin();
    go();
    finish();
    return std::move(ring_);
  }

 private:
  bool spans(std::uint64_t tail, std::uint64_t head) const noexcept {
    return tail % 8 == 0 && head % 8 == 0 && tail <= head && head - tail <= capacity_;
  }

  // Too low a tail finds records again that the ledger knows; too high a one would lose some.
  void begin() noexcept {
    std::uint64_t const head = words_.head;
    std::uint64_t const low = std::min(words_.tail, words_.tail_copy);
    std::uint64_t const high = std::max(words_.tail, words_.tail_copy);
    if (spans(low, head) || (low == high && low % 8 == 0)) {
      ring_.tail = low;
    } else if (spans(high, head)) {
      ring_.tail = high;
    } else {
      ring_.tail = head % 8 == 0 && head > capacity_ ? head - capacity_ : 0;
    }
    hint_ = spans(ring_.tail, head) ? std::optional(head) : std::nullopt;
    base_known_ = words_.base == words_.base_copy && words_.base != 0;
    if (base_known_) ring_.base = words_.base;
    if (!base_known_ && ring_.tail == 0) base_known_ = true;  // nothing was ever released: it is 1
    expected_ = ring_.base;
    work_ = kWorkAtLeast + kWorkPerByte * capacity_;
  }

  // A frame that does not continue the numbers is no frame of this ring's, however well it is checked.
  std::optional<RingFrame> frame_at(std::uint64_t position, bool after_damage) const noexcept {
    auto const frame = view_.at(position, ring_.tail + capacity_);
    if (!frame) return frame;
    bool const fits = after_damage ? frame->sequence >= expected_ : frame->sequence == expected_;
    return fits || (position == start_ && straddles_base(*frame)) ? frame : std::nullopt;
  }

  // The sender declares drops before their thread does, and may have released the first of them by then.
  bool straddles_base(RingFrame const& gap) const noexcept {
    return gap.kind == detail::kKindGap && base_known_ && gap.sequence < ring_.base && gap.next > ring_.base;
  }

  void go() {
    std::uint64_t const end = ring_.tail + capacity_;
    std::uint64_t position = start_ = last_end_ = skip_released(ring_.tail);
    bool after_damage = !base_known_;
    bool gave_up = false;
    while (position < end) {
      if (auto const frame = frame_at(position, after_damage)) {
        if (!base_known_) {
          base_known_ = true;
          ring_.base = frame->sequence;
        }
        expected_ = frame->next;
        position = last_end_ = frame->end;
        after_damage = false;
        continue;
      }
      // Past the hint the first thing that is no frame is the end: the hint is what the producer said last.
      if (hint_ && position >= *hint_) break;
      std::uint64_t const found = next_fitting(position, hint_.value_or(end));
      gave_up = ring_.damage.size() == kMaxExtents - 1;
      if (gave_up || found >= hint_.value_or(end)) break;
      ring_.damage.push_back({position, found});
      position = found;
      after_damage = true;
    }
    ring_.head = std::max(last_end_, hint_.value_or(gave_up ? end : last_end_));
  }

  std::uint64_t next_fitting(std::uint64_t position, std::uint64_t end) noexcept {
    do position = scan_frames(view_, position, end, work_);
    while (position < end && !frame_at(position, true));
    return position;
  }

  // After a tail that lags behind its base (a death, or a damaged word) stand frames that were released already.
  std::uint64_t skip_released(std::uint64_t position) const noexcept {
    while (base_known_) {
      auto const frame = view_.at(position, ring_.tail + capacity_);
      if (!frame || frame->next > ring_.base) break;
      position = frame->end;
    }
    return position;
  }

  // Sequence numbers tell what is missing at the end: those of damaged frames, and of drops that no frame declares.
  void finish() {
    auto const& drops = shared_.drops;
    std::uint64_t const first = drops.first.load_acquire();
    std::uint64_t const count = drops.count.load_acquire();
    std::uint64_t const room =
        (ring_.head - last_end_) / kSmallestFrame;  // frames that may have stood in the damage
    // A death between the drop's words and `next` leaves that one behind.
    bool const follows = first >= expected_ && first - expected_ <= room;
    bool const pending = count != 0 && (follows || begun_before_base(first, count)) &&
                         (first + count == words_.next || first + count == words_.next + 1);
    if (pending) {
      ring_.drop_first = first;
      ring_.drop_count = count;
      ring_.drop_ticks = drops.ticks.load_acquire();
      ring_.next = first + count;
    } else {
      ring_.next = std::max(next_is_plausible(room) ? words_.next : expected_, expected_);
    }
    if (!base_known_) ring_.base = ring_.next;
    ring_.tail = start_;
    bool const something_missing = pending ? follows && first != expected_ : ring_.next != expected_;
    if (!something_missing) ring_.head = last_end_;  // it was the word that was damaged
    if (ring_.head > last_end_) ring_.damage.push_back({last_end_, ring_.head});
  }

  // As straddles_base(), of drops that no frame declares: none came after them.
  bool begun_before_base(std::uint64_t first, std::uint64_t count) const noexcept {
    return base_known_ && last_end_ == start_ && first < ring_.base && first + count > ring_.base &&
           shared_.drops.at.load_acquire() == last_end_;
  }

  bool next_is_plausible(std::uint64_t room) const noexcept {
    if (!base_known_) return true;  // not a frame to compare it with
    return (words_.next >= expected_ && words_.next - expected_ <= room) || damaged_gap_possible();
  }

  // A gap frame takes any count of numbers: if the damage at the end may have been one, `next` is believed as far as drops account for it.
  bool damaged_gap_possible() const noexcept {
    std::uint64_t const room = ring_.head - last_end_;
    std::uint64_t const first = shared_.drops.first.load_acquire();
    return room >= detail::frame_bytes(sizeof(detail::GapPayload)) && first >= expected_ &&
           first < words_.next && first - expected_ <= room / kSmallestFrame &&
           shared_.drops.at.load_acquire() >= last_end_ && shared_.drops.at.load_acquire() < ring_.head;
  }

  RingView const& view_;
  detail::RingShared const& shared_;
  Words const words_;
  std::uint64_t const capacity_;
  RecoveredRing ring_;
  std::optional<std::uint64_t> hint_;  // head as the producer stored it, if that can be
  bool base_known_ = false;
  std::uint64_t expected_ = 1;
  std::uint64_t start_ = 0;     // where the first frame that is held stands
  std::uint64_t last_end_ = 0;  // after the last frame that was found
  std::uint64_t work_ = 0;
};

}  // namespace

std::uint64_t scan_frames(RingView const& view, std::uint64_t position, std::uint64_t end,
                          std::uint64_t& work) noexcept {
  for (position = (position + 8) & ~std::uint64_t{7}; position < end; position += 8) {
    FrameHeader header{};
    std::memcpy(&header, view.data + (position & view.mask), sizeof header);
    std::uint64_t const size = header.size & ~detail::kKindMask;
    if (size <= sizeof header || size > detail::kMaxFrame) continue;
    if (size > work) break;
    work -= size;
    if (view.at(position, end)) return position;
  }
  return end;
}

RecoveredRing recover_ring(RingView const& view, detail::RingShared const& shared) {
  return Walk(view, shared).run();
}

}  // namespace logboom::spool
