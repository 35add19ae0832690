#include "store/read_connection.hpp"

#include "store/closed_files.hpp"
#include "store/schema.hpp"
#include "store/store_error.hpp"
#include "store/zstd_vfs.hpp"

#include <SQLiteCpp/Exception.h>
#include <fmt/core.h>
#include <sqlite3.h>

#include <sys/stat.h>

#include <cctype>
#include <chrono>
#include <filesystem>
#include <system_error>
#include <thread>

namespace logboom::store {
namespace {

constexpr int kBusyTimeoutMs = 5'000;

void refuse_what_is_no_file(std::string const& path) {
  std::error_code failed;
  auto const status = std::filesystem::status(path, failed);
  if (status.type() == std::filesystem::file_type::not_found) {
    throw StoreError(
        fmt::format("{} does not exist; name the store's file (`logboom collect --db FILE` makes it)", path));
  }
  if (std::filesystem::is_directory(status)) {
    throw StoreError(fmt::format("{} is a directory; name the store's file in it", path));
  }
}

std::string percent_encoded(std::string const& path) {
  std::string uri;
  for (char const c : path) {
    auto const byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0 || c == '/' || c == '.' || c == '-' || c == '_') {
      uri += c;
    } else {
      uri += fmt::format("%{:02X}", byte);
    }
  }
  return uri;
}

bool is_compressed(std::string const& path) { return path.ends_with(kCompressedEnd); }

void check_version(SQLite::Database& db, std::string const& path) {
  SchemaState const state = inspect_schema(db, path);
  if (state.blank) {
    throw StoreError(fmt::format("{} is an empty database, not a logboom store yet; name another file", path));
  }
  if (state.version < kOldestRead) {
    throw StoreError(fmt::format(
        "{} is of an older schema version ({}, this logboom reads {}); open it once with `logboom collect "
        "--db` to migrate it",
        path, state.version, kOldestRead));
  }
}

SQLite::Database open_checked(std::string const& name, int flags, std::string const& path) {
  SQLite::Database db(name, flags | SQLite::OPEN_READONLY | SQLite::OPEN_NOMUTEX, kBusyTimeoutMs);
  check_version(db, path);
  db.exec("PRAGMA cache_size=-16000; PRAGMA trusted_schema=OFF;");
  return db;
}

/// A write-ahead log cannot be read without its index, which has to be made beside it. Where that is not permitted, and
/// the log is empty, the file alone is the whole store and nobody writes to it.
bool may_read_as_immutable(std::string const& path, SQLite::Exception const& cause) {
  if (cause.getErrorCode() != SQLITE_CANTOPEN && cause.getErrorCode() != SQLITE_READONLY) return false;
  std::error_code failed;
  auto const log_size = std::filesystem::file_size(path + "-wal", failed);
  if (!failed && log_size > 0) {
    throw StoreError(fmt::format(
        "cannot read {}: its newest records are in {}-wal, and reading that needs permission to write "
        "to its directory; copy both files to a directory of yours",
        path, path));
  }
  return true;
}

}  // namespace

std::string closed_uri(std::string const& path) {
  auto uri = "file:" + percent_encoded(path) + "?immutable=1";
  if (is_compressed(path)) uri += fmt::format("&vfs={}", zstd_vfs());
  return uri;
}

std::string reading_uri(std::string const& path) {
  return is_compressed(path) ? closed_uri(path) : "file:" + percent_encoded(path) + "?mode=ro";
}

SQLite::Database open_closed(std::string const& path) try {
  return open_checked(closed_uri(path), SQLite::OPEN_URI, path);
} catch (SQLite::Exception const& cause) {
  throw store_error(path, "read", cause);
}

SQLite::Database open_for_reading(std::string const& given) {
  refuse_what_is_no_file(given);
  std::error_code failed;
  std::string const path = std::filesystem::absolute(given, failed).string();  // never taken for a URI
  if (is_compressed(path)) return open_closed(path);
  try {
    return open_checked(path, 0, given);
  } catch (SQLite::Exception const& cause) {
    if (!may_read_as_immutable(path, cause)) throw store_error(given, "read", cause);
  }
  try {
    return open_checked(closed_uri(path), SQLite::OPEN_URI, given);
  } catch (SQLite::Exception const& cause) {
    throw store_error(given, "read", cause);
  }
}

bool has_moved(SQLite::Database& db) {
  int moved = 0;
  sqlite3_file_control(db.getHandle(), "main", SQLITE_FCNTL_HAS_MOVED, &moved);
  return moved != 0;
}

// SQLite opens the file first and the log, by its name, with the first statement. In between the names may have become the next file's (rotation.hpp). While the
// file has a second name they are about to.
SQLite::Database open_current(std::string const& path) {
  constexpr int kTries = 100;  // then the second name is a user's
  for (int i = 1;; ++i) {
    struct stat before {};
    ::stat(path.c_str(), &before);
    struct stat found {};
    try {
      SQLite::Database db = open_for_reading(path);
      bool const alone = ::stat(path.c_str(), &found) == 0 && found.st_nlink == 1;
      if (!has_moved(db) && (alone || i >= kTries)) return db;
    } catch (StoreError const&) {
      bool const replaced = ::stat(path.c_str(), &found) == 0 && found.st_ino != before.st_ino;
      if (!replaced || i >= kTries) throw;
    }
    if (i >= 10 * kTries)
      throw StoreError(fmt::format("{} is replaced again and again while it is being opened; try later", path),
                       StoreError::Kind::kTransient);
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

}  // namespace logboom::store
