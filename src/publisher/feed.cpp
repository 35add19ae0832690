// Frames of chunks and rings into batches. Whatever is skipped because it is damaged becomes a gap with its exact count: the numbers tell.
#include "publisher/feed.hpp"

#include "posix/fault_point.hpp"
#include "spool/publisher_file.hpp"

#include <logboom/detail/record_layout.hpp>
#include <logboom/detail/ring.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <system_error>

namespace logboom::publisher {
namespace {

constexpr std::string_view kDamaged = "damaged in the spool";
constexpr std::string_view kDropped = "dropped: the spool was full";
constexpr std::size_t kLeastBatch = std::size_t{8} << 10U;  // bytes, however small the window is
constexpr std::size_t kChunk = std::size_t{256} << 10U;     // moved to the overflow at a time
constexpr int kChunksARound =
    4;  // of a ring: who fills it faster than it is emptied must not keep the sender from its collector
constexpr std::int64_t kRecently =
    20;  // ms: a ring that got acks within them is left alone until it is three quarters full
constexpr std::int64_t kOverflowPause = 100;  // ms, after the overflow refused

using delivery::SenderWindow;
using spool::RingFile;

}  // namespace

Feed::Feed(wire::Publisher const& publisher, spool::Overflow& overflow, spool::ClockFile const& clock,
           wire::Catalogue const& catalogue, Kind kind)
    : publisher_(&publisher),
      overflow_(&overflow),
      clock_(&clock),
      kind_(kind),
      builder_(publisher, catalogue),
      last_time_(publisher.started) {}

void Feed::add_ring(std::shared_ptr<RingFile> ring) {
  auto const tail = ring->tail();
  rings_.push_back({std::move(ring), tail, {}, 0});
}

void Feed::open_streams(SenderWindow& window) {
  auto const open = [&](std::uint64_t stream, std::uint64_t base) {
    if (!window.open_stream(stream, base))
      throw std::length_error(
          fmt::format("spool {}: more than {} streams; no publisher of this version makes so many",
                      spool::hex(publisher_->id), wire::kMaxStreams));
  };
  for (auto const& [stream, held] : held()) open(stream, held.first);
}

/// By stream. A ring gives up what is committed, or stands in the overflow: so what is in neither, and was not lost by damage, is committed, and with it all before it. Of that the overflow
/// may still hold some: its segments go when all that is in them may.
std::map<std::uint64_t, Feed::Held> Feed::held() const {
  std::map<std::uint64_t, Held> streams;
  bool const whole = overflow_->damage().empty();
  auto const add = [&](std::uint64_t stream, std::uint64_t first, std::uint64_t end) {
    auto const [at, fresh] = streams.try_emplace(stream, Held{first, end});
    if (fresh) return;
    if (whole && first > at->second.end) at->second.first = first;
    at->second.end = std::max(at->second.end, end);
  };
  for (auto const& chunk : overflow_->chunks()) add(chunk.stream, chunk.first, chunk.end);
  for (auto const& ring : rings_) add(ring.file->stream(), ring.file->base(), ring.file->base());
  return streams;
}

// --- batches

Feed::Batch Feed::next(SenderWindow const& window) {
  ranges_.clear();
  batch_bytes_ = std::clamp(window.bytes(), kLeastBatch, wire::kBatchTarget);
  // A stream's overflow is older than what its ring holds.
  if (!add_chunk(window)) add_rings(window);
  if (ranges_.empty()) return {};
  return {builder_.finish(), ranges_};
}

Feed::Part Feed::part_of(SenderWindow const& window, std::uint64_t stream, std::uint64_t tid,
                         std::string_view thread_name) const {
  auto const cursor = window.cursor(stream);
  return {stream, window.committed(stream) + 1, cursor, cursor, tid, thread_name, false};
}

void Feed::begin(Part& part) {
  if (part.begun) return;
  builder_.begin_stream(part.stream, part.base, part.first, part.tid, part.thread_name);
  part.begun = true;
}

void Feed::take(Part& part, RingFile::Frame const& frame) {
  if (frame.next <= part.next) return;
  auto const time = last_time_ = time_of(frame);
  if (frame.sequence > part.next) lose(part, frame.sequence, time, kDamaged);
  if (frame.kind == detail::kKindGap) return lose(part, frame.next, time, kDropped);
  if (kind_ == Kind::kDead && !wire::whole_record(frame.payload))
    return lose(part, frame.next, time, kDamaged);
  begin(part);
  builder_.add(frame.payload, time);
  part.next = frame.next;
}

void Feed::lose(Part& part, std::uint64_t up_to, std::int64_t time, std::string_view reason) {
  if (up_to <= part.next) return;
  begin(part);
  builder_.add_gap(time, up_to - part.next, reason);
  auto& counted = gaps_counted_[part.stream];
  gaps_ += up_to - std::min(up_to, std::max(counted, part.next));
  counted = std::max(counted, up_to);
  part.next = up_to;
}

bool Feed::finish(Part const& part) {
  if (part.begun) ranges_.push_back({part.stream, part.first, part.next});
  return part.begun;
}

std::int64_t Feed::time_of(RingFile::Frame const& frame) const {
  if (frame.kind == detail::kKindGap) {
    detail::GapPayload gap{};
    if (frame.payload.size() < sizeof gap) return last_time_;
    std::memcpy(&gap, frame.payload.data(), sizeof gap);
    return clock_->nanoseconds(gap.ticks);
  }
  if (frame.payload.size() < detail::record_layout::kHeaderSize) return last_time_;
  return clock_->nanoseconds(detail::record_layout::time(frame.payload.data()));
}

bool Feed::add_chunk(SenderWindow const& window) {
  auto const& chunks = overflow_->chunks();
  auto at = std::lower_bound(chunks.begin(), chunks.end(), next_chunk_,
                             [](auto const& chunk, std::uint64_t number) { return chunk.number < number; });
  bool all_before_done = true;
  for (; at != chunks.end(); ++at) {
    if (at->end <= window.cursor(at->stream)) {
      if (all_before_done) next_chunk_ = at->number + 1;
      continue;
    }
    all_before_done = false;
    if (!window.refused(at->stream)) return add_chunk_part(window, *at);
  }
  return false;
}

bool Feed::add_chunk_part(SenderWindow const& window, spool::Overflow::Info const& chunk) {
  if (loaded_chunk_ != chunk.number) {
    chunk_offset_ = 0;
    if (!overflow_->read(chunk.number, chunk_)) {
      auto const error = overflow_->error();
      loaded_chunk_ = UINT64_MAX;
      if (spool::may_pass(error)) throw std::system_error(error, "cannot read the spool's overflow");
      chunk_.clear();
    }
    loaded_chunk_ = chunk.number;
  }
  auto part = part_of(window, chunk.stream, chunk.tid, chunk.thread_name);
  // A hole before the chunk: the one that was there is damaged.
  if (part.next < chunk.first) lose(part, chunk.first, last_time_, kDamaged);
  bool sound = true;
  while (sound && chunk_offset_ < chunk_.size() && !full()) {
    auto const frame = RingFile::parse(chunk_, chunk_offset_);
    sound = frame && frame->next <= chunk.end;
    if (!sound) break;
    take(part, *frame);
    chunk_offset_ = frame->end;
  }
  if (!sound || chunk_offset_ >= chunk_.size()) lose(part, chunk.end, last_time_, kDamaged);
  return finish(part);
}

void Feed::add_rings(SenderWindow const& window) {
  for (std::size_t i = 0; i < rings_.size() && !full(); ++i) {
    if (turn_ >= rings_.size()) turn_ = 0;
    add_ring_part(window, rings_[turn_++]);
  }
}

void Feed::add_ring_part(SenderWindow const& window, Ring& ring) {
  auto& file = *ring.file;
  if (window.refused(file.stream())) return;
  auto const head = file.head();
  auto part = part_of(window, file.stream(), 0, {});
  auto const from = ring.position;
  while (ring.position < head && !(part.begun && full())) {
    auto const frame = file.read(ring.position);
    if (frame) {
      // Only while the ring holds a record nobody changes them.
      part.tid = file.tid();
      part.thread_name = file.thread_name();
      take(part, *frame);
    }
    ring.position = frame ? frame->end : file.next_valid(ring.position);
  }
  if (ring.position == head) declare_drops(part, file);
  finish(part);
  if (ring.position > from && (ring.marks.empty() || ring.marks.back().position < ring.position))
    ring.marks.push_back({part.next, ring.position});
}

/// Records that came after the last frame and found no room. Their thread may have died, or sleep for ever, before it could say so itself.
void Feed::declare_drops(Part& part, RingFile const& ring) {
  auto const drops = ring.pending_drops();
  auto const end = drops.first + drops.count;
  if (drops.count > 0 && drops.first <= part.next && end > part.next) {
    part.tid = ring.tid();
    part.thread_name = ring.thread_name();
    lose(part, end, clock_->nanoseconds(drops.ticks), kDropped);
  }
  if (kind_ == Kind::kDead) {
    part.tid = ring.tid();
    part.thread_name = ring.thread_name();
    lose(part, ring.next_sequence(), last_time_, kDamaged);
  }
}

void Feed::rewind() {
  for (auto& ring : rings_) ring.position = ring.file->tail();
  next_chunk_ = 0;
  chunk_offset_ = 0;
}

// --- room

void Feed::release(SenderWindow const& window, std::int64_t now) {
  auto& overflow = *overflow_;
  while (!overflow.empty()) {
    auto const& oldest = overflow.chunks().front();
    if (oldest.end > window.committed(oldest.stream) + 1) break;
    overflow.release(oldest.number);
  }
  for (auto& ring : rings_) {
    auto const committed = window.committed(ring.file->stream());
    Mark reached;
    while (!ring.marks.empty() && ring.marks.front().next <= committed + 1) {
      reached = ring.marks.front();
      ring.marks.pop_front();
    }
    if (reached.position <= ring.file->tail()) continue;
    fault_point("ring.releasing");
    ring.file->release(reached.position, reached.next);
    fault_point("ring.released");
    // After a rewind an ack may come for what was not passed again: below the tail nothing is to be found.
    ring.position = std::max(ring.position, reached.position);
    ring.released_at = now;
  }
}

void Feed::seal() noexcept {
  for (auto const& ring : rings_) ring.file->seal();
}

/// Before it is half full, where the log call has to wake the sender: a sender that looks every 10 ms keeps up with 12 MB/s a thread without that.
bool Feed::crowded(Ring const& ring) {
  return (ring.file->head() - ring.file->tail()) * 8 > ring.file->capacity() * 3;
}

bool Feed::crowded() const noexcept {
  return std::any_of(rings_.begin(), rings_.end(), [](Ring const& ring) { return crowded(ring); });
}

std::uint64_t Feed::relieve(std::int64_t now) {
  if (now < spill_again_) return 0;
  std::uint64_t records = 0;
  for (auto& ring : rings_) {
    auto const capacity = ring.file->capacity();
    auto const used = ring.file->head() - ring.file->tail();
    if (!crowded(ring)) continue;
    if (used * 4 <= capacity * 3 && now - ring.released_at < kRecently) continue;
    for (int chunks = 0; crowded(ring) && chunks < kChunksARound; ++chunks) {
      auto const moved = spill(ring);
      if (!moved) {
        spill_again_ = now + kOverflowPause;
        return records;
      }
      records += *moved;
      if (*moved == 0) break;
    }
  }
  return records;
}

std::uint64_t Feed::empty(RingFile const& file, std::int64_t now) {
  auto const ring =
      std::find_if(rings_.begin(), rings_.end(), [&](Ring const& known) { return known.file.get() == &file; });
  if (ring == rings_.end()) return 0;
  std::uint64_t records = 0;
  while (now >= spill_again_ && file.tail() != file.head()) {
    auto const moved = spill(*ring);
    if (!moved) spill_again_ = now + kOverflowPause;
    if (moved.value_or(0) == 0) break;
    records += *moved;
  }
  return records;
}

/// Append first, release then: a death in between leaves the records in both, and the ledger takes them once.
/// @return how many records, 0 when the oldest cannot be read; nothing when the overflow refused them
std::optional<std::uint64_t> Feed::spill(Ring& ring) {
  auto& file = *ring.file;
  auto const head = file.seal();
  auto position = file.tail();
  spool::Overflow::Chunk chunk{file.stream(), file.tid(), file.thread_name(), 0, 0};
  spilled_.clear();
  while (position < head && spilled_.size() < kChunk) {
    auto const frame = file.read(position);
    if (!frame) break;
    if (spilled_.empty()) chunk.first = frame->sequence;
    auto const* const begin = frame->payload.data() - sizeof(detail::FrameHeader);
    spilled_.insert(spilled_.end(), begin, begin + (frame->end - position));
    chunk.end = frame->next;
    position = frame->end;
  }
  if (spilled_.empty()) return 0;
  fault_point("overflow.moving");
  if (!overflow_->append(chunk, spilled_)) return std::nullopt;
  fault_point("overflow.moved");
  file.release(position, chunk.end);
  fault_point("overflow.released");
  ring.position = std::max(ring.position, position);
  while (!ring.marks.empty() && ring.marks.front().position <= position) ring.marks.pop_front();
  return chunk.end - chunk.first;
}

// --- how far

std::uint64_t Feed::end_of(RingFile const& ring) {
  auto const drops = ring.pending_drops();
  return std::max(ring.next_sequence(), drops.count > 0 ? drops.first + drops.count : 0);
}

std::vector<std::pair<std::uint64_t, std::uint64_t>> Feed::ends() const {
  std::vector<std::pair<std::uint64_t, std::uint64_t>> list;
  for (auto const& ring : rings_) list.emplace_back(ring.file->stream(), end_of(*ring.file));
  return list;
}

bool Feed::drained(SenderWindow const& window) const {
  auto const& chunks = overflow_->chunks();
  return std::all_of(rings_.begin(), rings_.end(),
                     [&](Ring const& ring) {
                       return end_of(*ring.file) <= window.committed(ring.file->stream()) + 1;
                     }) &&
         std::all_of(chunks.begin(), chunks.end(),
                     [&](auto const& chunk) { return chunk.end <= window.committed(chunk.stream) + 1; });
}

}  // namespace logboom::publisher
