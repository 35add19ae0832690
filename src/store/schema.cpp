#include "store/schema.hpp"

#include "posix/fault_point.hpp"
#include "store/file_facts.hpp"
#include "store/span_table.hpp"

#include <logboom/query.hpp>
#include <logboom/version.hpp>

#include <SQLiteCpp/Column.h>
#include <SQLiteCpp/Statement.h>
#include <SQLiteCpp/Transaction.h>
#include <fmt/core.h>

#include <array>
#include <bit>
#include <vector>

namespace logboom::store {
namespace {

// `record` is narrow because what repeats is in `site` and `source`; its rare columns come last. No UNIQUE over
// sequence numbers: `ledger` says the same for nothing. No NULL in what is unique: NULLs differ from each other.
constexpr char const* kVersion1 = R"sql(
CREATE TABLE meta(key TEXT PRIMARY KEY, value) WITHOUT ROWID;

CREATE TABLE publisher(
  id INTEGER PRIMARY KEY,
  uuid BLOB NOT NULL UNIQUE);
INSERT INTO publisher(id, uuid) VALUES(0, zeroblob(16));

CREATE TABLE site(
  id INTEGER PRIMARY KEY,
  logger TEXT NOT NULL,
  level INTEGER NOT NULL,
  level_name TEXT NOT NULL,
  file TEXT NOT NULL,
  line INTEGER NOT NULL,
  function TEXT NOT NULL,
  template TEXT NOT NULL,
  UNIQUE(logger, line, level, file, function, template, level_name));

CREATE TABLE source(
  id INTEGER PRIMARY KEY,
  publisher_id INTEGER NOT NULL REFERENCES publisher(id),
  host TEXT NOT NULL,
  process TEXT NOT NULL,
  pid INTEGER NOT NULL,
  started INTEGER NOT NULL,
  stream INTEGER NOT NULL,
  tid INTEGER NOT NULL,
  thread TEXT NOT NULL,
  UNIQUE(publisher_id, stream, tid, pid, started, host, process, thread));

CREATE TABLE record(
  id INTEGER PRIMARY KEY,
  created INTEGER NOT NULL,
  level INTEGER NOT NULL,
  site_id INTEGER NOT NULL REFERENCES site(id),
  source_id INTEGER NOT NULL REFERENCES source(id),
  sequence INTEGER,
  message TEXT NOT NULL,
  fields TEXT,
  exception_type TEXT,
  exception TEXT,
  stack TEXT,
  task TEXT,
  attributes TEXT);
CREATE INDEX record_created_level ON record(created, level);

CREATE TABLE ledger(
  publisher_id INTEGER NOT NULL REFERENCES publisher(id),
  stream INTEGER NOT NULL,
  last INTEGER NOT NULL,
  PRIMARY KEY(publisher_id, stream)) WITHOUT ROWID;

CREATE TABLE gap(
  id INTEGER PRIMARY KEY,
  publisher_id INTEGER NOT NULL REFERENCES publisher(id),
  stream INTEGER NOT NULL,
  first INTEGER NOT NULL,
  last INTEGER NOT NULL,
  created INTEGER NOT NULL,
  reason TEXT NOT NULL);

CREATE TABLE minute(
  minute INTEGER NOT NULL,
  site_id INTEGER NOT NULL REFERENCES site(id),
  n INTEGER NOT NULL,
  PRIMARY KEY(minute, site_id)) WITHOUT ROWID;
)sql";

// What other collectors may still bring of a stream, and the gaps that then were none.
constexpr char const* kVersion2 = R"sql(
ALTER TABLE ledger ADD COLUMN missing TEXT NOT NULL DEFAULT '';
CREATE INDEX gap_stream ON gap(publisher_id, stream);
)sql";

// What is damaged is found, and told from what is not (row_check.hpp). Rows of before have none.
constexpr char const* kVersion3 = R"sql(
ALTER TABLE record ADD COLUMN checksum INTEGER;
ALTER TABLE ledger ADD COLUMN checksum INTEGER;
ALTER TABLE gap ADD COLUMN checksum INTEGER;
ALTER TABLE site ADD COLUMN checksum INTEGER;
ALTER TABLE source ADD COLUMN checksum INTEGER;
ALTER TABLE publisher ADD COLUMN checksum INTEGER;
)sql";

