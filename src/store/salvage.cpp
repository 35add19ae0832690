#include "store/salvage.hpp"

#include "store/closed_files.hpp"
#include "store/database_pages.hpp"
#include "store/file_facts.hpp"
#include "store/ledger_table.hpp"
#include "store/lost_records.hpp"
#include "store/missing_text.hpp"
#include "store/page_rows.hpp"
#include "store/raw_database.hpp"
#include "store/schema.hpp"
#include "store/scoped_reset.hpp"
#include "store/store_error.hpp"
#include "store/table_rows.hpp"

#include <logboom/query.hpp>

#include <SQLiteCpp/Column.h>
#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Statement.h>
#include <fmt/core.h>

#include <algorithm>
#include <cstring>
#include <exception>
#include <filesystem>
#include <map>
#include <string_view>
#include <system_error>
#include <utility>

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

/// A fresh file, into which rows go as they are found.
class FreshFile {
 public:
  explicit FreshFile(std::string const& path)
      : path_(path),
        db_(path, SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE | SQLite::OPEN_NOMUTEX),
        made_(prepare(db_, path)),
        add_record_(db_,
                    "INSERT OR IGNORE INTO record(id, created, level, site_id, source_id, sequence, message, "
                    "fields, exception_type, exception, stack, task, attributes, checksum) "
                    "VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"),
        add_site_(db_,
                  "INSERT OR IGNORE INTO site(id, level, line, logger, level_name, file, function, template, "
                  "checksum) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)"),
        add_source_(
            db_,
            "INSERT OR IGNORE INTO source(id, publisher_id, pid, started, stream, tid, host, process, "
            "thread, checksum) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"),
        add_publisher_(db_, "INSERT OR IGNORE INTO publisher(id, uuid, checksum) VALUES(?, ?, ?)"),
        add_ledger_(db_,
                    "INSERT INTO ledger(publisher_id, stream, last, missing, checksum) VALUES(?, ?, ?, ?, ?) "
                    "ON CONFLICT DO UPDATE SET last = excluded.last, missing = excluded.missing, "
                    "checksum = excluded.checksum WHERE excluded.last > last"),
        add_gap_(db_,
                 "INSERT OR IGNORE INTO gap(id, publisher_id, stream, first, last, created, reason, "
                 "checksum) VALUES(?, ?, ?, ?, ?, ?, ?, ?)"),
        add_meta_(db_, "INSERT OR REPLACE INTO meta(key, value) VALUES(?, ?)") {
    db_.exec("BEGIN IMMEDIATE");
  }

  void add(RecordRow const& row) {
    ScopedReset const reset(add_record_);
    for (int i = 0; i < 5; ++i) add_record_.bind(i + 1, row.cells.numbers[static_cast<std::size_t>(i)]);
    if (row.cells.numbers[5] != 0)
      add_record_.bind(6, row.cells.numbers[5]);
    else
      add_record_.bind(6);
    bind(add_record_, 7, row.cells.texts[0]);
    for (int i = 1; i < 7; ++i) bind_rare(add_record_, 7 + i, row.cells.texts[static_cast<std::size_t>(i)]);
    add_record_.bind(14, row.cells.checksum());
    add_record_.exec();
  }
  void add(SiteRow const& row) {
    ScopedReset const reset(add_site_);
    add_site_.bind(1, row.id);
    add_site_.bind(2, row.level);
    add_site_.bind(3, row.line);
    int at = 4;
    for (auto const text : {row.logger, row.level_name, row.file, row.function, row.template_text})
      bind(add_site_, at++, text);
    add_site_.bind(at, row.checksum());
    add_site_.exec();
  }
  void add(SourceRow const& row) {
    ScopedReset const reset(add_source_);
    int at = 1;
    for (auto const value :
         {row.id, row.cells.publisher_id, row.cells.pid, row.cells.started, row.cells.stream, row.cells.tid})
      add_source_.bind(at++, value);
    for (auto const text : {row.cells.host, row.cells.process, row.cells.thread})
      bind(add_source_, at++, text);
    add_source_.bind(at, row.cells.checksum());
    add_source_.exec();
  }
  void add(PublisherRow const& row) {
    if (row.id == 0) return;  // is there already
    ScopedReset const reset(add_publisher_);
    add_publisher_.bind(1, row.id);
    add_publisher_.bind(2, row.uuid.data(), static_cast<int>(row.uuid.size()));
    add_publisher_.bind(3, publisher_checksum(row.uuid));
    add_publisher_.exec();
  }
  void add(LedgerRow const& row) {
    ScopedReset const reset(add_ledger_);
    add_ledger_.bind(1, row.publisher_id);
    add_ledger_.bind(2, row.stream);
    add_ledger_.bind(3, row.last);
    bind(add_ledger_, 4, row.missing);
    add_ledger_.bind(5, ledger_checksum(row.publisher_id, row.stream, row.last, row.missing));
    add_ledger_.exec();
  }
  void add(GapRow const& row) {
    ScopedReset const reset(add_gap_);
    int at = 1;
    for (auto const value : {row.id, row.publisher_id, row.stream, row.first, row.last, row.created})
      add_gap_.bind(at++, value);
    bind(add_gap_, at++, row.reason);
    add_gap_.bind(at, gap_checksum(row.publisher_id, row.stream, row.first, row.last, row.created, row.reason));
    add_gap_.exec();
  }
  void add(MetaRow const& row) {
    bool const number = row.value.type == Cell::Type::kInteger;
    if (row.key != "first_id" && row.key != "created" && row.key != "empty_bytes" && row.key != "lost")
      return;
    if (number != (row.key != "created")) return;
    ScopedReset const reset(add_meta_);
    bind(add_meta_, 1, row.key);
    if (number)
      add_meta_.bind(2, row.value.integer);
    else
      bind(add_meta_, 2, row.value.bytes);
    add_meta_.exec();
  }

