// The full-text index of a closed file: `record_text`, over message and exception. Must not know how words are asked for.
#pragma once

#include <SQLiteCpp/Database.h>

namespace logboom::store {

inline constexpr char const* kTokenizer = "unicode61";  // letters and digits, without case and diacritics

bool has_text_index(SQLite::Database& db);

/// Adds it to a file that nobody else has open and that nobody needs if this fails: it is written without a journal. Takes as long as the file is, and about half
/// of the space of its texts. @throws SQLite::Exception, also when the connection's progress handler says so
void build_text_index(SQLite::Database& db);

}  // namespace logboom::store
