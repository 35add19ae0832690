#include "store/span_check.hpp"

#include "store/span_table.hpp"
#include "store/time_span.hpp"

#include <SQLiteCpp/Column.h>
#include <SQLiteCpp/Statement.h>
#include <SQLiteCpp/Transaction.h>
#include <fmt/core.h>

#include <cstdint>
#include <optional>

namespace logboom::store {
namespace {

/// Goes over spans and records side by side, both in the order of ids.
class SpanCheck {
 public:
  explicit SpanCheck(SQLite::Database& db)
      : spans_(db, fmt::format("SELECT {} FROM span ORDER BY first_id", kSpanColumns)),
        records_(db, "SELECT id, created FROM record ORDER BY id") {}

  std::vector<std::string> run() {
    next();
    while (records_.executeStep()) {
      auto const id = last_ = records_.getColumn(0).getInt64();
      while (span_ && span_->last_id < id) next();
      if (!span_)
        ++behind_;
      else if (!is_in_its_span(id, records_.getColumn(1).getInt64()))
        ++wrong_;
    }
    // The newest may be owed, if that can be told.
    if (!end_sound_ || behind_ > SpanTable::kMostBehind) wrong_ += behind_;
    for (; span_; next()) {
      if (span_->last_id > last_)
        faults_.push_back(fmt::format("a row of span speaks of records up to {}, and the last is {}",
                                      span_->last_id, last_));
    }
    if (wrong_ > 0)
      faults_.push_back(
          fmt::format("{} records are in no row of span that says when they were made, or in two", wrong_));
    return std::move(faults_);
  }

 private:
  bool is_in_its_span(std::int64_t id, std::int64_t created) const {
    return span_->first_id <= id && id > before_ && span_->min_created <= created &&
           created <= span_->max_created;
  }

  /// The next row that is whole.
  void next() {
    if (span_) before_ = span_->last_id;
    span_.reset();
    while (!span_ && spans_.executeStep()) {
      span_ = span_of(spans_);
      end_sound_ = span_.has_value();
      if (!span_)
        faults_.push_back(
            fmt::format("a row of span does not have its checksum (first_id {})", number_of(spans_, 0)));
    }
  }

  SQLite::Statement spans_, records_;
  std::optional<TimeSpan> span_;
  std::int64_t before_ = INT64_MIN;  // where the span before it ends
  bool end_sound_ = true;            // of the rows so far
  std::int64_t behind_ = 0;          // records that come after the last
  std::int64_t last_ = 0;            // record
  std::int64_t wrong_ = 0;
  std::vector<std::string> faults_;
};

}  // namespace

std::vector<std::string> span_faults(SQLite::Database& db) {
  SQLite::Transaction const transaction(db);
  return SpanCheck(db).run();
}

}  // namespace logboom::store
