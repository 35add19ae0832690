#include "store/text_index.hpp"

#include <SQLiteCpp/Column.h>
#include <fmt/core.h>

namespace logboom::store {

bool has_text_index(SQLite::Database& db) {
  return db.execAndGet("SELECT count(*) FROM sqlite_schema WHERE name = 'record_text'").getInt() > 0;
}

void build_text_index(SQLite::Database& db) {
  db.exec("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-16000");
  // The texts stay in `record` alone.
  db.exec(
      fmt::format("CREATE VIRTUAL TABLE record_text USING fts5(message, exception, content='record', "
                  "content_rowid='id', tokenize='{}', columnsize=0)",
                  kTokenizer));
  db.exec("INSERT INTO record_text(record_text, rank) VALUES('hashsize', 16777216)");
  db.exec("INSERT INTO record_text(record_text) VALUES('rebuild')");
}

}  // namespace logboom::store
