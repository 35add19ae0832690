// Rows by the ids, bytes by the file system. Must not know who asks.
#include "store/store_size.hpp"

#include "store/closed_files.hpp"
#include "store/read_connection.hpp"

#include <SQLiteCpp/Column.h>
#include <SQLiteCpp/Database.h>

#include <exception>
#include <filesystem>
#include <system_error>

namespace logboom::store {

std::uint64_t count_rows(std::string const& path) noexcept {
  try {
    auto db = open_for_reading(path);
    return static_cast<std::uint64_t>(
        db.execAndGet("SELECT ifnull((SELECT max(id) FROM record) - (SELECT min(id) FROM record) + 1, 0)")
            .getInt64());
  } catch (std::exception const&) {
    return 0;
  }
}

std::optional<std::int64_t> before_closed(std::string const& path) noexcept {
  try {
    auto const closed = list_closed(path);
    if (!closed.empty()) return closed.front().first_id - 1;
  } catch (std::exception const&) {
    return std::nullopt;
  }
  return std::nullopt;
}

std::uint64_t log_bytes(std::string const& path) noexcept {
  std::error_code missing;
  auto const size = std::filesystem::file_size(path + "-wal", missing);
  return missing ? 0 : size;
}

std::uint64_t bytes_on_disk(std::string const& path) noexcept {
  std::uint64_t bytes = 0;
  auto const add = [&](std::string const& file) {
    std::error_code missing;
    auto const size = std::filesystem::file_size(file, missing);
    if (!missing) bytes += size;
  };
  for (char const* const end : {"", "-wal", "-shm"}) add(path + end);
  std::error_code none;
  std::filesystem::directory_iterator at(closed_directory(path), none);
  for (std::filesystem::directory_iterator const end; !none && at != end; at.increment(none)) add(at->path());
  return bytes;
}

}  // namespace logboom::store
