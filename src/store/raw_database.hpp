// The bytes of a database's file, through the descriptor that SQLite has of it: closing another one would give up this process's locks on the file.
// Must not know what the bytes mean.
#pragma once

#include <SQLiteCpp/Database.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

struct sqlite3_file;

namespace logboom::store {

/// Two bytes of SQLite's header say which versions may write and read the file: 2 is "with a write-ahead log", 1 "without".
inline constexpr std::int64_t kVersionsAt = 18;
inline constexpr std::array kVersionsWithLog{std::byte{2}, std::byte{2}};
inline constexpr std::array kVersionsWithoutLog{std::byte{1}, std::byte{1}};

/// For one thread. Takes no lock: for a file that nobody writes to.
class RawDatabase {
 public:
  /// @throws SQLite::Exception
  RawDatabase(std::string const& path, bool writable);

  std::int64_t size() const;
  /// Reads as much as `into` holds. @throws StoreError, also where the file ends before
  void read(std::int64_t at, std::span<std::byte> into) const;
  /// Writes through to the disk. @throws StoreError
  void write(std::int64_t at, std::span<std::byte const> from);
  /// Waits for the disk. @throws StoreError
  void sync();

 private:
  void check(int code, char const* doing) const;

  std::string const path_;
  SQLite::Database db_;
  sqlite3_file* file_ = nullptr;
};

/// Its header says that it is of a version to come: SQLite reads it, and does not write to it, or does neither. @throws SQLite::Exception, StoreError
bool has_strange_version(std::string const& path);

}  // namespace logboom::store
