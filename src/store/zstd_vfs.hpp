// Shows SQLite a compressed file (seekable_zstd.hpp) as the database that it was. Must not know what is in that.
#pragma once

namespace logboom::store {

/// The name to give in `?vfs=`; makes it known first. Read-only, and for files that nobody writes to: open them with `immutable=1`.
/// @throws SQLite::Exception
char const* zstd_vfs();

}  // namespace logboom::store
