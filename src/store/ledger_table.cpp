#include "store/ledger_table.hpp"

#include "store/missing_text.hpp"
#include "store/row_check.hpp"
#include "store/row_values.hpp"
#include "store/scoped_reset.hpp"
#include "store/stored_numbers.hpp"

#include <SQLiteCpp/Column.h>
#include <SQLiteCpp/Exception.h>
#include <SQLiteCpp/Transaction.h>
#include <sqlite3.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <tuple>
#include <utility>

namespace logboom::store {

LedgerTable::LedgerTable(SQLite::Database& db, Names& names)
    : names_(names),
      advance_(db,
               "INSERT INTO ledger(publisher_id, stream, last, missing, checksum) VALUES(?, ?, ?, ?, ?) "
               "ON CONFLICT DO UPDATE SET last = excluded.last, missing = excluded.missing, "
               "checksum = excluded.checksum WHERE excluded.last >= last") {}

void LedgerTable::advance(Progress const& progress) {
  ScopedReset const reset(advance_);
  auto const publisher = names_.publisher(progress.publisher);
  auto const stream = static_cast<std::int64_t>(progress.stream);
  auto const last = static_cast<std::int64_t>(progress.last);
  auto const missing = write_missing(progress.missing);
  advance_.bind(1, publisher);
  advance_.bind(2, stream);
  advance_.bind(3, last);
  advance_.bind(4, missing);
  advance_.bind(5, ledger_checksum(publisher, stream, last, missing));
  advance_.exec();
}

std::vector<Progress> read_ledger(SQLite::Database& db, std::size_t most) {
  std::vector<Progress> ledger;
  SQLite::Statement select(
      db,
      "SELECT p.uuid, l.stream, l.last, l.missing FROM ledger l JOIN publisher p ON p.id = l.publisher_id "
      "ORDER BY l.publisher_id DESC, l.stream DESC LIMIT ?");
  select.bind(1, static_cast<std::int64_t>(std::min<std::size_t>(most, INT64_MAX)));
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

namespace {

struct Row {
  std::int64_t publisher = 0, stream = 0;
};

std::vector<Row> damaged_rows(SQLite::Database& db) {
  std::vector<Row> damaged;
  SQLite::Statement select(db, "SELECT publisher_id, stream, last, missing, checksum FROM ledger");
  while (select.executeStep()) {
    Row const row{number_of(select, 0), number_of(select, 1)};
    // No statement finds such a row to put it right.
    if (row.publisher == kNoNumber || row.stream == kNoNumber)
      throw SQLite::Exception("a row of the ledger has a key that is no number", SQLITE_CORRUPT);
    if (select.getColumn(4).isNull()) continue;  // of before there were any
    auto const whole = ledger_checksum(row.publisher, row.stream, number_of(select, 2), text_of(select, 3));
    if (number_of(select, 4) != whole) damaged.push_back(row);
  }
  return damaged;
}

std::int64_t last_stored(SQLite::Database& db, Row const& row) {
  SQLite::Statement select(db,
                           "SELECT max(ifnull((SELECT max(sequence) FROM record WHERE source_id IN "
                           "(SELECT id FROM source WHERE publisher_id = ?1 AND stream = ?2)), 0), "
                           "ifnull((SELECT max(last) FROM gap WHERE publisher_id = ?1 AND stream = ?2), 0))");
  select.bind(1, row.publisher);
  select.bind(2, row.stream);
  select.executeStep();
  return select.getColumn(0).getInt64();
}

void set_row(SQLite::Database& db, Row const& row, std::int64_t last, std::string const& missing) {
  SQLite::Statement set(
      db, "UPDATE ledger SET last = ?, missing = ?, checksum = ? WHERE publisher_id = ? AND stream = ?");
  set.bind(1, last);
  set.bind(2, missing);
  set.bind(3, ledger_checksum(row.publisher, row.stream, last, missing));
  set.bind(4, row.publisher);
  set.bind(5, row.stream);
  set.exec();
}

void raise_last(SQLite::Database& db) {
  SQLite::Statement select(
      db,
      "SELECT l.publisher_id, l.stream, l.missing, t.last FROM ledger l JOIN (SELECT publisher_id, stream, "
      "max(last) AS last FROM (SELECT s.publisher_id, s.stream, max(r.sequence) AS last FROM record r JOIN "
      "source s ON s.id = r.source_id WHERE r.sequence IS NOT NULL GROUP BY 1, 2 UNION ALL SELECT "
      "publisher_id, stream, last FROM gap) GROUP BY 1, 2) t USING(publisher_id, stream) "
      "WHERE t.last > l.last");
  std::vector<std::tuple<Row, std::int64_t, std::string>> raised;
  while (select.executeStep())
    raised.emplace_back(Row{select.getColumn(0).getInt64(), select.getColumn(1).getInt64()},
                        select.getColumn(3).getInt64(), select.getColumn(2).getString());
  for (auto const& [row, last, missing] : raised) set_row(db, row, last, missing);
}

void drop_what_came(SQLite::Database& db) {
  SQLite::Statement select(db,
                           "SELECT publisher_id, stream, last, missing FROM ledger WHERE missing <> '' "
                           "ORDER BY publisher_id, stream");
  std::optional<StoredNumbers> stored;
  std::vector<std::tuple<Row, std::int64_t, std::string>> changed;
  while (select.executeStep()) {
    if (!stored) stored.emplace(db);
    Row const row{select.getColumn(0).getInt64(), select.getColumn(1).getInt64()};
    auto const said = select.getColumn(3).getString();
    std::vector<Missing> left;
    for (Missing const& range : read_missing(said)) {
      stored->without({row.publisher, row.stream, static_cast<std::int64_t>(range.first),
                       static_cast<std::int64_t>(range.last)},
                      [&](NumberRange const& part) {
                        left.push_back({static_cast<std::uint64_t>(part.first),
                                        static_cast<std::uint64_t>(part.last), range.declared});
                      });
    }
    auto missing = write_missing(left);
    if (missing != said) changed.emplace_back(row, select.getColumn(2).getInt64(), std::move(missing));
  }
  for (auto const& [row, last, missing] : changed) set_row(db, row, last, missing);
}

}  // namespace

void raise_ledger(SQLite::Database& db) {
  raise_last(db);
  drop_what_came(db);
}

void complete_ledger(SQLite::Database& db) {
  std::vector<Row> streams;
  {
    SQLite::Statement select(db,
                             "SELECT publisher_id, stream FROM source WHERE publisher_id <> 0 "
                             "UNION SELECT publisher_id, stream FROM gap "
                             "EXCEPT SELECT publisher_id, stream FROM ledger");
    while (select.executeStep())
      streams.push_back({select.getColumn(0).getInt64(), select.getColumn(1).getInt64()});
  }
  SQLite::Statement add(
      db, "INSERT INTO ledger(publisher_id, stream, last, missing, checksum) VALUES(?, ?, ?, '', ?)");
  for (Row const& row : streams) {
    auto const last = last_stored(db, row);
    if (last == 0) continue;
    ScopedReset const reset(add);
    add.bind(1, row.publisher);
    add.bind(2, row.stream);
    add.bind(3, last);
    add.bind(4, ledger_checksum(row.publisher, row.stream, last, ""));
    add.exec();
  }
}

std::size_t mend_ledger(SQLite::Database& db) {
  auto const damaged = damaged_rows(db);
  if (damaged.empty()) return 0;
  SQLite::Transaction transaction(db, SQLite::TransactionBehavior::IMMEDIATE);
  SQLite::Statement drop(db, "DELETE FROM ledger WHERE publisher_id = ? AND stream = ?");
  for (Row const& row : damaged) {
    ScopedReset const reset(drop);
    drop.bind(1, row.publisher);
    drop.bind(2, row.stream);
    drop.exec();
  }
  complete_ledger(db);  // all of them: what was damaged may have been the name of the stream
  transaction.commit();
  return damaged.size();
}

}  // namespace logboom::store
