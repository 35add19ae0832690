#include "store/inspection.hpp"

#include "store/closed_files.hpp"
#include "store/file_facts.hpp"
#include "store/log_check.hpp"
#include "store/lost_records.hpp"
#include "store/name_check.hpp"
#include "store/raw_database.hpp"
#include "store/read_connection.hpp"
#include "store/row_check.hpp"
#include "store/row_values.hpp"
#include "store/schema.hpp"
#include "store/scoped_reset.hpp"
#include "store/span_check.hpp"
#include "store/span_table.hpp"
#include "store/writer_lock.hpp"

#include <logboom/query.hpp>

#include <SQLiteCpp/Column.h>
#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Statement.h>
#include <SQLiteCpp/Transaction.h>
#include <fmt/core.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <exception>
#include <filesystem>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

namespace logboom::store {
namespace {

constexpr std::int64_t kRows = 4'096;  // in one read transaction, so that a writer is not held up
constexpr int kChecked = 3;            // the first version with checksums
constexpr int kMostComplaints = 1'000;

class Inspector {
 public:
  Inspector(std::string const& file, bool locked) : locked_(locked) { found_.file = file; }

  Inspection run() {
    bool const closed = found_.file.ends_with(kCompressedEnd);
    if (!closed) inspect_log();
    try {
      SQLite::Database db = closed ? open_closed(found_.file) : open_for_reading(found_.file);
      found_.version = db.execAndGet("PRAGMA user_version").getInt();
      page_size_ = db.execAndGet("PRAGMA page_size").getInt64();
      if (!closed && has_strange_version(found_.file)) note(1, "its header");
      if (!closed) {
        auto const fault = size_fault(db, found_.file);
        if (!fault.empty()) note(1, fault);
      }
      inspect(db);
    } catch (StoreError const& error) {
      if (error.kind() == StoreError::Kind::kUnusable) found_.refusal = error.what();
      note(0, error.what());
    } catch (std::exception const& error) {
      note(0, fmt::format("cannot be read: {}", error.what()));
    }
    return std::move(found_);
  }

 private:
  void note(std::int64_t page, std::string what, std::string const& end = {}) {
    ++found_.damaged;
    if (found_.places.size() >= Salvaged::kMostPlaces) return;
    auto const offset = page > 0 ? static_cast<std::uint64_t>((page - 1) * page_size_) : 0;
    found_.places.push_back({offset, found_.file + end, std::move(what)});
  }

  static char const* told(LogDamage const& damage) noexcept {
    if (damage.healed) return "one bit is wrong; the collector puts it right when it starts";
    if (!damage.pages.empty())
      return "of which page a frame is cannot be said; the collector sets the file aside when it starts";
    return "a frame is damaged; the collector keeps what follows it when it starts";
  }

  /// Of a file that nobody writes to: else it changes while it is read.
  void inspect_log() {
    try {
      std::error_code failed;
      if (std::filesystem::file_size(found_.file + "-wal", failed) == 0 || failed) return;
      if (!locked_ && is_being_written(found_.file)) return;
      for (LogDamage const& damage : check_log(found_.file + "-wal").damage) {
        note(0, told(damage), "-wal");
        found_.places.back().offset = damage.offset;
      }
    } catch (std::exception const&) {
      return;  // in use, or another user's
    }
  }

  void inspect(SQLite::Database& db) {
    inspect_structure(db);
    if (found_.version == kSchemaVersion) {
      attempt("its schema", [&] {
        for (auto const& name : schema_differences(db))
          note(1, fmt::format("its schema, where {} is made", name));
      });
    }
    inspect_records(db);
    if (found_.version >= kChecked) {
      inspect_names(db);
      inspect_ledger(db);
    }
    if (found_.whole()) {
      SQLite::Transaction const transaction(db);  // all three speak of the same records
      auto const summed = summed_to(db);
      inspect_rollup(db, "minute", "site_id", summed);
      if (found_.version >= kFirstWithLevelCounts) inspect_rollup(db, "minute_level", "level", summed);
    }
    if (found_.version >= kFirstWithSpans) inspect_spans(db);
  }

