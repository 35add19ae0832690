#include "store/ledger_table.hpp"

#include "store/missing_text.hpp"
#include "store/scoped_reset.hpp"

#include <SQLiteCpp/Column.h>

#include <cstring>

namespace logboom::store {

LedgerTable::LedgerTable(SQLite::Database& db, Names& names)
    : db_(db),
      names_(names),
      advance_(db,
               "INSERT INTO ledger(publisher_id, stream, last, missing) VALUES(?, ?, ?, ?) "
               "ON CONFLICT DO UPDATE SET last = max(last, excluded.last), "
               "missing = CASE WHEN excluded.last < last THEN missing ELSE excluded.missing END") {}

void LedgerTable::advance(Progress const& progress) {
  ScopedReset const reset(advance_);
  advance_.bind(1, names_.publisher(progress.publisher));
  advance_.bind(2, static_cast<std::int64_t>(progress.stream));
  advance_.bind(3, static_cast<std::int64_t>(progress.last));
  advance_.bind(4, write_missing(progress.missing));
  advance_.exec();
}

std::vector<Progress> LedgerTable::read() {
  std::vector<Progress> ledger;
  SQLite::Statement select(
      db_,
      "SELECT p.uuid, l.stream, l.last, l.missing FROM ledger l JOIN publisher p ON p.id = l.publisher_id");
  while (select.executeStep()) {
    Progress& progress = ledger.emplace_back();
    SQLite::Column const uuid = select.getColumn(0);
    if (static_cast<std::size_t>(uuid.getBytes()) == progress.publisher.size())
      std::memcpy(progress.publisher.data(), uuid.getBlob(), progress.publisher.size());
    progress.stream = static_cast<std::uint64_t>(select.getColumn(1).getInt64());
    progress.last = static_cast<std::uint64_t>(select.getColumn(2).getInt64());
    progress.missing = read_missing(select.getColumn(3).getText());
  }
  return ledger;
}

}  // namespace logboom::store
