// Columns of a row as they are in the file, for who checks them: nothing is converted. Must not know which table it is.
#pragma once

#include <SQLiteCpp/Column.h>
#include <SQLiteCpp/Statement.h>

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace logboom::store {

/// The bytes of a text or blob, until the next step.
inline std::string_view text_of(SQLite::Statement& row, int index) {
  SQLite::Column const column = row.getColumn(index);
  auto const* const bytes = static_cast<char const*>(column.getBlob());
  return bytes == nullptr ? std::string_view()
                          : std::string_view(bytes, static_cast<std::size_t>(column.getBytes()));
}

inline std::int64_t number_of(SQLite::Statement& row, int index) { return row.getColumn(index).getInt64(); }

}  // namespace logboom::store
