#include "store/name_check.hpp"

#include "store/row_check.hpp"
#include "store/row_values.hpp"

#include <SQLiteCpp/Column.h>
#include <SQLiteCpp/Statement.h>
#include <fmt/core.h>

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace logboom::store {
namespace {

template <class Sum>
void compare(SQLite::Database& db, char const* table, char const* columns, Sum const& checksum,
             std::vector<std::string>& damaged) {
  SQLite::Statement select(db, fmt::format("SELECT checksum, id, {} FROM {}", columns, table));
  while (select.executeStep()) {
    if (select.getColumn(0).isNull() || number_of(select, 0) == checksum(select)) continue;
    damaged.push_back(
        fmt::format("a row of {} does not have its checksum (id {})", table, number_of(select, 1)));
  }
}

}  // namespace

std::vector<std::string> damaged_names(SQLite::Database& db) {
  std::vector<std::string> damaged;
  compare(
      db, "site", "level, line, logger, level_name, file, function, template",
      [](auto& row) {
        return site_checksum(number_of(row, 2), number_of(row, 3), text_of(row, 4), text_of(row, 5),
                             text_of(row, 6), text_of(row, 7), text_of(row, 8));
      },
      damaged);
  compare(
      db, "source", "publisher_id, pid, started, stream, tid, host, process, thread",
      [](auto& row) {
        SourceCells const cells{number_of(row, 2), number_of(row, 3), number_of(row, 4), number_of(row, 5),
                                number_of(row, 6), text_of(row, 7),   text_of(row, 8),   text_of(row, 9)};
        return cells.checksum();
      },
      damaged);
  compare(
      db, "publisher", "uuid", [](auto& row) { return publisher_checksum(bytes_of(row, 2)); }, damaged);
  return damaged;
}

}  // namespace logboom::store