  void inspect_structure(SQLite::Database& db) {
    attempt("its structure", [&] {
      SQLite::Statement check(db, fmt::format("PRAGMA integrity_check({})", kMostComplaints));
      while (check.executeStep()) {
        std::string const said = check.getColumn(0).getString();
        for (std::size_t at = 0; at < said.size();) {
          auto const end = std::min(said.find('\n', at), said.size());
          complain(std::string_view(said).substr(at, end - at));
          at = end + 1;
        }
      }
    });
  }

  void complain(std::string_view line) {
    if (line == "ok" || line.empty() || line.starts_with("***")) return;
    note(page_in(line), std::string(line));
  }

  /// "Tree 5 page 12 cell 3: …", "Page 13: …"
  static std::int64_t page_in(std::string_view line) {
    for (std::string_view const word : {"page ", "Page "}) {
      auto const at = line.find(word);
      std::int64_t page = 0;
      if (at != std::string_view::npos &&
          std::from_chars(line.data() + at + word.size(), line.data() + line.size(), page).ec == std::errc())
        return page;
    }
    return 0;
  }

  template <class Work>
  bool attempt(char const* what, Work const& work) {
    try {
      work();
      return true;
    } catch (SQLite::Exception const& cause) {
      note(0, fmt::format("{} cannot be read: {}", what, cause.what()));
      return false;
    }
  }

  void inspect_records(SQLite::Database& db) {
    bool const checked = found_.version >= kChecked;
    SQLite::Statement select(
        db, fmt::format("SELECT id, created, level, site_id, source_id, sequence, message, fields, "
                        "exception_type, exception, stack, task, attributes, {} FROM record "
                        "WHERE id > ? ORDER BY id LIMIT {}",
                        checked ? "checksum" : "NULL", kRows));
    std::int64_t last = 0;
    std::int64_t expected = 0;
    attempt("where its ids begin", [&] { expected = first_id_of(db); });
    std::uint64_t missing = 0;
    for (bool more = true; more;) {
      try {
        ScopedReset const reset(select);
        select.bind(1, last);
        more = false;
        while (select.executeStep()) {
          auto const id = number_of(select, 0);
          more = id > last;
          // A pointer in the tree that is wrong leads to other records, or to the same ones for ever.
          if (!more) {
            note(0, fmt::format("record {} comes behind record {}", id, last));
            break;
          }
          last = id;
          if (last > expected) missing += static_cast<std::uint64_t>(last - expected);
          expected = last + 1;
          inspect_record(select);
        }
      } catch (SQLite::Exception const& cause) {
        auto const next = next_readable(db, last);
        note(0, next ? fmt::format("records {} to {} cannot be read: {}", last + 1, *next - 1, cause.what())
                     : fmt::format("records from {} on cannot be read: {}", last + 1, cause.what()));
        if (!next) break;
        last = *next - 1;
        expected = *next;
        more = true;
      }
    }
    note_missing(db, missing);
  }

  /// A file that was repaired says how many it has lost; the rest is damage.
  void note_missing(SQLite::Database& db, std::uint64_t missing) {
    attempt("what it says of itself", [&] {
      SQLite::Statement said(db, "SELECT value FROM meta WHERE key = 'lost'");
      if (said.executeStep()) found_.lost = static_cast<std::uint64_t>(number_of(said, 0));
    });
    if (missing > found_.lost)
      note(0, fmt::format("{} records are missing between its ids", missing - found_.lost));
  }

  void inspect_record(SQLite::Statement& row) {
    ++found_.records;
    RecordCells cells;
    for (int i = 0; i < 6; ++i) cells.numbers[static_cast<std::size_t>(i)] = number_of(row, i);
    for (int i = 0; i < 7; ++i) cells.texts[static_cast<std::size_t>(i)] = text_of(row, 6 + i);
    if (row.getColumn(13).isNull()) {
      ++found_.unchecked;
    } else if (number_of(row, 13) != cells.checksum()) {
      note(0, fmt::format("record {} does not have its checksum (number {} of source {})", cells.numbers[0],
                          cells.numbers[5], cells.numbers[4]));
    }
  }

