#include "spool/ring_file.hpp"

#include "posix/fault_point.hpp"
#include "record/check.hpp"
#include "record/random_bytes.hpp"
#include "spool/boot_id.hpp"
#include "spool/file_handle.hpp"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <new>

namespace logboom::spool {

/// At the start of the file, and again at kSecondCopy: one damaged or half-written copy does not cost the ring.
struct RingFile::Identity {
  std::uint64_t magic = kMagic;
  std::uint32_t version = kVersion;
  std::uint32_t check_kind = kCheckFold1;
  std::uint64_t capacity = 0;
  std::uint64_t stream = 0;
  std::uint64_t seed = 0;
  BootId boot{};
  std::uint64_t tid = 0;
  std::uint32_t name_size = 0;
  std::uint32_t check = 0;  // over everything else, as 0
  char name[kMaxThreadName] = {};

  static constexpr std::uint64_t kMagic =
      0x676e'6972'6d6f'6f62U;  // "boomring", little-endian: another byte order is another file
  static constexpr std::uint32_t kVersion = 1;
  static constexpr std::size_t kSecondCopy = 2048;

  std::uint32_t sum() const noexcept {
    Identity copy = *this;
    copy.check = 0;
    return check_bytes(kMagic, std::as_bytes(std::span(&copy, 1)));
  }
  bool valid() const noexcept {
    return magic == kMagic && check == sum() && std::has_single_bit(capacity) && capacity >= kMinRing &&
           capacity <= kMaxRing && name_size <= kMaxThreadName;
  }
};
static_assert(sizeof(detail::RingShared) <= 4096);

/// Both copies are damaged: word by word one of them may still be right. Of no more words than make a moment's work.
RingFile::Identity RingFile::merged(Identity const& one, Identity const& other) noexcept {
  constexpr std::size_t kWords = sizeof(Identity) / sizeof(std::uint64_t);
  constexpr std::size_t kMostDifferent = 10;
  std::array<std::uint64_t, kWords> words{};
  std::array<std::uint64_t, kWords> others{};
  std::memcpy(words.data(), &one, sizeof one);
  std::memcpy(others.data(), &other, sizeof other);
  std::array<std::size_t, kMostDifferent> differ{};
  std::size_t count = 0;
  for (std::size_t i = 0; i < kWords; ++i) {
    if (words[i] == others[i]) continue;
    if (count == kMostDifferent) return one;
    differ[count++] = i;
  }
  for (std::size_t choice = 0; choice < std::size_t{1} << count; ++choice) {
    auto mixed = words;
    for (std::size_t i = 0; i < count; ++i)
      if ((choice >> i & 1U) != 0) mixed[differ[i]] = others[differ[i]];
    Identity candidate;
    std::memcpy(static_cast<void*>(&candidate), mixed.data(), sizeof candidate);
    if (candidate.valid()) return candidate;
  }
  return one;
}

namespace {

constexpr std::size_t kSharedOffset = 4096;

std::size_t file_size(std::size_t capacity) {
  return detail::kRingDataOffset + capacity + detail::kRingSlack;
}

}  // namespace

RingFile::RingFile(MappedFile map, Identity const& identity)
    : map_(std::move(map)),
      capacity_(identity.capacity),
      stream_(identity.stream),
      seed_(identity.seed),
      tid_(identity.tid),
      thread_name_(identity.name, identity.name_size) {}

RingFile RingFile::create(std::filesystem::path const& path, std::uint64_t stream, std::size_t capacity) {
  Identity identity;
  identity.capacity = std::bit_ceil(std::clamp(capacity, kMinRing, kMaxRing));
  identity.stream = stream;
  identity.seed = random_seed();
  RingFile ring(MappedFile::create(path, file_size(identity.capacity)), identity);
  auto* const shared = new (ring.map_.data() + kSharedOffset) detail::RingShared{};
  shared->producer.next.store_relaxed(1);
  ring.store_released(0, 1);
  ring.write_identity();
  ring.map_.show();
  return ring;
}

RingFile RingFile::open(std::filesystem::path path) { return open(std::move(path), Access::kRecover); }

RingFile RingFile::look(std::filesystem::path path) { return open(std::move(path), Access::kLook); }

RingFile RingFile::open(std::filesystem::path path, Access access) {
  Identity identity;
  {
    FileHandle const file = FileHandle::open(path, access == Access::kLook ? O_RDONLY : O_RDWR);
    if (file.size() < detail::kRingDataOffset)
      throw SpoolError("the ring " + path.string() +
                       " is cut off before its data: nothing of it can be recovered; remove it");
    Identity second;
    (void)file.read_at(0, std::as_writable_bytes(std::span(&identity, 1)));
    (void)file.read_at(Identity::kSecondCopy, std::as_writable_bytes(std::span(&second, 1)));
    if (!identity.valid()) identity = second.valid() ? second : merged(identity, second);
  }
  if (identity.magic == Identity::kMagic &&
      (identity.version > Identity::kVersion || identity.check_kind != kCheckFold1))
    throw SpoolError("the ring " + path.string() + " is of a newer version (" +
                     std::to_string(identity.version) + ", check " + std::to_string(identity.check_kind) +
                     "): recover it with that version of logboom");
  if (!identity.valid())
    throw SpoolError("the ring " + path.string() +
                     " has a damaged identity (both copies), or is no ring of logboom: remove it");
  auto const size = file_size(identity.capacity);
  RingFile ring(access == Access::kLook ? MappedFile::copy(std::move(path), size)
                                        : MappedFile::open(std::move(path), size),
                identity);
  ring.trust_unsealed_ = identity.boot == boot_id();
  ring.dead_ = recover_ring(ring.view(), ring.shared());
  ring.store_released(ring.dead_->tail, ring.dead_->base);
  ring.seal_dead();
  return ring;
}

detail::RingShared& RingFile::shared() const noexcept {
  return *std::launder(reinterpret_cast<detail::RingShared*>(map_.data() + kSharedOffset));
}

void RingFile::write_identity() noexcept {
  Identity identity;
  identity.capacity = capacity_;
  identity.stream = stream_;
  identity.seed = seed_;
  identity.boot = boot_id();
  identity.tid = tid_;
  identity.name_size = static_cast<std::uint32_t>(thread_name_.size());
  std::copy(thread_name_.begin(), thread_name_.end(), identity.name);
  identity.check = identity.sum();
  for (std::size_t const offset : {std::size_t{0}, Identity::kSecondCopy}) {
    std::memcpy(map_.data() + offset, &identity, sizeof identity);
    std::atomic_signal_fence(std::memory_order_seq_cst);  // one copy whole before the other is touched
  }
}

void RingFile::set_thread(std::uint64_t tid, std::string_view name) {
  tid_ = tid;
  thread_name_.assign(name.substr(0, kMaxThreadName));
  write_identity();
}

detail::RingProducer RingFile::producer() noexcept {
  detail::RingShared& words = shared();
  detail::RingProducer producer;
  producer.data = data();
  producer.mask = capacity_ - 1;
  producer.head = words.producer.head.load_acquire();
  producer.limit = 0;  // the first look sets it, and declares what the last producer dropped
  producer.sequence = words.producer.next.load_acquire();
  producer.seed = seed_;
  producer.shared = &words;
  return producer;
}

std::uint64_t RingFile::head() const noexcept {
  return dead_ ? dead_->head : shared().producer.head.load_acquire();
}

std::uint64_t RingFile::tail() const noexcept { return shared().consumer.tail.load_relaxed(); }

std::uint64_t RingFile::base() const noexcept { return shared().consumer.base.load_relaxed(); }

std::uint64_t RingFile::next_sequence() const noexcept {
  return dead_ ? dead_->next : shared().producer.next.load_acquire();
}

std::optional<RingFile::Frame> RingFile::read(std::uint64_t position) const noexcept {
  if (position < tail()) return std::nullopt;
  if (dead_) {
    auto const& damage = dead_->damage;
    auto const after =
        std::upper_bound(damage.begin(), damage.end(), position,
                         [](std::uint64_t at, DamagedExtent const& extent) { return at < extent.from; });
    if (after != damage.begin() && position < std::prev(after)->to) return std::nullopt;
  }
  return view().at(position, head());
}

std::optional<RingFile::Frame> RingFile::parse(std::span<std::byte const> frames, std::size_t offset) noexcept {
  return parse_frame(frames, offset);
}

std::uint64_t RingFile::next_valid(std::uint64_t position) const noexcept {
  if (dead_) {
    for (DamagedExtent const& extent : dead_->damage)
      if (position >= extent.from && position < extent.to) return extent.to;
  }
  std::uint64_t const end = head();
  std::uint64_t work = 16 * capacity_;
  std::uint64_t const from = tail();
  if (position < from && view().at(from, end)) return from;
  return scan_frames(view(), std::max(position, from), end, work);
}

void RingFile::release(std::uint64_t position, std::uint64_t base) noexcept {
  if (position >= tail() && position <= head()) store_released(position, base);
}

void RingFile::store_released(std::uint64_t position, std::uint64_t base) noexcept {
  auto& words = shared().consumer;
  // The number first: a death in between leaves frames below it, which are skipped. The tail last: it gives the room away.
  words.base.store_release(base);
  words.base_not.store_release(~base);
  fault_point("ring.release.amid");
  words.tail_not.store_release(~position);
  words.tail.store_release(position);
}

/// What the dead process had not sealed: as long as the spool waits for a collector, damage to it would be taken for what was logged.
void RingFile::seal_dead() noexcept {
  std::uint64_t const end = head();
  for (std::uint64_t at = tail(); at < end;) {
    auto const frame = read(at);
    if (!frame) {
      at = next_valid(at);
      continue;
    }
    std::byte* const start = data() + (at & (capacity_ - 1));
    detail::FrameHeader header{};
    std::memcpy(&header, start, sizeof header);
    check_word(start).store(sealed_check(seed_, at, header, frame->payload), std::memory_order_relaxed);
    at = frame->end;
  }
}

std::uint64_t RingFile::seal() noexcept {
  std::uint64_t const end = head();
  if (dead_) return end;
  sealed_ = std::max(sealed_, tail());
  while (sealed_ < end) {
    std::byte* const start = data() + (sealed_ & (capacity_ - 1));
    detail::FrameHeader header{};
    std::memcpy(&header, start, sizeof header);
    std::uint64_t const size = header.size & ~detail::kKindMask;
    if (size <= sizeof header || size > std::min<std::uint64_t>(detail::kMaxFrame, end - sealed_)) {
      sealed_ = end;  // overwritten by the program's own fault: read() will say so
      break;
    }
    std::span<std::byte const> const payload(start + sizeof header, size - sizeof header);
    if (header.check == detail::header_check(seed_, sealed_, header.sequence, header.size)) {
      check_word(start).store(sealed_check(seed_, sealed_, header, payload), std::memory_order_relaxed);
    }
    sealed_ += detail::frame_bytes(payload.size());
  }
  return end;
}

RingFile::Drops RingFile::pending_drops() const noexcept {
  if (dead_) return {dead_->drop_first, dead_->drop_count, dead_->drop_ticks};
  auto const& drops = shared().drops;
  // One episode of drops begins with `first`, which never has the same value twice: equal before and after, the rest is of one episode.
  std::uint64_t const first = drops.first.load_acquire();
  std::uint64_t const count = drops.count.load_acquire();
  std::uint64_t const at = drops.at.load_acquire();
  std::int64_t const ticks = drops.ticks.load_acquire();
  bool const undeclared = at == shared().producer.head.load_acquire();
  if (count == 0 || !undeclared || drops.first.load_acquire() != first) return {};
  return {first, count, ticks};
}

std::span<DamagedExtent const> RingFile::damage() const noexcept {
  return dead_ ? std::span<DamagedExtent const>(dead_->damage) : std::span<DamagedExtent const>();
}

}  // namespace logboom::spool
