// What a collector keeps on disk for another one until that has acked it: frames' contents in append-only segment files. Survives SIGKILL at any step.
// Must not know what a frame says, nor the delivery protocol.
#pragma once

#include "record/block.hpp"
#include "spool/file_handle.hpp"
#include "spool/spool_lock.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <system_error>
#include <vector>

namespace logboom::upstream {

/// append() and publish() belong to one thread, read() and release() to another; the rest is safe from any.
/// Frames are numbered 1, 2, 3 … within a stream; each opening of the spool begins a stream of its own, whose number says when: so a number never stands for two frames,
/// whatever a power cut took or a backup brought back.
class ForwardSpool {
 public:
  static constexpr std::uint64_t kLeastBound = std::uint64_t{1} << 20U;
  static constexpr std::uint64_t kSegment =
      std::uint64_t{16} << 20U;  // a segment is closed past this, or past an eighth of the bound

  enum class Kind : std::uint32_t { kRecords = 0, kLosses = 1 };

  struct Frame {
    std::vector<std::byte> contents;  // empty: damaged or gone
    std::uint32_t records = 0;
  };
  /// Numbers [first, end) of one stream.
  struct Held {
    std::uint64_t stream = 0, first = 1, end = 1;
  };

  /// Makes the directory (0700) if need be and locks it. A torn last frame is cut off: what was in it is not acked. @param bound bytes @param now names the stream that it begins: µs since the epoch
  /// @throws std::system_error (in use by another process, no permission), spool::SpoolError (another user's)
  ForwardSpool(std::filesystem::path directory, std::uint64_t bound, std::uint64_t now = ForwardSpool::now());
  static std::uint64_t now();

  std::filesystem::path const& directory() const noexcept { return directory_; }
  PublisherId const& id() const noexcept {
    return id_;
  }  // the forwarder's, for as long as the directory is there
  std::uint64_t stream() const noexcept { return stream_; }                        // of what is appended now
  std::vector<std::string> const& problems() const noexcept { return problems_; }  // found when it was opened

  /// Of frames above `last` of an earlier stream no transaction told; those of losses right after it stand all the same. Before anything else. @throws std::system_error
  void forget_after(std::uint64_t stream, std::uint64_t last);

  /// Safe against the death of the process when it returns true. False: at the bound, or the system refused (error() says which); nothing is left of it then.
  bool append(std::span<std::byte const> contents, std::uint32_t records, Kind kind = Kind::kRecords) noexcept;
  std::uint64_t last() const;  // number of the frame appended last; 0: none yet
  /// What was appended so far may be sent.
  void publish();
  std::error_code error() const noexcept {
    return error_;
  }  // of the last append() that failed; no_buffer_space at the bound

  /// Of the streams of which frames are held the oldest, as far as it is published; where none is, the current one.
  Held oldest() const;
  /// @throws std::system_error when the file cannot be opened or read now
  Frame read(std::uint64_t stream, std::uint64_t number);
  /// Numbers up to `committed` are not needed any more. @return how many records were in them
  std::uint64_t release(std::uint64_t stream, std::uint64_t committed);

  /// There is room for a segment: what was refused at the bound need not fear to be refused again at once.
  bool roomy() const;
  std::uint64_t bytes() const;    // on file
  std::uint64_t records() const;  // in frames that were not released

 private:
  struct Segment {
    std::uint64_t file = 0;  // number in its name
    std::uint64_t stream = 0;
    std::uint64_t first = 1, end = 1;
    std::uint64_t size = 0;
    std::uint64_t records = 0;
  };
  /// Where reading stands, so that what follows is found without looking for it.
  struct Cursor {
    spool::FileHandle handle;
    std::uint64_t file = 0;
    std::uint64_t number = 0, offset = 0;
  };
  struct Header;

  std::filesystem::path segment_path(std::uint64_t file) const;
  void read_id();
  void load();
  void load(std::uint64_t file);
  void begin_segment();
  void write(std::span<std::byte const> contents, std::uint32_t records, Kind kind);
  std::optional<Segment> find(std::uint64_t stream, std::uint64_t number) const;
  std::optional<Header> seek(Cursor& cursor, Segment const& segment, std::uint64_t number);
  void unlink(std::deque<Segment> const& segments) noexcept;

  std::filesystem::path const directory_;
  std::uint64_t const bound_, segment_bound_;
  std::optional<spool::SpoolLock> lock_;
  PublisherId id_{};
  std::uint64_t stream_ = 0;
  std::vector<std::string> problems_;
  std::error_code error_;

  mutable std::mutex mutex_;
  std::deque<Segment> segments_;  // ascending
  std::uint64_t next_file_ = 1, next_number_ = 1;
  std::uint64_t published_ = 0;  // of the current stream
  std::uint64_t bytes_ = 0, records_ = 0;
  spool::FileHandle writing_;  // the last of segments_; none: the next append begins one

  // The reading thread's own.
  Cursor reading_, releasing_;
  Held released_;             // `first`: not released yet
  std::uint64_t passed_ = 0;  // records before it that still count as held
};

}  // namespace logboom::upstream
