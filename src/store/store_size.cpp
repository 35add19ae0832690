// Rows by the ids, bytes by the file system. Must not know who asks.
#include "store/store_size.hpp"

#include "store/closed_files.hpp"
#include "store/file_facts.hpp"
#include "store/read_connection.hpp"

#include <SQLiteCpp/Column.h>
#include <SQLiteCpp/Database.h>

#include <algorithm>
#include <exception>
#include <filesystem>
#include <system_error>

namespace logboom::store {

std::uint64_t count_rows(std::string const& path) noexcept {
  try {
    // The current file before the list: what it was before is in that by then.
    auto db = open_current(path);
    auto const closed = list_closed(path);
    std::int64_t const begins = first_id_of(db);
    std::int64_t const first = closed.empty() ? begins : std::min(begins, closed.front().first_id);
    std::int64_t const last =
        std::max(begins - 1, db.execAndGet("SELECT ifnull(max(id), 0) FROM record").getInt64());
    return static_cast<std::uint64_t>(last - first + 1);
  } catch (std::exception const&) {
    return 0;
  }
}

std::uint64_t bytes_on_disk(std::string const& path) noexcept {
  std::uint64_t bytes = 0;
  for (char const* const end : {"", "-wal", "-shm"}) {
    std::error_code missing;
    auto const size = std::filesystem::file_size(path + end, missing);
    if (!missing) bytes += size;
  }
  std::error_code none;
  std::filesystem::directory_iterator at(closed_directory(path), none);
  for (std::filesystem::directory_iterator const end; !none && at != end; at.increment(none)) {
    std::error_code missing;
    auto const size = at->file_size(missing);
    if (!missing) bytes += size;
  }
  return bytes;
}

}  // namespace logboom::store