  /// The lowest id above `last` from which on reading works.
  static std::optional<std::int64_t> next_readable(SQLite::Database& db, std::int64_t last) {
    auto const readable = [&](std::int64_t id) {
      try {
        SQLite::Statement probe(db, "SELECT id, message FROM record WHERE id >= ? ORDER BY id LIMIT 1");
        probe.bind(1, id);
        return probe.executeStep();
      } catch (SQLite::Exception const&) {
        return false;
      }
    };
    constexpr std::int64_t kFurthest = std::int64_t{1} << 40U;
    std::int64_t step = 2;
    while (step < kFurthest && !readable(last + step)) step *= 2;
    if (step >= kFurthest) return std::nullopt;
    std::int64_t low = last + step / 2;
    std::int64_t high = last + step;
    while (high - low > 1) {
      auto const middle = low + (high - low) / 2;
      (readable(middle) ? high : low) = middle;
    }
    return high;
  }

  template <class Sum>
  void compare(SQLite::Database& db, char const* table, char const* columns, Sum const& checksum) {
    attempt(table, [&] {
      SQLite::Statement select(db, fmt::format("SELECT checksum, {} FROM {}", columns, table));
      while (select.executeStep()) {
        if (select.getColumn(0).isNull() || number_of(select, 0) == checksum(select)) continue;
        note(0, fmt::format("a row of {} does not have its checksum ({})", table, name_of(select)));
      }
    });
  }

  static std::string name_of(SQLite::Statement& row) {
    std::string name;
    for (int i = 1; i <= std::min(2, row.getColumnCount() - 1); ++i)
      name += fmt::format("{}{} {}", i == 1 ? "" : ", ", row.getColumnName(i), number_of(row, i));
    return name;
  }

  void inspect_names(SQLite::Database& db) {
    attempt("site, source and publisher", [&] {
      for (auto& line : damaged_names(db)) note(0, std::move(line));
    });
    attempt("record", [&] {
      auto const lost = db.execAndGet(
          "SELECT count(*) FROM record r WHERE NOT EXISTS (SELECT 1 FROM site WHERE id = r.site_id) OR NOT "
          "EXISTS (SELECT 1 FROM source WHERE id = r.source_id)");
      if (lost.getInt64() > 0)
        note(0, fmt::format("{} records have lost their call site or their source", lost.getInt64()));
    });
  }

  void inspect_ledger(SQLite::Database& db) {
    compare(db, "ledger", "publisher_id, stream, last, missing", [](auto& row) {
      return ledger_checksum(number_of(row, 1), number_of(row, 2), number_of(row, 3), text_of(row, 4));
    });
    compare(db, "gap", "publisher_id, stream, first, last, created, reason", [](auto& row) {
      return gap_checksum(number_of(row, 1), number_of(row, 2), number_of(row, 3), number_of(row, 4),
                          number_of(row, 5), text_of(row, 6));
    });
  }

  /// The last record that the roll-ups are to have counted: a writer may owe them the newest (summaries.hpp).
  std::int64_t summed_to(SQLite::Database& db) {
    std::optional<std::int64_t> end;
    attempt("span", [&] {
      if (found_.version >= kFirstWithSpans) end = spans_end(db);
    });
    return end.value_or(INT64_MAX);
  }

  void inspect_rollup(SQLite::Database& db, char const* table, char const* by, std::int64_t summed) {
    attempt(table, [&] {
      auto const wrong = db.execAndGet(fmt::format(
          "WITH counted(minute, {1}, n) AS (SELECT {2}, {1}, count(*) FROM record WHERE id <= {3} GROUP BY "
          "1, 2) SELECT "
          "(SELECT count(*) FROM (SELECT * FROM counted EXCEPT SELECT minute, {1}, n FROM {0})) + "
          "(SELECT count(*) FROM (SELECT minute, {1}, n FROM {0} EXCEPT SELECT * FROM counted))",
          table, by, kMinuteOfRecord, summed));
      if (wrong.getInt64() > 0)
        note(0, fmt::format("{}, a roll-up, differs from the records in {} rows", table, wrong.getInt64()));
    });
  }

  void inspect_spans(SQLite::Database& db) {
    attempt("span", [&] {
      for (auto& line : span_faults(db)) note(0, std::move(line));
    });
  }

  bool const locked_;
  Inspection found_;
  std::int64_t page_size_ = 1;
};

}  // namespace

Inspection inspect_file(std::string const& file, bool locked) { return Inspector(file, locked).run(); }

std::vector<std::string> files_of(std::string const& path) {
  std::vector<std::string> files;
  for (ClosedFile const& closed : list_closed(path)) files.push_back(closed.path);
  std::error_code missing;
  if (std::filesystem::exists(path, missing)) files.push_back(path);
  return files;
}

}  // namespace logboom::store
