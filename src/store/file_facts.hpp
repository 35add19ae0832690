// What a store's file says of itself in `meta`: where its ids begin, and when it was begun; and where they end. Must not know other files.
#pragma once

#include <SQLiteCpp/Database.h>

#include <cstdint>
#include <string>

namespace logboom::store {

/// The id that its first record has or will have. 1 in a file that follows none.
std::int64_t first_id_of(SQLite::Database& db);

/// The id of its last record; the one before first_id_of(): it has none.
std::int64_t last_id_of(SQLite::Database& db);

/// Seconds since the epoch; 0: it does not say.
std::int64_t begun_of(SQLite::Database& db);

/// Its size when it was begun: tables without a row, and the ledger. 0: it does not say.
std::int64_t empty_bytes_of(SQLite::Database& db);
/// It is as it was begun.
void set_empty_bytes(SQLite::Database& db);

/// For the file that follows one that ended with `first_id` - 1.
void set_facts(SQLite::Database& db, std::int64_t first_id, std::int64_t begun);

/// Its size is not that of its pages: more would be written over what is there, or less be read as zeros. "": it is, or nobody can tell since its log has a part of it. @throws SQLite::Exception
std::string size_fault(SQLite::Database& db, std::string const& path);

}  // namespace logboom::store
