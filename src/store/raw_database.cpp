#include "store/raw_database.hpp"

#include "store/store_error.hpp"

#include <SQLiteCpp/Exception.h>
#include <sqlite3.h>

namespace logboom::store {

RawDatabase::RawDatabase(std::string const& path, bool writable)
    : path_(path),
      db_(path, (writable ? SQLite::OPEN_READWRITE : SQLite::OPEN_READONLY) | SQLite::OPEN_NOMUTEX) {
  check(sqlite3_file_control(db_.getHandle(), "main", SQLITE_FCNTL_FILE_POINTER, &file_), "open");
}

void RawDatabase::check(int code, char const* doing) const {
  if (code != SQLITE_OK) throw store_error(path_, doing, SQLite::Exception(sqlite3_errstr(code), code));
}

std::int64_t RawDatabase::size() const {
  sqlite3_int64 size = 0;
  check(file_->pMethods->xFileSize(file_, &size), "read");
  return size;
}

void RawDatabase::read(std::int64_t at, std::span<std::byte> into) const {
  check(file_->pMethods->xRead(file_, into.data(), static_cast<int>(into.size()), at), "read");
}

void RawDatabase::write(std::int64_t at, std::span<std::byte const> from) {
  check(file_->pMethods->xWrite(file_, from.data(), static_cast<int>(from.size()), at), "write to");
  sync();
}

void RawDatabase::sync() { check(file_->pMethods->xSync(file_, SQLITE_SYNC_NORMAL), "write to"); }

bool has_strange_version(std::string const& path) {
  std::array<std::byte, 2> versions{};
  RawDatabase(path, false).read(kVersionsAt, versions);
  return versions[0] > kVersionsWithLog[0] || versions[1] > kVersionsWithLog[1];
}

}  // namespace logboom::store
