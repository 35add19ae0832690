// One ring in a mapped file: made by its owner, read by the sender, or by whoever recovers it. Layout: include/logboom/detail/ring.hpp, docs/spool.md.
// Must not know records' meaning, sockets or the delivery protocol.
#pragma once

#include "spool/mapped_file.hpp"
#include "spool/ring_recovery.hpp"
#include "spool/spool_error.hpp"

#include <logboom/detail/ring.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace logboom::spool {

inline constexpr std::size_t kMinRing = std::size_t{64} << 10U;  // the longest record needs twice that
inline constexpr std::size_t kDefaultRing = std::size_t{1} << 20U;
inline constexpr std::size_t kMaxRing = std::size_t{1} << 30U;
inline constexpr std::size_t kMaxThreadName = 64;  // bytes; longer names are cut

class RingFile {
 public:
  /// Makes the file, allocates its blocks (no SIGBUS later), prefaults it, maps it MADV_DONTFORK. About 1 ms for 1 MiB.
  /// `capacity` is rounded up to a power of two within kMinRing … kMaxRing. Nothing is left behind when it fails.
  /// @throws std::system_error naming the file (ENOSPC and the like).
  static RingFile create(std::filesystem::path const& path, std::uint64_t stream, std::size_t capacity);
  /// Opens what a dead process left and works out where it really ends, whatever became of its shared words.
  /// @throws SpoolError when the file is not a ring, of a newer version, or damaged beyond use. @throws std::system_error
  /// Frames that its process did not live to seal are sealed, so that what becomes of them from now on is found.
  static RingFile open(std::filesystem::path path);
  /// The same of a copy in memory: the file is read, and stays as it is. @throws as open()
  static RingFile look(std::filesystem::path path);

  RingFile(RingFile&&) noexcept = default;
  RingFile& operator=(RingFile&&) noexcept = default;
  ~RingFile() = default;  // unmaps (in the process that mapped it); the file stays

  std::uint64_t stream() const noexcept { return stream_; }
  std::size_t capacity() const noexcept { return capacity_; }
  std::filesystem::path const& path() const noexcept { return map_.path(); }

  // --- owner: the thread that writes. Only while the ring is empty (tail == head) and nobody writes.
  void set_thread(std::uint64_t tid, std::string_view name);
  std::uint64_t tid() const noexcept { return tid_; }
  std::string_view thread_name() const noexcept { return thread_name_; }
  /// Goes on where the last producer of this ring stopped, drops it has not declared included.
  detail::RingProducer producer() noexcept;

  // --- consumer: one thread.
  using Frame = RingFrame;
  std::uint64_t head() const noexcept;  // acquire
  std::uint64_t tail() const noexcept;
  /// Number of the first record at or after tail() that is still held; what is below was released. Hello's `base`.
  std::uint64_t base() const noexcept;
  /// Number that the next record will have. Hello's `next`. Of a dead ring: everything below it that is not found in a frame is lost.
  std::uint64_t next_sequence() const noexcept;

  /// The frame at `position` (tail ≤ position < head). Nothing if it is damaged: then next_valid() finds where to go on.
  std::optional<Frame> read(std::uint64_t position) const noexcept;
  /// The frame at `offset` of frames that were copied out of a ring: structure only, its check is bound to the place it had.
  static std::optional<Frame> parse(std::span<std::byte const> frames, std::size_t offset) noexcept;
  /// The first position after `position` where a plausible, checked frame stands, or head. Work is bounded whatever the bytes.
  std::uint64_t next_valid(std::uint64_t position) const noexcept;
  /// Gives back what is before `position`; `base` is the number of the first record that stays. A forged order cannot move the tail back.
  void release(std::uint64_t position, std::uint64_t base) noexcept;
  /// Puts the payload's check into every frame that came since the last call, and says where that ended: head().
  /// To be called whenever the sender looks at the ring; what a dead process has not sealed is trusted until the machine restarts.
  std::uint64_t seal() noexcept;

  struct Drops {
    std::uint64_t first = 0, count = 0;
    std::int64_t ticks = 0;  // of the first
  };
  /// Declared by no frame yet (count 0: none): the producer died, or has not logged since. Consistent whatever the producer does meanwhile.
  /// Declaring them in its stead is safe: the numbers are the same.
  Drops pending_drops() const noexcept;

  /// Regions of a dead ring in which no frame could be made out; positions. Empty for a live one.
  std::span<DamagedExtent const> damage() const noexcept;

 private:
  struct Identity;
  enum class Access { kRecover, kLook };
  RingFile(MappedFile map, Identity const& identity);
  static RingFile open(std::filesystem::path path, Access access);
  static Identity merged(Identity const& one, Identity const& other) noexcept;
  void seal_dead() noexcept;

  detail::RingShared& shared() const noexcept;
  std::byte* data() const noexcept { return map_.data() + detail::kRingDataOffset; }
  RingView view() const noexcept { return {data(), capacity_ - 1, seed_, trust_unsealed_}; }
  void write_identity() noexcept;
  void store_released(std::uint64_t position, std::uint64_t base) noexcept;

  MappedFile map_;
  std::size_t capacity_ = 0;
  std::uint64_t stream_ = 0;
  std::uint64_t seed_ = 0;
  std::uint64_t tid_ = 0;
  std::string thread_name_;
  std::uint64_t sealed_ = 0;    // everything before it carries its payload's check
  bool trust_unsealed_ = true;  // not after a restart of the machine: its pages may not be of one moment
  std::optional<RecoveredRing> dead_;
};

}  // namespace logboom::spool