  /// Or who verifies the file would miss them.
  void set_lost(std::uint64_t records) {
    ScopedReset const reset(add_meta_);
    bind(add_meta_, 1, "lost");
    add_meta_.bind(2, static_cast<std::int64_t>(records));
    add_meta_.exec();
  }
  SQLite::Database& db() noexcept { return db_; }

  void finish() { db_.exec("COMMIT"); }

 private:
  static bool prepare(SQLite::Database& db, std::string const& path) {
    // Whoever dies over it makes it anew.
    db.exec(
        "PRAGMA page_size=16384; PRAGMA trusted_schema=OFF; PRAGMA journal_mode=MEMORY; PRAGMA "
        "synchronous=OFF; PRAGMA cache_size=-64000");
    migrate_schema(db, path);
    return true;
  }

  std::string const path_;
  SQLite::Database db_;
  bool const made_;
  SQLite::Statement add_record_, add_site_, add_source_, add_publisher_, add_ledger_, add_gap_, add_meta_;
};

/// Goes over the pages twice: what tables have, then what only their indexes still have.
class Salvage {
 public:
  Salvage(std::string const& from, FreshFile& fresh) : from_(from), pages_(from), fresh_(fresh) {}

  Salvaged run() {
    for (LogDamage const& damage : pages_.log().damage)
      note(from_ + "-wal", damage.offset,
           damage.healed ? "a bit of the log was wrong, and was put right" : "a damaged frame of the log");
    PageRows rows(pages_);
    rows.scan([this](PageRow const& row) { return take(row); },
              [this](PageFault const& fault) {
                note(from_, std::uint64_t{fault.page - 1} * pages_.page_size(), std::string(fault.what));
              });
    rows.scan([this](PageRow const& row) { return take_copy(row); }, [](PageFault const&) {});
    for (auto const& [id, uuid] : unproven_) fresh_.add(PublisherRow{id, uuid, Proof::kNone});
    return std::move(found_);
  }

 private:
  void note(std::string const& file, std::uint64_t offset, std::string what) {
    ++found_.damaged_places;
    if (found_.places.size() < Salvaged::kMostPlaces)
      found_.places.push_back({offset, file, std::move(what)});
  }

  template <class Row>
  bool put(PageRow const& row, Row const& found, char const* table) {
    bool const believed = found.proof == Proof::kRight || (found.proof == Proof::kNone && !row.guessed);
    if (believed) {
      fresh_.add(found);
    } else if (!row.guessed) {
      note(from_, std::uint64_t{row.page - 1} * pages_.page_size(),
           fmt::format("a row of {} does not have its checksum{}", table,
                       row.rowid ? fmt::format(" (id {})", *row.rowid) : std::string()));
    }
    return believed;
  }

