#include "store/fresh_file.hpp"

#include "store/ledger_table.hpp"
#include "store/row_check.hpp"
#include "store/schema.hpp"
#include "store/scoped_reset.hpp"

#include <cstddef>
#include <string_view>

namespace logboom::store {
namespace {

void bind(SQLite::Statement& statement, int at, std::string_view text) {
  statement.bind(at, std::string(text));  // with NULs, if need be
}

void bind_rare(SQLite::Statement& statement, int at, std::string_view text) {
  if (text.empty())
    statement.bind(at);
  else
    bind(statement, at, text);
}

}  // namespace

FreshFile::FreshFile(std::string const& path)
    : db_(make(path)),
      names_(db_),
      gaps_(db_),
      add_record_(db_,
                  "INSERT OR IGNORE INTO record(id, created, level, site_id, source_id, sequence, message, "
                  "fields, exception_type, exception, stack, task, attributes, checksum) "
                  "VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"),
      add_ledger_(db_,
                  "INSERT INTO ledger(publisher_id, stream, last, missing, checksum) VALUES(?, ?, ?, ?, ?) "
                  "ON CONFLICT DO UPDATE SET last = excluded.last, missing = excluded.missing, "
                  "checksum = excluded.checksum WHERE excluded.last > last"),
      add_meta_(db_, "INSERT OR REPLACE INTO meta(key, value) VALUES(?, ?)") {}

SQLite::Database FreshFile::make(std::string const& path) {
  SQLite::Database db(path, SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE | SQLite::OPEN_NOMUTEX);
  // Whoever dies over it makes it anew.
  db.exec(
      "PRAGMA page_size=16384; PRAGMA trusted_schema=OFF; PRAGMA journal_mode=MEMORY; PRAGMA "
      "synchronous=OFF; PRAGMA cache_size=-64000");
  migrate_schema(db, path);
  db.exec("BEGIN IMMEDIATE");
  return db;
}

bool FreshFile::add(RecordRow const& row) {
  ScopedReset const reset(add_record_);
  for (int i = 0; i < 5; ++i) add_record_.bind(i + 1, row.cells.numbers[static_cast<std::size_t>(i)]);
  if (row.cells.numbers[5] != 0)
    add_record_.bind(6, row.cells.numbers[5]);
  else
    add_record_.bind(6);
  bind(add_record_, 7, row.cells.texts[0]);
  for (int i = 1; i < 7; ++i) bind_rare(add_record_, 7 + i, row.cells.texts[static_cast<std::size_t>(i)]);
  add_record_.bind(14, row.cells.checksum());
  return add_record_.exec() == 1;
}

void FreshFile::add(LedgerRow const& row) {
  ScopedReset const reset(add_ledger_);
  add_ledger_.bind(1, row.publisher_id);
  add_ledger_.bind(2, row.stream);
  add_ledger_.bind(3, row.last);
  bind(add_ledger_, 4, row.missing);
  add_ledger_.bind(5, ledger_checksum(row.publisher_id, row.stream, row.last, row.missing));
  add_ledger_.exec();
}

void FreshFile::add(MetaRow const& row) {
  bool const number = row.value.type == Cell::Type::kInteger;
  if (row.key != "first_id" && row.key != "created" && row.key != "empty_bytes" && row.key != "lost") return;
  if (number != (row.key != "created")) return;
  ScopedReset const reset(add_meta_);
  bind(add_meta_, 1, row.key);
  if (number)
    add_meta_.bind(2, row.value.integer);
  else
    bind(add_meta_, 2, row.value.bytes);
  add_meta_.exec();
}

void FreshFile::set_lost(std::uint64_t records) {
  ScopedReset const reset(add_meta_);
  bind(add_meta_, 1, "lost");
  add_meta_.bind(2, static_cast<std::int64_t>(records));
  add_meta_.exec();
}

void FreshFile::settle() {
  names_.settle();
  gaps_.settle();
  raise_ledger(db_);
  complete_ledger(db_);
}

}  // namespace logboom::store
