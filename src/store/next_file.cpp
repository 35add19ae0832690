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

void attach(SQLite::Database& db, std::string const& uri, char const* name) {
  SQLite::Statement attach(db, fmt::format("ATTACH ? AS {}", name));
  attach.bind(1, uri);
  attach.exec();
}

// Of stream l of publisher p: that it got further since the oldest file ended, or has a record or a gap in that file. Ids of publishers are each file's own.
constexpr char const* kOfUse = R"sql(
  NOT EXISTS (SELECT 1 FROM oldest.publisher q JOIN oldest.ledger o ON o.publisher_id = q.id
              WHERE q.uuid = p.uuid AND o.stream = l.stream AND o.last = l.last)
  OR EXISTS (SELECT 1 FROM oldest.publisher q JOIN oldest.source s ON s.publisher_id = q.id
             WHERE q.uuid = p.uuid AND s.stream = l.stream)
  OR EXISTS (SELECT 1 FROM oldest.publisher q JOIN oldest.gap g ON g.publisher_id = q.id
             WHERE q.uuid = p.uuid AND g.stream = l.stream))sql";

/// Streams of `before` for which `condition` holds, of the publishers that came first. @return how many
std::uint64_t copy_streams(SQLite::Database& db, char const* condition, std::uint64_t most) {
  SQLite::Transaction transaction(db, SQLite::TransactionBehavior::IMMEDIATE);
  // Closed files of older versions know of nothing that is missing (1), and have no checksums (2).
  int const version = db.execAndGet("PRAGMA before.user_version").getInt();
  char const* const checksum = version < 3 ? "NULL" : "checksum";
  auto const copied = db.exec(
      fmt::format("INSERT INTO ledger(publisher_id, stream, last, missing, checksum) "
                  "SELECT l.publisher_id, l.stream, l.last, {}, {}{} FROM before.ledger l "
                  "JOIN before.publisher p ON p.id = l.publisher_id "
                  "WHERE l.publisher_id <> 0 AND ({}) ORDER BY l.publisher_id, l.stream LIMIT {}",
                  version < 2 ? "''" : "l.missing", version < 3 ? "" : "l.", checksum, condition, most));
  db.exec(
      fmt::format("INSERT INTO publisher(id, uuid, checksum) SELECT id, uuid, {} FROM before.publisher"
                  " WHERE id IN (SELECT publisher_id FROM ledger)",
                  checksum));
  transaction.commit();
  return static_cast<std::uint64_t>(copied);
}

/// Where there is no closed file (""), or the oldest cannot be read any more, all are taken to be of use.
std::uint64_t copy_ledger(SQLite::Database& db, std::string const& from, std::string const& oldest,
                          std::uint64_t most) {
  attach(db, reading_uri(from), "before");
  if (oldest.empty()) return copy_streams(db, "TRUE", most);
  try {
    attach(db, oldest, "oldest");
    return copy_streams(db, kOfUse, most);
  } catch (SQLite::Exception const&) {
    return copy_streams(db, "TRUE", most);
  }
}

std::string uri_of_oldest(std::string const& path) {
  auto const closed = list_closed(path);
  return closed.empty() ? "" : closed_uri(closed.front().path);
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

bool make_next(std::string const& path, std::string const& from, std::uint64_t most_streams) try {
  make_directory(path);
  remove_database(next_path(path));
  SQLite::Database db = open_next(path);
  migrate_schema(db, next_path(path));
  return !from.empty() && copy_ledger(db, from, uri_of_oldest(path), most_streams) >= most_streams;
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
