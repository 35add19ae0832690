#include "store/salvage.hpp"

#include "store/closed_files.hpp"
#include "store/database_pages.hpp"
#include "store/fresh_file.hpp"
#include "store/ledger_table.hpp"
#include "store/lost_records.hpp"
#include "store/page_rows.hpp"
#include "store/raw_database.hpp"
#include "store/schema.hpp"
#include "store/span_table.hpp"
#include "store/store_error.hpp"
#include "store/table_rows.hpp"

#include <logboom/query.hpp>

#include <SQLiteCpp/Column.h>
#include <SQLiteCpp/Database.h>
#include <fmt/core.h>

#include <algorithm>
#include <exception>
#include <map>
#include <utility>

namespace logboom::store {
namespace {

enum class Wanted { kAll, kLedger };

/// Goes over the pages twice: for the rows that they lead to, then for those that they have lost. And again for each way in which a damaged log can be read: a row that has its checksum is
/// one, wherever it was found.
class Salvage {
 public:
  Salvage(std::string const& from, FreshFile& fresh, Wanted wanted = Wanted::kAll)
      : from_(from), wanted_(wanted), pages_(from), fresh_(fresh) {}

  Salvaged run() {
    for (LogDamage const& damage : pages_.log().damage)
      note(from_ + "-wal", damage.offset,
           damage.healed ? "a bit of the log was wrong, and was put right" : "a damaged frame of the log");
    if (auto const lost = pages_.table_lost_at())
      note(from_, static_cast<std::uint64_t>(*lost), "the table of its frames");
    PageRows rows(pages_);
    in_each_reading([&] {
      rows.scan([this](PageRow const& row) { return take(row); },
                [this](PageFault const& fault) { note(fault.page, std::string(fault.what)); });
    });
    in_each_reading([&] { rows.search(believed, [this](PageRow const& row) { return take(row); }); });
    for (auto const& [source, record] : furthest_) add_number(source, record);
    return std::move(found_);
  }

 private:
  struct Furthest {
    std::int64_t id = 0, sequence = 0;
  };

  template <class Work>
  void in_each_reading(Work const& work) {
    for (std::size_t i = 0; i < pages_.readings(); ++i) {
      pages_.read_as(i);
      first_reading_ = i == 0;
      work();
    }
  }

  void note(std::string const& file, std::uint64_t offset, std::string what) {
    if (!first_reading_) return;
    ++found_.damaged_places;
    if (found_.places.size() < Salvaged::kMostPlaces)
      found_.places.push_back({offset, file, std::move(what)});
  }
  void note(std::uint32_t page, std::string what) {
    note(from_, std::uint64_t{page - 1} * pages_.page_size(), std::move(what));
  }

  /// Of an entry of an index nothing proves that it is right; but that is no place for another row.
  static bool believed(PageRow const& row) {
    auto const proof = proof_of(row);
    if (!proof) return !row.rowid;
    return proof == Proof::kRight || (proof == Proof::kNone && row.rowid);
  }

  template <class Row>
  bool may_take(PageRow const& row, Row const& found, char const* table) {
    if (found.proof == Proof::kRight || (found.proof == Proof::kNone && !row.guessed)) return true;
    if (!row.guessed)
      note(row.page, fmt::format("a row of {} does not have its checksum{}", table,
                                 row.rowid ? fmt::format(" (id {})", *row.rowid) : std::string()));
    return false;
  }

  template <class Row>
  bool put(PageRow const& row, Row const& found, char const* table) {
    bool const take = may_take(row, found, table);
    if (take) fresh_.add(found);
    return take;
  }
  template <class Row>
  bool put_name(PageRow const& row, Row const& found, char const* table) {
    bool const take = may_take(row, found, table);
    if (take) fresh_.add(found, FoundIn::kTable);
    return take;
  }

  bool take(PageRow const& row) {
    if (auto const record = record_of(row)) return take_record(row, *record);
    if (auto const site = site_of(row)) return put_name(row, *site, "site");
    if (auto const source = source_of(row)) return put_name(row, *source, "source");
    if (auto const publisher = publisher_of(row)) return put_name(row, *publisher, "publisher");
    if (auto const gap = gap_of(row)) return put(row, *gap, "gap");
    if (auto const ledger = ledger_of(row)) return put(row, *ledger, "ledger");
    if (row.guessed) return false;
    if (auto const meta = meta_of(row)) fresh_.add(*meta);
    if (auto const site = site_of_index(row)) fresh_.add(*site, FoundIn::kIndex);
    if (auto const source = source_of_index(row)) fresh_.add(*source, FoundIn::kIndex);
    if (auto const publisher = publisher_of_index(row)) fresh_.add(*publisher, FoundIn::kIndex);
    return true;
  }

  bool take_record(PageRow const& row, RecordRow const& record) {
    if (!may_take(row, record, "record")) return false;
    auto const& [id, created, level, site, source, sequence] = record.cells.numbers;
    found_.last_id = std::max(found_.last_id, id);
    if (wanted_ == Wanted::kLedger) {
      Furthest& furthest = furthest_[source];
      if (sequence > furthest.sequence) furthest = {id, sequence};
    } else if (fresh_.add(record) && row.guessed) {
      note(row.page, fmt::format("its page has lost record {}", id));
    }
    return true;
  }

  void add_number(std::int64_t source, Furthest const& record) {
    RecordRow row;
    row.cells.numbers = {record.id, 0, 0, 0, source, record.sequence};
    fresh_.add(row);
  }

  std::string const from_;
  Wanted const wanted_;
  DatabasePages pages_;
  FreshFile& fresh_;
  bool first_reading_ = true;
  std::map<std::int64_t, Furthest> furthest_;  // of each source, where only the ledger is wanted
  Salvaged found_;
};

void count_anew(SQLite::Database& db) {
  db.exec(fmt::format(
      "INSERT INTO minute(minute, site_id, n) SELECT {0}, site_id, count(*) FROM record GROUP BY 1, 2;"
      "INSERT INTO minute_level(minute, level, n) SELECT {0}, level, count(*) FROM record GROUP BY 1, 2",
      kMinuteOfRecord));
  make_spans(db);
}

Salvaged salvage_into(std::string const& from, std::string const& to) {
  FreshFile fresh(to);
  Salvaged found = Salvage(from, fresh).run();
  SQLite::Database& db = fresh.db();
  fresh.settle();
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
    FreshFile fresh(":memory:");
    salvaged.last_id = Salvage(from, fresh, Wanted::kLedger).run().last_id;
    fresh.settle();
    salvaged.ledger = read_ledger(fresh.db());
  } catch (std::exception const&) {
    return salvaged;
  }
  return salvaged;
}

}  // namespace logboom::store