// Times come nearly in the order of ids: which thousands of ids have them says as much as an index of each, which cost a tenth
// of the file and a sixth of the insert. Warnings are few, and asked for by time. Dropped first: its pages are used again.
constexpr char const* kVersion4 = R"sql(
DROP INDEX record_created_level;
CREATE INDEX record_warnings ON record(created, level) WHERE level >= 30;
CREATE TABLE span(
  first_id INTEGER PRIMARY KEY,
  last_id INTEGER NOT NULL,
  min_created INTEGER NOT NULL,
  max_created INTEGER NOT NULL,
  checksum INTEGER NOT NULL);
)sql";
static_assert(kWarningsFrom == 30);

// A day of counts by level are some thousand rows here, and as many times the call sites in `minute`.
constexpr char const* kVersion5 = R"sql(
CREATE TABLE minute_level(
  minute INTEGER NOT NULL,
  level INTEGER NOT NULL,
  n INTEGER NOT NULL,
  PRIMARY KEY(minute, level)) WITHOUT ROWID;
INSERT INTO minute_level(minute, level, n)
  SELECT minute, level, sum(n) FROM minute JOIN site ON site.id = site_id GROUP BY minute, level;
)sql";

constexpr std::array kSteps{SchemaStep{1, kVersion1}, SchemaStep{2, kVersion2}, SchemaStep{3, kVersion3},
                            SchemaStep{kFirstWithSpans, kVersion4, make_spans},
                            SchemaStep{kFirstWithLevelCounts, kVersion5}};
static_assert(kSteps.back().to == kSchemaVersion);

// LEFT JOIN and ifnull(): a condition on a joined column then cannot turn the join into an inner one, so that the
// planner always starts from `record`. Seconds are rounded down, so that times before 1970 come out right too.
constexpr char const* kViews = R"sql(
CREATE VIEW records AS SELECT
  r.id AS id,
  r.created AS created,
  strftime('%Y-%m-%dT%H:%M:%S', r.created / 1000000000 - (r.created % 1000000000 < 0), 'unixepoch')
    || printf('.%09dZ', (r.created % 1000000000 + 1000000000) % 1000000000) AS time,
  r.level AS level,
  CASE ifnull(s.level_name, '') WHEN '' THEN 'Level ' || r.level ELSE s.level_name END AS level_name,
  ifnull(s.logger, '') AS logger,
  r.message AS message,
  r.fields AS fields,
  ifnull(o.host, '') AS host,
  ifnull(o.process, '') AS process,
  ifnull(o.pid, 0) AS pid,
  ifnull(o.thread, '') AS thread,
  ifnull(o.tid, 0) AS tid,
  ifnull(s.file, '') AS file,
  ifnull(s.line, 0) AS line,
  ifnull(s.function, '') AS function,
  ifnull(s.template, '') AS template,
  r.exception_type AS exception_type,
  r.exception AS exception,
  r.stack AS stack,
  r.task AS task,
  r.attributes AS attributes,
  CASE ifnull(o.publisher_id, 0) WHEN 0 THEN NULL ELSE lower(hex(p.uuid)) END AS publisher,
  ifnull(o.started, 0) AS started,
  ifnull(o.stream, 0) AS stream,
  r.sequence AS sequence
FROM record r
  LEFT JOIN site s ON s.id = r.site_id
  LEFT JOIN source o ON o.id = r.source_id
  LEFT JOIN publisher p ON p.id = o.publisher_id;

CREATE VIEW logs AS SELECT
  strftime('%Y-%m-%dT%H:%M:%S', r.created / 1000000000 - (r.created % 1000000000 < 0), 'unixepoch', 'localtime')
    AS created,
  ifnull(s.logger, '') AS name,
  CASE ifnull(s.level_name, '') WHEN '' THEN 'Level ' || r.level ELSE s.level_name END AS level,
  r.message AS message,
  ifnull(o.host, '') AS hostname,
  CAST(ifnull(o.pid, 0) AS TEXT) AS process,
  CAST(ifnull(o.tid, 0) AS TEXT) AS thread
FROM record r
  LEFT JOIN site s ON s.id = r.site_id
  LEFT JOIN source o ON o.id = r.source_id;
)sql";

int pragma_value(SQLite::Database& db, char const* name) {
  return db.execAndGet(fmt::format("PRAGMA {}", name)).getInt();
}

