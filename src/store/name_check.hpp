// Whether the rows that records refer to (sites, sources, publishers) are as they were written: one that is not would give its name to new records as well.
// Must not know what is done about it.
#pragma once

#include <SQLiteCpp/Database.h>

#include <string>
#include <vector>

namespace logboom::store {

/// A line for each row that does not have its checksum. Of a file with checksums. @throws SQLite::Exception
std::vector<std::string> damaged_names(SQLite::Database& db);

}  // namespace logboom::store
