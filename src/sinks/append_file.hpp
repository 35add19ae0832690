// One open file at whose end records are written, all of a record or nothing. Must not know rotation.
#pragma once

#include "posix/descriptor.hpp"
#include "sinks/log_chunk.hpp"

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace logboom::sinks {

/// A regular file, or a device such as /dev/null. It is locked as long as this object lives (flock), where the file system can.
class AppendFile {
 public:
  /// Opens it, or makes it and its directories. @throws LogFileError
  AppendFile(std::string path, std::optional<mode_t> mode);

  std::string const& path() const noexcept { return path_; }
  bool regular() const noexcept { return regular_; }
  /// As of the last refresh() and what was appended since.
  std::uint64_t size() const noexcept { return size_; }
  /// When it was written last before it was opened, in seconds since the Unix epoch.
  std::int64_t modified() const noexcept { return modified_; }

  /// Whether the path leads elsewhere by now, or nowhere.
  bool moved() const noexcept;
  /// To be called before append() and before the file is rotated: looks how large it is, cuts off what a failed append() could not, ends a half line of one that was killed.
  /// @throws LogFileError
  void refresh();
  /// The first `count` records; takes out of the chunk what was written, also before an error: a part of a record is cut off again (unless somebody else has appended behind it).
  /// Never raises SIGXFSZ: it may then write fewer than `count`. @throws LogFileError
  void append(LogChunk& chunk, std::size_t count);

 private:
  void lock() const;
  void end_last_line();
  void look();
  std::size_t write(std::string_view bytes, int& error) const noexcept;
  bool cut() noexcept;

  std::string path_;
  posix::Descriptor fd_;
  dev_t device_ = 0;
  ino_t inode_ = 0;
  bool regular_ = false;
  bool unended_ = false;    // the last line has no newline
  std::uint64_t size_ = 0;  // without torn_
  std::uint64_t torn_ = 0;  // bytes of half a record behind that
  std::int64_t modified_ = 0;
};

}  // namespace logboom::sinks
