// The ledger's table: how far each stream is, written in the transaction of its records. Must not know how transactions begin and end.
#pragma once

#include "record/block.hpp"
#include "store/names.hpp"

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Statement.h>

#include <vector>

namespace logboom::store {

/// Within its owner's transaction. What it refers to outlives it.
class LedgerTable {
 public:
  LedgerTable(SQLite::Database& db, Names& names);

  /// What says less than the table has changes nothing. @throws SQLite::Exception
  void advance(Progress const& progress);
  std::vector<Progress> read();

 private:
  SQLite::Database& db_;
  Names& names_;
  SQLite::Statement advance_;
};

}  // namespace logboom::store
