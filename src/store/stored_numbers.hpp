// Which numbers of streams a file has records of: to be held against what it says is missing. Must not know who asks.
#pragma once

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Statement.h>

#include <cstdint>
#include <functional>
#include <tuple>

namespace logboom::store {

/// Numbers of one stream, both ends included; ids of the file.
struct NumberRange {
  std::int64_t publisher_id = 0, stream = 0, first = 0, last = 0;
};

/// Goes over all records once, sorted by stream and number. For one thread.
class StoredNumbers {
 public:
  /// @throws SQLite::Exception, as all of it
  explicit StoredNumbers(SQLite::Database& db);

  /// The parts of `range` of which there are no records, in ascending order. Ranges are asked for in the order of publisher, stream and number, and do not overlap.
  void without(NumberRange range, std::function<void(NumberRange const&)> const& use);

 private:
  using Key = std::tuple<std::int64_t, std::int64_t, std::int64_t>;
  bool next();

  SQLite::Statement select_;
  bool more_ = true;
  Key at_;
};

}  // namespace logboom::store
