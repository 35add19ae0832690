#include "store/found_gaps.hpp"

#include "store/row_check.hpp"
#include "store/scoped_reset.hpp"
#include "store/stored_numbers.hpp"

#include <SQLiteCpp/Column.h>

#include <algorithm>
#include <cstdint>
#include <string>

namespace logboom::store {

FoundGaps::Prepared::Prepared(SQLite::Database& db) {
  db.exec(
      "CREATE TEMP TABLE found_gap(id, publisher_id, stream, first, last, created, reason, "
      "UNIQUE(publisher_id, stream, first, last))");
}

FoundGaps::FoundGaps(SQLite::Database& db)
    : db_(db), prepared_(db), add_(db, "INSERT OR IGNORE INTO found_gap VALUES(?, ?, ?, ?, ?, ?, ?)") {}

void FoundGaps::add(GapRow const& row) {
  ScopedReset const reset(add_);
  int at = 1;
  for (auto const value : {row.id, row.publisher_id, row.stream, row.first, row.last, row.created})
    add_.bind(at++, value);
  add_.bind(at, std::string(row.reason));
  add_.exec();
}

void FoundGaps::settle() {
  StoredNumbers stored(db_);
  SQLite::Statement select(db_,
                           "SELECT publisher_id, stream, first, last, created, reason FROM found_gap "
                           "ORDER BY publisher_id, stream, first, last DESC");
  SQLite::Statement insert(db_,
                           "INSERT INTO gap(publisher_id, stream, first, last, created, reason, checksum) "
                           "VALUES(?, ?, ?, ?, ?, ?, ?)");
  NumberRange before;
  while (select.executeStep()) {
    NumberRange gap{select.getColumn(0).getInt64(), select.getColumn(1).getInt64(),
                    select.getColumn(2).getInt64(), select.getColumn(3).getInt64()};
    auto const created = select.getColumn(4).getInt64();
    auto const reason = select.getColumn(5).getString();
    bool const same_stream = gap.publisher_id == before.publisher_id && gap.stream == before.stream;
    if (same_stream) gap.first = std::max(gap.first, before.last + 1);
    if (gap.first > gap.last) continue;
    before = gap;
    stored.without(gap, [&](NumberRange const& part) {
      ScopedReset const reset(insert);
      int at = 1;
      for (auto const value : {part.publisher_id, part.stream, part.first, part.last, created})
        insert.bind(at++, value);
      insert.bind(at++, reason);
      insert.bind(at, gap_checksum(part.publisher_id, part.stream, part.first, part.last, created, reason));
      insert.exec();
    });
  }
}

}  // namespace logboom::store
