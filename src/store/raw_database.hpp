// The bytes of a database's file, through the descriptor that SQLite has of it: closing another one would give up this process's locks on the file.
// Must not know what the bytes mean.
#pragma once

#include <SQLiteCpp/Database.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

struct sqlite3_file;

namespace logboom::store {

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

 private:
  void check(int code, char const* doing) const;

  std::string const path_;
  SQLite::Database db_;
  sqlite3_file* file_ = nullptr;
};

}  // namespace logboom::store
