// Where in a file the records of some time are: ranges of ids, so that the others need not be looked at. Must not know what else is asked of them.
#pragma once

#include <SQLiteCpp/Database.h>

#include <cstdint>
#include <vector>

namespace logboom::store {

/// Both ends included; last < first: none.
struct IdRange {
  std::int64_t first = 1, last = 0;

  bool empty() const noexcept { return last < first; }
  friend bool operator==(IdRange const&, IdRange const&) = default;
};

/// What is asked of a record's time and level: from `oldest` to `newest`, both included, and `level` at least.
struct TimeAndLevel {
  std::int64_t oldest = INT64_MIN, newest = INT64_MAX;  // ns since 1970
  std::int64_t level = INT64_MIN;
};

/// Ranges within `all`, ascending and apart from each other, outside of which no record is what is asked for. Some inside are not, as a rule: their times are still to be tested. What
/// no sound span speaks of is inside. Of files of any version; milliseconds for ten million records. @throws SQLite::Exception
std::vector<IdRange> ranges_with(SQLite::Database& db, TimeAndLevel const& asked, IdRange const& all);

}  // namespace logboom::store
