#include "store/id_ranges.hpp"

#include "store/schema.hpp"
#include "store/time_span.hpp"

#include <SQLiteCpp/Column.h>
#include <SQLiteCpp/Exception.h>
#include <SQLiteCpp/Statement.h>
#include <fmt/core.h>
#include <sqlite3.h>

#include <algorithm>
#include <optional>
#include <utility>

namespace logboom::store {
namespace {

constexpr std::int64_t kFewWarnings =
    16'384;  // of the asked time, at any level in the index: they are read in milliseconds
constexpr std::int64_t kApart =
    64;  // ids: so many rows are walked over as quickly as another place is looked up

/// Puts ranges together that are given in ascending order.
class Ranges {
 public:
  void add(IdRange const& range, std::int64_t apart = 1) {
    if (range.empty()) return;
    if (!found_.empty() && range.first - found_.back().last <= apart) {
      found_.back().last = std::max(found_.back().last, range.last);
    } else {
      found_.push_back(range);
    }
  }
  std::vector<IdRange> take() { return std::move(found_); }

 private:
  std::vector<IdRange> found_;
};

/// The sound rows of `span`, in the order of ids. They end where the table does, or where it is damaged so that nobody knows how they go on.
class Spans {
 public:
  explicit Spans(SQLite::Database& db)
      : select_(db, fmt::format("SELECT {} FROM span ORDER BY first_id", kSpanColumns)) {}

  /// The next one with an id behind `behind`.
  std::optional<TimeSpan> next(std::int64_t behind) try {
    while (select_.executeStep()) {
      auto const first_id = number_of(select_, 0);
      if (first_id <= at_) return std::nullopt;  // a damaged tree may lead back, and so for ever on
      at_ = first_id;
      auto const span = span_of(select_);
      if (span && span->last_id > behind) return span;
    }
    return std::nullopt;
  } catch (SQLite::Exception const& cause) {
    if (cause.getErrorCode() != SQLITE_CORRUPT) throw;
    return std::nullopt;
  }

 private:
  SQLite::Statement select_;
  std::int64_t at_ = INT64_MIN;
};

std::vector<IdRange> by_spans(SQLite::Database& db, TimeAndLevel const& asked, IdRange const& all) {
  Ranges ranges;
  Spans spans(db);
  std::int64_t done = all.first - 1;
  while (done < all.last) {
    auto const span = spans.next(done);
    if (!span) break;
    ranges.add({done + 1, std::min(all.last, span->first_id - 1)});  // of which no span speaks
    if (span->min_created <= asked.newest && span->max_created >= asked.oldest)
      ranges.add({std::max(done + 1, span->first_id), std::min(all.last, span->last_id)});
    done = span->last_id;
  }
  ranges.add({done + 1, all.last});
  return ranges.take();
}

/// Nothing: there are too many, or the index cannot be read.
std::optional<std::vector<IdRange>> by_warnings(SQLite::Database& db, TimeAndLevel const& asked,
                                                IdRange const& all) try {
  std::vector<std::int64_t> ids;
  SQLite::Statement select(db,
                           "SELECT id, level FROM record INDEXED BY record_warnings "
                           "WHERE level >= 30 AND created >= ? AND created <= ?");
  select.bind(1, asked.oldest);
  select.bind(2, asked.newest);
  for (std::int64_t read = 0; select.executeStep(); ++read) {
    if (read == kFewWarnings) return std::nullopt;
    if (select.getColumn(1).getInt64() >= asked.level) ids.push_back(select.getColumn(0).getInt64());
  }
  std::sort(ids.begin(), ids.end());
  Ranges ranges;
  for (auto const id : ids) {
    if (id >= all.first && id <= all.last) ranges.add({id, id}, kApart);
  }
  return ranges.take();
} catch (SQLite::Exception const& cause) {
  if (cause.getErrorCode() != SQLITE_CORRUPT) throw;
  return std::nullopt;
}

/// Of a file of before spans: its index has all times. They are nearly in the order of ids.
std::vector<IdRange> by_old_index(SQLite::Database& db, TimeAndLevel const& asked, IdRange const& all) {
  SQLite::Statement bounds(
      db,
      "SELECT ifnull(min(id), 1), ifnull(max(id), 0) FROM record INDEXED BY record_created_level "
      "WHERE created >= ? AND created <= ? AND level >= ?");
  bounds.bind(1, asked.oldest);
  bounds.bind(2, asked.newest);
  bounds.bind(3, asked.level);
  bounds.executeStep();
  Ranges ranges;
  ranges.add({std::max(all.first, bounds.getColumn(0).getInt64()),
              std::min(all.last, bounds.getColumn(1).getInt64())});
  return ranges.take();
}

}  // namespace

std::vector<IdRange> ranges_with(SQLite::Database& db, TimeAndLevel const& asked, IdRange const& all) {
  if (!has_spans(db)) return by_old_index(db, asked, all);
  if (asked.level >= kWarningsFrom) {
    if (auto ranges = by_warnings(db, asked, all)) return *std::move(ranges);
  }
  return by_spans(db, asked, all);
}

}  // namespace logboom::store
