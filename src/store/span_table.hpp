// The table of spans: which times the records have, some thousand of them a row. So that who asks for a time need not read them all, and no index has to hold each.
// Must not know who asks, nor how transactions begin and end.
#pragma once

#include "store/time_span.hpp"

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Statement.h>

#include <cstdint>
#include <optional>

namespace logboom::store {

/// Within its owner's transactions. What comes out of the order of times (an old spool that was adopted, a clock that is wrong) has spans of its own where there is enough of
/// it: any two neighbours have kFewRecords together, so that spans cost next to nothing however times are mixed. For one thread.
class SpanTable {
 public:
  static constexpr std::int64_t kManyRecords = 4'096;  // a span of so many is not added to any more
  static constexpr std::int64_t kFewRecords = 1'024;   // two neighbours have no fewer together
  static constexpr std::int64_t kNear =
      60'000'000'000;  // ns: what is further off in time begins a span of its own
  static constexpr std::int64_t kMostBehind = 256;  // records that no span speaks of yet

  /// Goes on behind the last span. Where that is damaged (spans_end()), nothing is written, and what is not in a span is looked at by all who ask. @throws SQLite::Exception, as all of it
  SpanTable(SQLite::Database& db, std::int64_t first_id, std::int64_t last_id);

  /// Not damaged where it ends.
  bool whole() const noexcept { return end_.has_value(); }
  /// Of a whole one: the last id that it spoke of when it was opened.
  std::int64_t end() const noexcept { return *end_; }

  /// Records that follow those of the call before.
  void add(TimeSpan const& records);
  /// Call before each commit.
  void write();
  /// Call after each rollback: what was added since the last commit is no more.
  void forget() noexcept { known_ = false; }

 private:
  void read_last();
  bool may_grow_by(TimeSpan const& records) const noexcept;

  SQLite::Statement read_last_, put_;
  std::optional<std::int64_t> const end_;
  bool known_ = false;  // what is below
  bool written_ = true;
  std::optional<TimeSpan> last_;
};

/// The last row of a file of a version with spans. Nothing: there is none, or it is damaged. @throws SQLite::Exception
std::optional<TimeSpan> last_span(SQLite::Database& db);

/// The last id that the spans of a file speak of, kMostBehind at most before that of its last record; the one before its first: there are none yet. Nothing: the last row is damaged, or
/// is not there. @throws SQLite::Exception
std::optional<std::int64_t> spans_end(SQLite::Database& db);

/// Makes all spans from the records, of a file that has none. Within its caller's transaction. @throws SQLite::Exception
void make_spans(SQLite::Database& db);

}  // namespace logboom::store
