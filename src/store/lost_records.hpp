// Which records a salvaged file has not any more: by the ids, which have no holes otherwise, and the numbers of streams. Must not know where the rows came from.
#pragma once

#include <SQLiteCpp/Database.h>

#include <cstdint>
#include <vector>

namespace logboom::store {

struct LostRecords {
  struct Ids {
    std::int64_t first = 0, last = 0;
  };
  std::uint64_t records = 0;
  std::vector<Ids> ids;  // ascending
};

/// From the file's first id to its last. @throws SQLite::Exception
LostRecords find_lost(SQLite::Database& db);

/// Adds gaps for numbers that streams have not any more because of it: a hole that is no longer than what is missing between the ids around it. (Numbers may be missing for other
/// reasons: a forwarder's filter withheld them, or another collector has them.) `and_ends`: the file may have lost its last records, of which no id tells; then streams reach as far as the ledger says.
/// Within a transaction. @return how many numbers. @throws SQLite::Exception
std::uint64_t declare_lost(SQLite::Database& db, LostRecords const& lost, bool and_ends);

}  // namespace logboom::store
