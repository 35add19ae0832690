// Opens a store's file for reading: being written, closed, or in a directory where nothing can be written.
// Must not know what is read.
#pragma once

#include <SQLiteCpp/Database.h>

#include <string>

namespace logboom::store {

/// A read-only connection to a store of this version, with a bounded cache.
/// @throws StoreError (missing, not readable, not a database, not a logboom store, another version)
SQLite::Database open_for_reading(std::string const& path);

}  // namespace logboom::store