/// What the store's header says is in one of its tables as well: a number that differs there was not written by another program or version, but changed.
void refuse_damaged_header(SQLite::Database& db, std::string const& path, int application, int version) {
  int written = 0;
  try {
    SQLite::Statement select(db,
                             "SELECT value FROM meta WHERE key = 'schema' AND (SELECT count(*) FROM meta "
                             "WHERE key = 'schema_by' AND value LIKE 'logboom %') = 1");
    if (select.executeStep()) written = select.getColumn(0).getInt();
  } catch (SQLite::Exception const&) {
    return;  // no such table: another program's file, or a blank one
  }
  // One bit: what is further off was written by a program or version that means it.
  auto const bits = [](int a, int b) {
    return std::popcount(static_cast<unsigned>(a) ^ static_cast<unsigned>(b));
  };
  if (written == 0 || bits(application, kApplicationId) + bits(version, written) != 1) return;
  throw StoreError(
      fmt::format("cannot open {}: its header is damaged (application_id {:#x}, schema version {}; it was "
                  "written with {:#x} and {}); `logboom repair` salvages what can be read",
                  path, static_cast<unsigned>(application), version, kApplicationId, written),
      StoreError::Kind::kDamaged);
}

void remake_views(SQLite::Database& db) {
  db.exec("DROP VIEW IF EXISTS records; DROP VIEW IF EXISTS logs;");
  db.exec(kViews);
}

}  // namespace

std::span<SchemaStep const> schema_steps() noexcept { return kSteps; }

SchemaState inspect_schema(SQLite::Database& db, std::string const& path, int newest) {
  SchemaState state;
  int const application = pragma_value(db, "application_id");
  state.version = pragma_value(db, "user_version");
  state.blank = db.execAndGet("SELECT count(*) FROM sqlite_schema").getInt() == 0;
  bool const unmarked = application == 0 && state.version == 0 && state.blank;
  refuse_damaged_header(db, path, application, state.version);
  if (application != kApplicationId && !unmarked) {
    throw StoreError(
        fmt::format("{} is a SQLite file but not a logboom store (application_id {:#x}); name another file",
                    path, static_cast<unsigned>(application)));
  }
  if (state.version > newest) {
    throw StoreError(
        fmt::format("{} was written by a newer logboom (schema version {}, this one knows up to {}); "
                    "upgrade logboom, or name another file",
                    path, state.version, newest));
  }
  return state;
}

bool has_spans(SQLite::Database& db) { return pragma_value(db, "user_version") >= kFirstWithSpans; }

void migrate_schema(SQLite::Database& db, std::string const& path, std::span<SchemaStep const> steps) {
  int const newest = steps.back().to;
  SQLite::Transaction transaction(db, SQLite::TransactionBehavior::IMMEDIATE);
  SchemaState const state = inspect_schema(db, path, newest);
  if (state.version == newest) return;
  for (SchemaStep const& step : steps) {
    if (step.to <= state.version) continue;
    db.exec(step.sql);
    if (step.fill != nullptr) step.fill(db);
  }
  remake_views(db);
  db.exec(fmt::format("PRAGMA application_id={}; PRAGMA user_version={};", kApplicationId, newest));
  db.exec(fmt::format("INSERT OR REPLACE INTO meta(key, value) VALUES('schema', {})", newest));
  db.exec("INSERT OR REPLACE INTO meta(key, value) VALUES('schema_by', 'logboom " LOGBOOM_VERSION
          "');"
          "INSERT OR IGNORE INTO meta(key, value) VALUES('created', strftime('%Y-%m-%dT%H:%M:%SZ', 'now'));");
  if (state.blank) set_empty_bytes(db);
  fault_point("migration.commit");
  transaction.commit();
  fault_point("migration.done");
}

std::vector<std::string> schema_differences(SQLite::Database& db) {
  SQLite::Database made(":memory:", SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
  migrate_schema(made, "");
  SQLite::Statement expected(made, "SELECT type, name, tbl_name, sql FROM sqlite_schema");
  SQLite::Statement find(
      db, "SELECT count(*) FROM sqlite_schema WHERE type = ? AND name = ? AND tbl_name = ? AND sql IS ?");
  std::vector<std::string> differ;
  while (expected.executeStep()) {
    for (int i = 0; i < 4; ++i) {
      if (expected.getColumn(i).isNull())
        find.bind(i + 1);
      else
        find.bind(i + 1, expected.getColumn(i).getString());
    }
    find.executeStep();
    if (find.getColumn(0).getInt() != 1) differ.push_back(expected.getColumn(1).getString());
    find.reset();
  }
  return differ;
}

void mend_views(SQLite::Database& db) {
  SQLite::Transaction transaction(db, SQLite::TransactionBehavior::IMMEDIATE);
  remake_views(db);
  transaction.commit();
}

}  // namespace logboom::store