  bool take(PageRow const& row) {
    if (auto const record = record_of(row)) return put(row, *record, "record");
    if (auto const site = site_of(row)) return put(row, *site, "site");
    if (auto const source = source_of(row)) return put(row, *source, "source");
    if (auto const publisher = publisher_of(row)) {
      // A row of a text index may look like one; those that are proven go first.
      if (publisher->proof != Proof::kNone) return put(row, *publisher, "publisher");
      if (!row.guessed) unproven_.emplace(publisher->id, publisher->uuid);
      return true;
    }
    if (auto const gap = gap_of(row)) return put(row, *gap, "gap");
    if (auto const ledger = ledger_of(row)) return put(row, *ledger, "ledger");
    if (auto const meta = meta_of(row); meta && !row.guessed) fresh_.add(*meta);
    // The schema's own rows are the one table of which nothing is wanted.
    return !row.rowid || (row.page == 1 && !row.guessed);
  }

  bool take_copy(PageRow const& row) {
    if (row.rowid) return !row.guessed;
    if (auto const site = site_of_index(row)) fresh_.add(*site);
    if (auto const source = source_of_index(row)) fresh_.add(*source);
    if (auto const publisher = publisher_of_index(row)) fresh_.add(*publisher);
    return true;
  }

  std::string const from_;
  DatabasePages pages_;
  FreshFile& fresh_;
  std::map<std::int64_t, std::string> unproven_;  // publishers of a file of before there were checksums
  Salvaged found_;
};

void count_anew(SQLite::Database& db) {
  db.exec(
      "INSERT INTO minute(minute, site_id, n) SELECT (created - (created % 60000000000 + 60000000000) % "
      "60000000000) / 60000000000, site_id, count(*) FROM record GROUP BY 1, 2");
}

Salvaged salvage_into(std::string const& from, std::string const& to) {
  FreshFile fresh(to);
  Salvaged found = Salvage(from, fresh).run();
  SQLite::Database& db = fresh.db();
  complete_ledger(db);
  count_anew(db);
  auto const lost = find_lost(db);
  found.lost = lost.records;
  found.declared = declare_lost(db, lost, found.damaged_places > 0);
  fresh.set_lost(lost.records);
  found.records = static_cast<std::uint64_t>(db.execAndGet("SELECT count(*) FROM record").getInt64());
  found.first_id = db.execAndGet("SELECT ifnull(min(id), 0) FROM record").getInt64();
  found.last_id = db.execAndGet("SELECT ifnull(max(id), 0) FROM record").getInt64();
  fresh.finish();
  if (found.records == 0 && db.execAndGet("SELECT count(*) FROM ledger").getInt64() == 0)
    throw StoreError(fmt::format("nothing of a store can be found in {}; name another file", from));
  return found;
}

}  // namespace

Salvaged salvage(std::string const& from, std::string const& to) {
  try {
    Salvaged found = salvage_into(from, to);
    RawDatabase(to, true).sync();
    return found;
  } catch (SQLite::Exception const& cause) {
    remove_database(to);
    throw store_error(to, "make", cause);
  } catch (SeekableError const& cause) {
    remove_database(to);
    throw StoreError(fmt::format("cannot read {}: {}; nothing of it can be salvaged", from, cause.what()));
  } catch (...) {
    remove_database(to);
    throw;
  }
}

SalvagedLedger salvage_ledger(std::string const& from) noexcept {
  SalvagedLedger salvaged;
  try {
    DatabasePages pages(from);
    std::map<std::int64_t, PublisherId> publishers;
    std::map<std::pair<std::int64_t, std::int64_t>, Progress> rows;
    auto const take = [&](PageRow const& row) {
      auto publisher = publisher_of(row);
      if (!publisher || publisher->proof == Proof::kWrong) publisher = publisher_of_index(row);
      if (publisher && !row.guessed)
        std::memcpy(publishers[publisher->id].data(), publisher->uuid.data(), publisher->uuid.size());
      if (auto const ledger = ledger_of(row); ledger && ledger->proof != Proof::kWrong) {
        Progress& known = rows[{ledger->publisher_id, ledger->stream}];
        if (static_cast<std::uint64_t>(ledger->last) >= known.last)
          known = {{},
                   static_cast<std::uint64_t>(ledger->stream),
                   static_cast<std::uint64_t>(ledger->last),
                   read_missing(ledger->missing)};
      }
      if (auto const record = record_of(row); record && record->proof == Proof::kRight)
        salvaged.last_id = std::max(salvaged.last_id, *row.rowid);
      return true;  // what is guessed is for salvage() to find
    };
    PageRows(pages).scan(take, [](PageFault const&) {});
    for (auto& [key, progress] : rows) {
      auto const publisher = publishers.find(key.first);
      if (publisher == publishers.end()) continue;
      progress.publisher = publisher->second;
      salvaged.ledger.push_back(std::move(progress));
    }
  } catch (std::exception const&) {
    return salvaged;
  }
  return salvaged;
}

}  // namespace logboom::store
