// The file behind the file sink: appends records, rotates by size and time, compresses what was rotated, notices when somebody else moved the file.
// Must not know records, sinks or the clock; the time is an argument.
#pragma once

#include "sinks/append_file.hpp"
#include "sinks/dated_files.hpp"
#include "sinks/file_compressor.hpp"
#include "sinks/log_chunk.hpp"
#include "sinks/log_file_error.hpp"
#include "sinks/numbered_files.hpp"
#include "sinks/path_pattern.hpp"
#include "sinks/rotation_schedule.hpp"

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace logboom::sinks {

/// For one thread. Compression has a thread of its own, which this object begins when it has something to compress and ends with itself.
///
/// What is written is never overwritten or truncated, no record is torn or stands in two files, and a process that is killed at any moment leaves nothing that the next one
/// does not put right: each step of a rotation is one rename or one unlink. (Killed within a write, the half record that may be left is ended with a newline.)
///
/// The names of rotated files:
///  - by size alone, as RotatingFileHandler: app.log.1 is the newest, app.log.2 the one before …; at most `keep`
///  - by time, or both, as TimedRotatingFileHandler: app.log.2026-11-26 after the moment at which its period began; a second one of the same name is
///    app.log.2026-11-26.1, and so on, the newest last; of all these the latest `keep` stay
///  - a path with conversions, errors-%Y%m%d.log: the current file has its final name from the start, and another name begins another file. With a schedule the name is that of
///    the period's first moment. What is rotated by size is errors-20261126.log.1, .2 …, the newest last; beside the current file the latest `keep` stay
///  - compressed: any of these and `.zst`
/// Files of other names are never touched. An empty file is not rotated. Python's own: a record that would make the file as large as max_size or larger goes into the next file, and a file
/// may be larger only if it holds a single record; times count from the file's mtime at the start.
///
/// While it is open, the current file is locked (flock): of two processes or two LogFiles that append to the same file one gets an error. Whoever does not lock may append too; rotating is
/// for one alone. On file systems without locks there is no lock.
class LogFile {
 public:
  struct Options {
    std::string path;  // absolute, or of the working directory; %Y %y %G %m %d %F %j %U %W %V %u %w %H %M %S and %% are as in strftime
    std::optional<mode_t> mode;  // permissions of files that it makes, whatever the umask; none: 0666 less the umask. A compressed file has those of the original
    std::uint64_t max_size = 0;  // bytes; 0: not rotated by size
    std::optional<RotationSchedule> schedule;  // none: not rotated by time
    bool utc = false;        // of a path's conversions if there is no schedule, which else decides
    std::uint32_t keep = 0;  // rotated files; 0: all (by size alone each of them is then renamed every time)
    bool compress = false;   // rotated files, with zstd
    int compression_level = 3;  // 1 … 19
  };

  /// Touches no file. @throws std::invalid_argument: an empty path or the name of a directory, an unknown conversion, a level out of range; keep with conversions that do not tell the
  /// files' order (%d without %m …); keep or compress with conversions in the directory's name
  explicit LogFile(Options options);
  /// Ends a compression that is being made; the next LogFile makes it.
  ~LogFile() = default;
  LogFile(LogFile const&) = delete;
  LogFile& operator=(LogFile const&) = delete;

  // `now`: the clock's, in nanoseconds since the Unix epoch, when it is called. Not a record's own time: the clock of its host may be wrong, and it may be old.
  //
  // Errors are LogFileError, a std::system_error whose what() is one line with file, reason and mend. All may be called again later, best with growing pauses.

  /// Opens the file, and makes its directories, unless it is open; append() would. So that a mistake is seen at the start. @throws LogFileError
  void open(std::int64_t now);

  /// Writes the chunk's records, rotating between them as needed, and takes out of the chunk those that were written: after an error the chunk holds exactly those that are
  /// not in the file, and is to be given again (or dropped). A file that cannot be rotated is an error too: it does not grow beyond its size. Never raises SIGXFSZ. @throws LogFileError
  void append(LogChunk& chunk, std::int64_t now);

  /// What goes on beside the appending: ends and begins compressions, unlinks what is more than `keep`, closes a file that somebody else moved. To be called about once a second, also
  /// when there is nothing to append. Never waits for a compression. @throws LogFileError: once each, what went wrong with a compression or an unlinking, in append() too; it will be tried
  /// again in a minute
  void tick(std::int64_t now);

  /// Closes and opens the path anew, as after SIGHUP. (A file that was moved or removed is noticed without it, by append() and tick().) @throws LogFileError; append() then tries again
  void reopen(std::int64_t now);

  /// The file that is appended to, or was last; with conversions empty until the first open().
  std::string const& current() const noexcept { return current_; }
  /// Rotations so far, of either kind.
  std::uint64_t rotations() const noexcept { return rotations_; }

 private:
  static constexpr std::int64_t kUnknown = std::numeric_limits<std::int64_t>::min();

  std::string path_at(std::int64_t time);
  void open_file(std::int64_t time);
  void make_ready(std::int64_t time);
  void rotate_by_time(std::int64_t time);
  void rotate_by_size();
  void move_to(std::string const& name);
  std::size_t fitting(LogChunk const& chunk) const;

  void tidy(std::int64_t now);
  void remove_unfinished();
  void prune();
  void end_compression();
  void begin_compression();
  std::vector<std::string> uncompressed() const;

  Options const options_;
  PathPattern const pattern_;
  std::variant<NumberedFiles, DatedFiles> const rotated_;
  std::optional<AppendFile> file_;
  std::string current_;
  std::int64_t rollover_ = kUnknown;  // of the schedule, in seconds
  std::int64_t named_ = kUnknown;     // the time that the current file's name stands for
  std::uint64_t rotations_ = 0;

  std::optional<FileCompressor> compressor_;
  bool fresh_ = true;           // nobody has looked yet what the process before left
  bool untidy_ = true;          // there may be something to compress or to unlink
  std::int64_t pause_ = 0;      // no tidying before this, in nanoseconds; 0: at once
  std::string uncompressible_;  // what could not be compressed last
  std::optional<LogFileError> trouble_;
};

}  // namespace logboom::sinks
