// The ledger's table: how far each stream is, written in the transaction of its records. Must not know how transactions begin and end.
#pragma once

#include "record/block.hpp"
#include "store/names.hpp"

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Statement.h>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace logboom::store {

/// Within its owner's transaction. What it refers to outlives it.
class LedgerTable {
 public:
  LedgerTable(SQLite::Database& db, Names& names);

  /// What says less than the table has changes nothing. @throws SQLite::Exception
  void advance(Progress const& progress);

 private:
  Names& names_;
  SQLite::Statement advance_;
};

/// Of more than `most` streams those of the publishers that came last. @throws SQLite::Exception
std::vector<Progress> read_ledger(SQLite::Database& db, std::size_t most = SIZE_MAX);

/// Rows whose checksum says that they are damaged: a number that is too high would have records dropped as known. Each is worked out anew from the records and gaps of its stream in this
/// file; where there are none it is removed, and the stream goes on from what its publisher still holds. In one transaction of its own. @return how many. @throws SQLite::Exception
std::size_t mend_ledger(SQLite::Database& db);

/// Rows that are of an earlier time than the records and gaps of this file are brought up to these: their `last` where it is lower, their `missing` by what came. Within a transaction.
/// @throws SQLite::Exception
void raise_ledger(SQLite::Database& db);

/// Rows for streams that have records and none, from the records and gaps. Within a transaction. @throws SQLite::Exception
void complete_ledger(SQLite::Database& db);

}  // namespace logboom::store
