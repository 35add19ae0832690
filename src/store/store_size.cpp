// Rows by the ids, which have no holes within a file; bytes by the file system. Must not know who asks.
#include "store/store_size.hpp"

#include "store/read_connection.hpp"

#include <SQLiteCpp/Column.h>
#include <SQLiteCpp/Database.h>

#include <exception>
#include <filesystem>
#include <system_error>

namespace logboom::store {
namespace {

std::uint64_t bytes_of(std::string const& file) {
  std::error_code failed;
  auto const size = std::filesystem::file_size(file, failed);
  return failed ? 0 : size;
}

}  // namespace

StoreSize measure(std::string const& path) noexcept {
  StoreSize size;
  try {
    size.bytes = bytes_of(path) + bytes_of(path + "-wal");
    auto db = open_for_reading(path);
    size.rows = static_cast<std::uint64_t>(
        db.execAndGet("SELECT ifnull((SELECT max(id) FROM record) - (SELECT min(id) FROM record) + 1, 0)")
            .getInt64());
  } catch (std::exception const&) {
    // Not there, or not to be read now.
  }
  return size;
}

}  // namespace logboom::store
