// Gaps as a salvage finds them: also such as were removed or cut short, when what they declared lost came after all. Must not know where they were found.
#pragma once

#include "store/table_rows.hpp"

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Statement.h>

namespace logboom::store {

/// Within its owner's transaction. What it refers to outlives it.
class FoundGaps {
 public:
  /// Keeps what is found in a temporary table of `db`, a store. @throws SQLite::Exception, as all of it
  explicit FoundGaps(SQLite::Database& db);

  /// Any number of times the same.
  void add(GapRow const& row);

  /// Puts into the store's table what of them is neither stored nor in another one. Once, after records and sources are there.
  void settle();

 private:
  struct Prepared {
    explicit Prepared(SQLite::Database& db);
  };

  SQLite::Database& db_;
  Prepared const prepared_;
  SQLite::Statement add_;
};

}  // namespace logboom::store
