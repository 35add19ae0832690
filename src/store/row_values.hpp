// Columns of a row as they are in the file, for who checks them: nothing is converted. Must not know which table it is.
#pragma once

#include <SQLiteCpp/Column.h>
#include <SQLiteCpp/Statement.h>

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace logboom::store {

/// What stands for a value of another kind than it should be: SQLite would convert it, and its checksum be right.
inline constexpr std::int64_t kNoNumber = INT64_MIN + 1;
inline constexpr std::string_view kNoText = "\xff no text";

/// The bytes of a blob, until the next step.
inline std::string_view bytes_of(SQLite::Statement& row, int index) {
  SQLite::Column const column = row.getColumn(index);
  auto const* const bytes = static_cast<char const*>(column.getBlob());
  return bytes == nullptr ? std::string_view()
                          : std::string_view(bytes, static_cast<std::size_t>(column.getBytes()));
}

/// The bytes of a text, until the next step; "" for NULL.
inline std::string_view text_of(SQLite::Statement& row, int index) {
  SQLite::Column const column = row.getColumn(index);
  return column.isText() || column.isNull() ? bytes_of(row, index) : kNoText;
}

/// 0 for NULL.
inline std::int64_t number_of(SQLite::Statement& row, int index) {
  SQLite::Column const column = row.getColumn(index);
  return column.isInteger() || column.isNull() ? column.getInt64() : kNoNumber;
}

}  // namespace logboom::store
