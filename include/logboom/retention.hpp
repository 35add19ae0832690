// How long a store keeps its records, and in how many files (docs/store.md, "Many files").
#pragma once

#include <chrono>
#include <cstdint>

namespace logboom {

/// Nothing set: for ever, in one file. With anything set the store is many files: the current one under the store's own name, closed ones in `NAME.d/`. Whole files go, the
/// oldest first: a record is kept for `keep` at least and for one `file_period` more at most, and the current file never goes.
struct RetentionOptions {
  std::chrono::seconds keep{0};  ///< age at which records may go, from when they were stored; 0: any
  /// Bytes of all the store's files, logs of SQLite included; 4 MiB at least; 0: any. Passed for a while where a closed file is being rewritten, a long reader keeps a log,
  /// or one file alone is larger (a burst): the newest closed one stays until the current one has `file_size`.
  std::uint64_t max_size = 0;
  /// Bytes that a file grows by until a new one is begun; 256 KiB at least. 0: a sixteenth of `max_size`, 1 GiB at most; without `max_size`: any.
  std::uint64_t file_size = 0;
  /// A new file is begun with the first record of each such span, counted from 1970, UTC (a day begins at midnight). 0: a day if `keep` is two days or more,
  /// an eighth of `keep` (1 s at least) if it is less; without `keep`: any.
  std::chrono::seconds file_period{0};
  bool full_text = false;  ///< closed files get a full-text index of message and exception
  bool compress = false;   ///< closed files are compressed (zstd); queries read them as they are

  /// Anything is set.
  bool many_files() const noexcept { return *this != RetentionOptions{}; }

  friend bool operator==(RetentionOptions const&, RetentionOptions const&) = default;
};

}  // namespace logboom
