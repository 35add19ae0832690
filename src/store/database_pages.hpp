// The pages of a database as its last commit left them, read without SQLite: from the file, its write-ahead log, or a compressed file.
// Must not know what is in them.
#pragma once

#include "store/log_check.hpp"
#include "store/seekable_zstd.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

namespace logboom::store {

/// For one thread. Opens the file anew: never of one that this process has open through SQLite, whose locks would go.
class DatabasePages {
 public:
  /// @throws std::system_error, SeekableError
  explicit DatabasePages(std::string const& path);
  ~DatabasePages();
  DatabasePages(DatabasePages const&) = delete;
  DatabasePages& operator=(DatabasePages const&) = delete;

  std::uint32_t page_size() const noexcept { return page_size_; }
  std::uint32_t count() const noexcept { return count_; }
  LogState const& log() const noexcept { return log_; }
  /// Of a compressed file the table of frames was not to be had: where it should begin. The frames were found without it.
  std::optional<std::int64_t> table_lost_at() const noexcept {
    return compressed_ ? compressed_->table_lost_at() : std::nullopt;
  }
  /// In how many ways the log can be read: more than one where it is in doubt of which page a frame is. The first takes it as it is.
  std::size_t readings() const noexcept { return 1 + other_readings_.size(); }
  void read_as(std::size_t reading);
  /// Page 1 is the first. @param into page_size() bytes; what the file does not have is zeros. @return false: it has not all of it
  bool read(std::uint32_t page, std::span<std::byte> into);

 private:
  bool read_file(std::uint64_t at, std::span<std::byte> into);
  void find_readings();

  std::unique_ptr<SeekableReader> compressed_;
  int file_ = -1, log_file_ = -1;
  std::uint64_t size_ = 0;
  std::uint32_t page_size_ = 0, count_ = 0;
  LogState log_;
  std::vector<LogPage> other_readings_;                      // one of `content`, as another page
  std::unordered_map<std::uint32_t, std::uint64_t> in_log_;  // page to the place of its bytes
};

}  // namespace logboom::store
