#include "store/end_check.hpp"

#include "store/span_table.hpp"

#include <SQLiteCpp/Column.h>
#include <fmt/core.h>

#include <cstdint>

namespace logboom::store {
namespace {

/// The spans say that there are more than the tree leads to.
bool has_more_records(SQLite::Database& db) {
  auto const span = last_span(db);
  return span && span->last_id > db.execAndGet("SELECT ifnull(max(id), 0) FROM record").getInt64();
}

}  // namespace

std::string end_fault(SQLite::Database& db) {
  for (char const* const table : {"record", "site", "source", "publisher", "gap"}) {
    auto const behind = db.execAndGet(
        fmt::format("SELECT EXISTS(SELECT 1 FROM {0} WHERE id > (SELECT max(id) FROM {0}))", table));
    if (behind.getInt() != 0) return fmt::format("rows of {} stand behind its last one", table);
  }
  if (has_more_records(db)) return "its last records are not where its tree leads";
  return {};
}

}  // namespace logboom::store
