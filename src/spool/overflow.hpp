// The overflow of a spool: what was moved out of the rings because no collector took it. Append-only segment files of opaque chunks.
// Must not know what a chunk's bytes mean, nor the delivery protocol. One thread at a time.
#pragma once

#include "record/wire.hpp"
#include "spool/file_handle.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace logboom::spool {

inline constexpr std::uint64_t kDefaultOverflow = std::uint64_t{1} << 30U;   // bytes a publisher
inline constexpr std::uint64_t kOverflowSegment = std::uint64_t{16} << 20U;  // a segment is closed past this
inline constexpr std::size_t kMaxChunk = std::size_t{1} << 20U;
inline constexpr std::size_t kMaxChunks = std::size_t{1} << 18U;  // held at a time; append() refuses more

/// So that no text in a chunk passes for a chunk: each publisher has its own.
std::uint64_t overflow_seed(PublisherId const& id) noexcept;

class Overflow {
 public:
  /// Consecutive records of one stream.
  struct Chunk {
    std::uint64_t stream = 0;
    std::uint64_t tid = 0;
    std::string_view thread_name;  // at most kMaxThreadName bytes are kept
    std::uint64_t first = 0;       // sequence number of the first record
    std::uint64_t end = 0;         // number after the last
  };
  struct Info {
    std::uint64_t number = 0;  // ascending; names the chunk while this object lives
    std::uint64_t stream = 0;
    std::uint64_t tid = 0;
    std::string thread_name;
    std::uint64_t first = 0;
    std::uint64_t end = 0;
    std::size_t bytes = 0;
  };
  /// A region of a segment file where no chunk could be made out. Whose records are missing is seen from the numbers of the others.
  struct Damage {
    std::filesystem::path file;
    std::uint64_t offset = 0;
    std::uint64_t bytes = 0;
  };

  enum class Access {
    kOwner,
    kLook
  };  // kLook: files are read, and stay as they are; what is torn counts as held

  /// Of a directory that is locked by this process, unless it is only looked at. Finds the chunks that are there: a torn last one is cut off (its records are still in the ring),
  /// damaged ones are left out and listed. `seed` is the publisher's own, so that no text in a chunk passes for a chunk.
  /// @throws std::system_error
  static Overflow open(std::filesystem::path directory, std::uint64_t seed,
                       std::uint64_t bound = kDefaultOverflow, Access access = Access::kOwner);

  /// Safe against the death of the process when it returns true.
  /// False: at the bound, or the system refused (error() says which); nothing is left of it in the file, and the next call may well succeed.
  bool append(Chunk const& chunk, std::span<std::byte const> bytes) noexcept;
  /// Oldest first.
  std::deque<Info> const& chunks() const noexcept { return chunks_; }
  /// False: its bytes are damaged or cannot be read; [first, end) is lost then.
  bool read(std::uint64_t number, std::vector<std::byte>& out) noexcept;
  /// Where the chunk begins. It must be there.
  std::pair<std::filesystem::path, std::uint64_t> place(std::uint64_t number) const;
  /// In any order. A segment is unlinked when all that is in it and before it is released.
  void release(std::uint64_t number) noexcept;

  /// In a forked child: closes what it inherited; no file is touched.
  void close() noexcept;

  std::uint64_t bytes() const noexcept { return bytes_; }  // on file
  bool empty() const noexcept { return chunks_.empty(); }
  void set_bound(std::uint64_t bytes) noexcept { bound_ = bytes; }
  std::error_code error() const noexcept {
    return error_;
  }  // of the last append() or read() that failed; no_buffer_space at the bound
  std::vector<Damage> const& damage() const noexcept { return damage_; }

 private:
  struct Place {
    std::uint64_t segment = 0, offset = 0;  // of the chunk's bytes
    std::uint32_t check = 0;
  };
  struct Segment {
    std::uint64_t size = 0;
    std::size_t held = 0;  // chunks not released
  };
  Overflow(std::filesystem::path directory, std::uint64_t seed, std::uint64_t bound);
  std::filesystem::path segment_path(std::uint64_t number) const;
  void load(std::uint64_t number, Access access);
  void begin_segment();
  void write(Chunk const& chunk, std::span<std::byte const> bytes);
  void unlink_released() noexcept;

  std::filesystem::path directory_;
  std::uint64_t seed_ = 0;
  std::uint64_t bound_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint64_t next_number_ = 0;
  std::deque<Info> chunks_;
  std::map<std::uint64_t, Place> places_;      // by chunk
  std::map<std::uint64_t, Segment> segments_;  // by number in the file's name
  FileHandle writing_, reading_;               // at most two descriptors, however many segments
  std::uint64_t writing_number_ = 0, reading_number_ = 0;
  std::error_code error_;
  std::vector<Damage> damage_;
};

}  // namespace logboom::spool
