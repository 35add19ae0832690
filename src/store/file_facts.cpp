#include "store/file_facts.hpp"

#include <SQLiteCpp/Column.h>
#include <SQLiteCpp/Statement.h>
#include <fmt/core.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

namespace logboom::store {
namespace {

std::int64_t number(SQLite::Database& db, char const* sql, std::int64_t otherwise) {
  SQLite::Statement select(db, sql);
  return select.executeStep() && !select.getColumn(0).isNull() ? select.getColumn(0).getInt64() : otherwise;
}

}  // namespace

std::int64_t first_id_of(SQLite::Database& db) {
  return std::max<std::int64_t>(1, number(db, "SELECT value FROM meta WHERE key = 'first_id'", 1));
}

std::int64_t last_id_of(SQLite::Database& db) {
  return std::max(first_id_of(db) - 1, number(db, "SELECT max(id) FROM record", 0));
}

std::int64_t begun_of(SQLite::Database& db) {
  return number(db, "SELECT CAST(strftime('%s', value) AS INTEGER) FROM meta WHERE key = 'created'", 0);
}

std::int64_t empty_bytes_of(SQLite::Database& db) {
  return number(db, "SELECT value FROM meta WHERE key = 'empty_bytes'", 0);
}

void set_facts(SQLite::Database& db, std::int64_t first_id, std::int64_t begun) {
  SQLite::Statement set(db,
                        "INSERT OR REPLACE INTO meta(key, value) VALUES('first_id', ?1), "
                        "('created', strftime('%Y-%m-%dT%H:%M:%SZ', ?2, 'unixepoch'))");
  set.bind(1, first_id);
  set.bind(2, begun);
  set.exec();
  set_empty_bytes(db);
}

void set_empty_bytes(SQLite::Database& db) {
  db.exec(
      "INSERT OR REPLACE INTO meta(key, value) "
      "SELECT 'empty_bytes', page_count * page_size FROM pragma_page_count, pragma_page_size");
}

std::string size_fault(SQLite::Database& db, std::string const& path) {
  std::error_code missing;
  if (std::filesystem::file_size(path + "-wal", missing) > 0 && !missing) return {};
  auto const size = std::filesystem::file_size(path, missing);
  auto const expected = number(db, "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size", 0);
  if (missing || static_cast<std::uintmax_t>(expected) == size) return {};
  return fmt::format("it has {} bytes and should have {}", size, expected);
}

}  // namespace logboom::store
