// Turns what SQLite reports into a StoreError: one line with the file, the reason and the mend.
// Must not know who reads or writes.
#pragma once

#include <logboom/query.hpp>

#include <SQLiteCpp/Exception.h>

#include <string>

namespace logboom::store {

/// `path` is the store's file, `doing` what was tried ("write to", "read", "open").
StoreError store_error(std::string const& path, char const* doing, SQLite::Exception const& cause);

}  // namespace logboom::store
