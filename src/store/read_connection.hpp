// Opens a store's file for reading: being written, closed, or in a directory where nothing can be written.
// Must not know what is read.
#pragma once

#include <SQLiteCpp/Database.h>

#include <string>

namespace logboom::store {

/// A read-only connection to a store of this version, with a bounded cache.
/// @throws StoreError (missing, not readable, not a database, not a logboom store, another version)
SQLite::Database open_for_reading(std::string const& path);

/// The same of a store's current file, which may become a closed one at any time: of the connection's file and log, neither is another's.
SQLite::Database open_current(std::string const& path);

/// The connection's file has another name by now than when it was opened, or none.
bool has_moved(SQLite::Database& db);

/// The same of a closed file, which nobody writes to: reading it leaves nothing beside it.
SQLite::Database open_closed(std::string const& path);

/// For ATTACH, on a connection that takes URIs: the file, read-only.
std::string reading_uri(std::string const& path);
/// The same of a closed file.
std::string closed_uri(std::string const& path);

}  // namespace logboom::store
