// The table of what is lost: gaps go in, and shrink where something came after all. Must not know the ledger or how transactions begin and end.
#pragma once

#include "record/block.hpp"
#include "store/names.hpp"

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Statement.h>

#include <cstdint>
#include <string>

namespace logboom::store {

/// Within its owner's transaction. What it refers to outlives it.
class GapTable {
 public:
  GapTable(SQLite::Database& db, Names& names);

  /// The block's gaps and arrivals, in the order in which they became known: a gap may be of what has arrived by the end of the block. @throws SQLite::Exception
  void settle(Block const& block);

 private:
  void insert(std::int64_t publisher, std::uint64_t stream, std::uint64_t first, std::uint64_t last,
              std::int64_t created, std::string const& reason);
  void shrink(Span const& arrived);

  Names& names_;
  SQLite::Statement insert_, find_, drop_;
};

}  // namespace logboom::store
