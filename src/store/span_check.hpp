// Whether the table of spans says of each record when it was made. Must not know what is done where it does not.
#pragma once

#include <SQLiteCpp/Database.h>

#include <string>
#include <vector>

namespace logboom::store {

/// A line for each row of `span` that does not have its checksum, for each that speaks of records behind the last, and one for records that are in none, in two, or in one of other times. Of a file of a version with spans. Reads all
/// records, in one read transaction. @throws SQLite::Exception
std::vector<std::string> span_faults(SQLite::Database& db);

}  // namespace logboom::store
