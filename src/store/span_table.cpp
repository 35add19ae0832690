#include "store/span_table.hpp"

#include "store/file_facts.hpp"
#include "store/scoped_reset.hpp"

#include <SQLiteCpp/Column.h>
#include <SQLiteCpp/Exception.h>
#include <fmt/core.h>
#include <sqlite3.h>

#include <algorithm>

namespace logboom::store {
namespace {

/// Times between two spans that neither has; 0: they touch. No difference of two times is too much for it.
std::uint64_t distance(TimeSpan const& a, TimeSpan const& b) noexcept {
  auto const from_to = [](std::int64_t from, std::int64_t to) {
    return static_cast<std::uint64_t>(to) - static_cast<std::uint64_t>(from);
  };
  if (a.max_created < b.min_created) return from_to(a.max_created, b.min_created);
  if (b.max_created < a.min_created) return from_to(b.max_created, a.min_created);
  return 0;
}

std::string select_last() {
  return fmt::format("SELECT {} FROM span ORDER BY first_id DESC LIMIT 1", kSpanColumns);
}

struct End {
  bool empty = true;
  std::optional<TimeSpan> span = {};  // unless it is damaged
};

End read_end(SQLite::Statement& last) try {
  ScopedReset const reset(last);
  return last.executeStep() ? End{false, span_of(last)} : End{};
} catch (SQLite::Exception const& cause) {
  if (cause.getErrorCode() != SQLITE_CORRUPT) throw;
  return {false};
}

std::optional<std::int64_t> end_of(End const& end, std::int64_t first_id, std::int64_t last_id) {
  if (!end.empty && !end.span) return std::nullopt;
  auto const at = end.empty ? first_id - 1 : end.span->last_id;
  bool const plausible = at <= last_id && last_id - at <= SpanTable::kMostBehind;
  return plausible ? std::optional(at) : std::nullopt;
}

}  // namespace

// A row that is there is of the same span, or a damaged one with an id that never was.
SpanTable::SpanTable(SQLite::Database& db, std::int64_t first_id, std::int64_t last_id)
    : read_last_(db, select_last()),
      put_(db, fmt::format("INSERT OR REPLACE INTO span({}) VALUES(?, ?, ?, ?, ?)", kSpanColumns)),
      end_(end_of(read_end(read_last_), first_id, last_id)) {}

bool SpanTable::may_grow_by(TimeSpan const& records) const noexcept {
  if (!last_ || last_->records() >= kManyRecords) return false;
  return last_->records() + records.records() < kFewRecords || distance(*last_, records) <= kNear;
}

void SpanTable::add(TimeSpan const& records) {
  if (!whole()) return;
  if (!known_) read_last();
  if (may_grow_by(records)) {
    last_->last_id = records.last_id;
    last_->min_created = std::min(last_->min_created, records.min_created);
    last_->max_created = std::max(last_->max_created, records.max_created);
  } else {
    write();
    last_ = records;
  }
  written_ = false;
}

void SpanTable::write() {
  if (!known_ || written_) return;
  ScopedReset const reset(put_);
  put_.bind(1, last_->first_id);
  put_.bind(2, last_->last_id);
  put_.bind(3, last_->min_created);
  put_.bind(4, last_->max_created);
  put_.bind(5, last_->checksum());
  put_.exec();
  written_ = true;
}

void SpanTable::read_last() {
  last_ = read_end(read_last_).span;
  written_ = true;
  known_ = true;
}

std::optional<TimeSpan> last_span(SQLite::Database& db) {
  SQLite::Statement last(db, select_last());
  return read_end(last).span;
}

std::optional<std::int64_t> spans_end(SQLite::Database& db) {
  SQLite::Statement last(db, select_last());
  return end_of(read_end(last), first_id_of(db), last_id_of(db));
}

void make_spans(SQLite::Database& db) {
  SpanTable spans(db, 1, 0);
  SQLite::Statement select(db, "SELECT id, created FROM record ORDER BY id");
  while (select.executeStep()) {
    auto const id = select.getColumn(0).getInt64();
    auto const created = select.getColumn(1).getInt64();
    spans.add({id, id, created, created});
  }
  spans.write();
}

}  // namespace logboom::store
