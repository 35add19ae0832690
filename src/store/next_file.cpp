#include "store/next_file.hpp"

#include "store/closed_files.hpp"
#include "store/file_facts.hpp"
#include "store/ledger_table.hpp"
#include "store/names.hpp"
#include "store/raw_database.hpp"
#include "store/read_connection.hpp"
#include "store/schema.hpp"
#include "store/store_error.hpp"

#include <logboom/query.hpp>

#include <SQLiteCpp/Column.h>
#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Statement.h>
#include <SQLiteCpp/Transaction.h>
#include <fmt/core.h>

#include <filesystem>
#include <system_error>

namespace logboom::store {
namespace {

constexpr int kBusyTimeoutMs = 5'000;

SQLite::Database open_next(std::string const& path) {
  SQLite::Database db(next_path(path),
                      SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE | SQLite::OPEN_NOMUTEX | SQLite::OPEN_URI,
                      kBusyTimeoutMs);
  // Whoever dies over it makes it anew, so that it needs no journal that would have to be removed.
  db.exec(
      "PRAGMA page_size=16384; PRAGMA trusted_schema=OFF; PRAGMA journal_mode=MEMORY; PRAGMA "
      "synchronous=FULL");
  return db;
}

void make_directory(std::string const& path) {
  std::error_code failed;
  auto const directory = closed_directory(path);
  std::filesystem::create_directory(directory, failed);
  if (failed)
    throw StoreError(
        fmt::format("cannot make {} for the store's closed files: {}; make its directory writable", directory,
                    failed.message()),
        StoreError::Kind::kTransient);
}

void copy_ledger(SQLite::Database& db, std::string const& from) {
  SQLite::Statement attach(db, "ATTACH ? AS before");
  attach.bind(1, reading_uri(from));
  attach.exec();
  SQLite::Transaction transaction(db, SQLite::TransactionBehavior::IMMEDIATE);
  // Closed files of older versions know of nothing that is missing (1), and have no checksums (2).
  int const version = db.execAndGet("PRAGMA before.user_version").getInt();
  char const* const checksum = version < 3 ? "NULL" : "checksum";
  db.exec(
      fmt::format("INSERT INTO publisher(id, uuid, checksum) SELECT id, uuid, {} FROM before.publisher"
                  " WHERE id <> 0 AND id IN (SELECT publisher_id FROM before.ledger)",
                  checksum));
  db.exec(
      fmt::format("INSERT INTO ledger(publisher_id, stream, last, missing, checksum) SELECT publisher_id, "
                  "stream, last, {}, {} FROM before.ledger",
                  version < 2 ? "''" : "missing", checksum));
  transaction.commit();
}

void add_facts(std::string const& path, std::span<Progress const> gained, std::int64_t first_id,
               std::int64_t begun) {
  SQLite::Database db = open_next(path);
  Names names(db);
  SQLite::Transaction transaction(db, SQLite::TransactionBehavior::IMMEDIATE);
  LedgerTable ledger(db, names);
  for (Progress const& progress : gained) ledger.advance(progress);
  set_facts(db, first_id, begun);
  transaction.commit();
}

}  // namespace

std::string next_path(std::string const& path) { return closed_directory(path) + "/next"; }

void make_next(std::string const& path, std::string const& from) try {
  make_directory(path);
  remove_database(next_path(path));
  SQLite::Database db = open_next(path);
  migrate_schema(db, next_path(path));
  if (!from.empty()) copy_ledger(db, from);
} catch (SQLite::Exception const& cause) {
  throw store_error(next_path(path), "make", cause);
}

void finish_next(std::string const& path, std::span<Progress const> gained, std::int64_t first_id,
                 std::int64_t begun) try {
  add_facts(path, gained, first_id, begun);
  // From the first moment of its name on whoever opens it is to know that it has a log: one who has not seen that would look for it later, when the name is another file's.
  RawDatabase(next_path(path), true).write(kVersionsAt, kVersionsWithLog);
} catch (SQLite::Exception const& cause) {
  throw store_error(next_path(path), "make", cause);
}

}  // namespace logboom::store
