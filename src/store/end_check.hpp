// Whether a table's last row is where SQLite looks for it: else new rows would get ids that are given, and stand among old ones. Must not know what is done about it.
#pragma once

#include <SQLiteCpp/Database.h>

#include <string>

namespace logboom::store {

/// @return a clause about a table whose tree leads to another place for its end than for its highest id; "": none. Some look-ups. Of a file of this version. @throws SQLite::Exception
std::string end_fault(SQLite::Database& db);

}  // namespace logboom::store
