// One ring in a mapped file: made by its owner, read by the sender, or by whoever recovers it. Layout: include/logboom/detail/ring.hpp, docs/spool.md.
// Must not know records' meaning, sockets or the delivery protocol.
#pragma once

#include <logboom/detail/ring.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace logboom::spool {

class RingFile {
 public:
  /// Makes the file, allocates its blocks (no SIGBUS later), prefaults it, maps it MADV_DONTFORK.
  /// @throws std::system_error naming the file (ENOSPC and the like).
  static RingFile create(std::filesystem::path path, std::uint64_t stream, std::size_t capacity);
  /// Opens what a dead process left. @throws SpoolError when the file is not a ring or of a newer version.
  static RingFile open(std::filesystem::path path);

  RingFile(RingFile&&) noexcept;
  RingFile& operator=(RingFile&&) noexcept;
  ~RingFile();  // unmaps; the file stays

  std::uint64_t stream() const noexcept;
  std::size_t capacity() const noexcept;
  std::filesystem::path const& path() const noexcept;

  // --- owner: the thread that writes. Only while the ring is empty (tail == head).
  void set_thread(std::uint64_t tid, std::string_view name);
  std::uint64_t tid() const noexcept;
  std::string_view thread_name() const noexcept;
  detail::RingProducer producer() noexcept;

  // --- consumer: one thread.
  struct Frame {
    std::uint32_t kind = 0;
    std::uint64_t sequence = 0;
    std::span<std::byte const> payload;  // borrowed from the ring until released
    std::uint64_t end = 0;               // position after it
  };
  std::uint64_t head() const noexcept;  // acquire
  std::uint64_t tail() const noexcept;
  /// The frame at `position` (tail ≤ position < head). Nothing if it is damaged: then next_valid() finds where to go on.
  std::optional<Frame> read(std::uint64_t position) const noexcept;
  /// The first position after `position` where a plausible, checked frame stands, or head.
  std::uint64_t next_valid(std::uint64_t position) const noexcept;
  void release(std::uint64_t position) noexcept;

  struct Drops { std::uint64_t first = 0, count = 0; std::int64_t ticks = 0; };
  Drops pending_drops() const noexcept;  // declared by nobody yet: the producer died before it could write the gap frame
};

}  // namespace logboom::spool
