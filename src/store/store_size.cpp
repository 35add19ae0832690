// Rows by the ids, bytes by the file system. Must not know who asks.
#include "store/store_size.hpp"

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

std::uint64_t bytes_on_disk(std::string const& path) noexcept {
  std::uint64_t bytes = 0;
  for (char const* const end : {"", "-wal", "-shm"}) {
    std::error_code missing;
    auto const size = std::filesystem::file_size(path + end, missing);
    if (!missing) bytes += size;
  }
  return bytes;
}

}  // namespace logboom::store
