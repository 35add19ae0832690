#include "store/gap_table.hpp"

#include "store/row_check.hpp"
#include "store/scoped_reset.hpp"

#include <SQLiteCpp/Column.h>

#include <vector>

namespace logboom::store {

GapTable::GapTable(SQLite::Database& db, Names& names)
    : names_(names),
      insert_(db,
              "INSERT INTO gap(publisher_id, stream, first, last, created, reason, checksum) VALUES(?, ?, ?, "
              "?, ?, ?, ?)"),
      find_(db,
            "SELECT id, first, last, created, reason FROM gap "
            "WHERE publisher_id = ? AND stream = ? AND first <= ? AND last >= ?"),
      drop_(db, "DELETE FROM gap WHERE id = ?") {}

void GapTable::settle(Block const& block) {
  auto arrival = block.arrivals.begin();
  for (std::size_t i = 0; i <= block.gaps.size(); ++i) {
    for (; arrival != block.arrivals.end() && arrival->gaps <= i; ++arrival) shrink(arrival->span);
    if (i == block.gaps.size()) break;
    Gap const& gap = block.gaps[i];
    insert(names_.publisher(gap.publisher), gap.stream, gap.first, gap.last, gap.time, gap.reason);
  }
}

void GapTable::insert(std::int64_t publisher, std::uint64_t stream, std::uint64_t first, std::uint64_t last,
                      std::int64_t created, std::string const& reason) {
  ScopedReset const reset(insert_);
  insert_.bind(1, publisher);
  insert_.bind(2, static_cast<std::int64_t>(stream));
  insert_.bind(3, static_cast<std::int64_t>(first));
  insert_.bind(4, static_cast<std::int64_t>(last));
  insert_.bind(5, created);
  insert_.bindNoCopy(6, reason);
  insert_.bind(7, gap_checksum(publisher, static_cast<std::int64_t>(stream), static_cast<std::int64_t>(first),
                               static_cast<std::int64_t>(last), created, reason));
  insert_.exec();
}

/// What had been declared lost and came: the gaps keep the rest.
void GapTable::shrink(Span const& arrived) {
  struct Row {
    std::int64_t id = 0;
    std::uint64_t first = 0, last = 0;
    std::int64_t created = 0;
    std::string reason;
  };
  auto const publisher = names_.publisher(arrived.publisher);
  std::vector<Row> touched;
  {
    ScopedReset const reset(find_);
    find_.bind(1, publisher);
    find_.bind(2, static_cast<std::int64_t>(arrived.stream));
    find_.bind(3, static_cast<std::int64_t>(arrived.last));
    find_.bind(4, static_cast<std::int64_t>(arrived.first));
    while (find_.executeStep()) {
      touched.push_back({find_.getColumn(0).getInt64(),
                         static_cast<std::uint64_t>(find_.getColumn(1).getInt64()),
                         static_cast<std::uint64_t>(find_.getColumn(2).getInt64()),
                         find_.getColumn(3).getInt64(), find_.getColumn(4).getString()});
    }
  }
  for (Row const& row : touched) {
    ScopedReset const reset(drop_);
    drop_.bind(1, row.id);
    drop_.exec();
    if (row.first < arrived.first)
      insert(publisher, arrived.stream, row.first, arrived.first - 1, row.created, row.reason);
    if (row.last > arrived.last)
      insert(publisher, arrived.stream, arrived.last + 1, row.last, row.created, row.reason);
  }
}

}  // namespace logboom::store
