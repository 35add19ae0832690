// A file of a store into which what is salvaged goes, row by row as it is found. Must not know where it was found.
#pragma once

#include "store/found_gaps.hpp"
#include "store/found_names.hpp"
#include "store/table_rows.hpp"

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Statement.h>

#include <cstdint>
#include <string>

namespace logboom::store {

/// One transaction, from the constructor to finish(). For one thread.
class FreshFile {
 public:
  /// Makes it, of the present schema. @param path may be ":memory:". @throws SQLite::Exception, as all of it; StoreError
  explicit FreshFile(std::string const& path);

  // Any number of times the same, in any order.
  /// @return false: its id is there
  bool add(RecordRow const& row);
  void add(SiteRow const& row, FoundIn in) { names_.add(row, in); }
  void add(SourceRow const& row, FoundIn in) { names_.add(row, in); }
  void add(PublisherRow const& row, FoundIn in) { names_.add(row, in); }
  void add(GapRow const& row) { gaps_.add(row); }
  /// Of a stream's rows the one that is furthest stays, of those the first.
  void add(LedgerRow const& row);
  /// Those keys that a file keeps.
  void add(MetaRow const& row);
  /// Or who verifies the file would miss them.
  void set_lost(std::uint64_t records);

  /// Once all is in: names, gaps and ledger are held against each other and against the records.
  void settle();
  void finish() { db_.exec("COMMIT"); }

  SQLite::Database& db() noexcept { return db_; }

 private:
  static SQLite::Database make(std::string const& path);

  SQLite::Database db_;
  FoundNames names_;
  FoundGaps gaps_;
  SQLite::Statement add_record_, add_ledger_, add_meta_;
};

}  // namespace logboom::store
