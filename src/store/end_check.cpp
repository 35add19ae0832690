#include "store/end_check.hpp"

#include "store/file_facts.hpp"
#include "store/schema.hpp"
#include "store/span_table.hpp"

#include <SQLiteCpp/Column.h>
#include <fmt/core.h>

#include <cstdint>

namespace logboom::store {
namespace {

/// Of a file without spans: the roll-up has more records than lead to the last one. Then, and only then, the index is asked: all of it.
bool index_has_more_records(SQLite::Database& db) {
  auto const number = [&](std::string const& sql) { return db.execAndGet(sql).getInt64(); };
  auto const last = number("SELECT ifnull(max(id), 0) FROM record");
  auto const lost = number("SELECT ifnull(max(value), 0) FROM meta WHERE key = 'lost'");
  auto const counted = number("SELECT ifnull(sum(n), 0) FROM minute");
  if (counted <= last - first_id_of(db) + 1 - lost) return false;
  return number(fmt::format(
             "SELECT EXISTS(SELECT 1 FROM record INDEXED BY record_created_level WHERE +id > {})", last)) != 0;
}

bool has_more_records(SQLite::Database& db) {
  if (!has_spans(db)) return index_has_more_records(db);
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
