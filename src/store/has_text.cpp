#include "store/has_text.hpp"

#include <SQLiteCpp/Exception.h>
#include <sqlite3.h>

#include <cstring>
#include <string_view>

namespace logboom::store {
namespace {

std::string_view bytes_of(sqlite3_value* value) {
  auto const* const text = reinterpret_cast<char const*>(sqlite3_value_text(value));
  if (text == nullptr) return {};
  return {text, static_cast<std::size_t>(sqlite3_value_bytes(value))};
}

void has_text(sqlite3_context* context, int, sqlite3_value** arguments) {
  std::string_view const text = bytes_of(arguments[0]);
  std::string_view const part = bytes_of(arguments[1]);
  bool const found =
      text.size() >= part.size() && ::memmem(text.data(), text.size(), part.data(), part.size()) != nullptr;
  sqlite3_result_int(context, found ? 1 : 0);
}

}  // namespace

void declare_has_text(SQLite::Database& db) {
  int const made = sqlite3_create_function_v2(db.getHandle(), "has_text", 2, SQLITE_UTF8 | SQLITE_DETERMINISTIC,
                                              nullptr, has_text, nullptr, nullptr, nullptr);
  if (made != SQLITE_OK) throw SQLite::Exception(db.getHandle(), made);
}

}  // namespace logboom::store
