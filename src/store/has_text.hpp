// The SQL function `has_text(text, part)`: 1 where the part is in the text, byte for byte; 0 where it is not, or there is no text. As instr(), which goes byte by byte, but two to four times as quick.
// Must not know what is looked for.
#pragma once

#include <SQLiteCpp/Database.h>

namespace logboom::store {

/// For this connection.
/// @throws SQLite::Exception
void declare_has_text(SQLite::Database& db);

}  // namespace logboom::store
