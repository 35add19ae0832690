// Sites, sources and publishers as a salvage finds them: in their tables, and once more in the indexes that keep them unique. Their ids have no checksum: what both
// say is believed first. Must not know where they were found.
#pragma once

#include "store/table_rows.hpp"

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Statement.h>

namespace logboom::store {

enum class FoundIn { kTable, kIndex };

/// Within its owner's transaction. What it refers to outlives it.
class FoundNames {
 public:
  /// Keeps what is found in temporary tables of `db`, a store. @throws SQLite::Exception, as all of it
  explicit FoundNames(SQLite::Database& db);

  // Any number of times the same.
  void add(SiteRow const& row, FoundIn in);
  void add(SourceRow const& row, FoundIn in);
  void add(PublisherRow const& row, FoundIn in);

  /// Puts into the tables of the store, of each id and of each content, what is said twice; else what records (and for publishers: sources, ledger and gaps) refer to; else what has a
  /// checksum. Once, after all of those are there.
  void settle();

 private:
  struct Prepared {
    explicit Prepared(SQLite::Database& db);
  };

  SQLite::Database& db_;
  Prepared const prepared_;
  SQLite::Statement add_site_, add_source_, add_publisher_;
};

}  // namespace logboom::store
