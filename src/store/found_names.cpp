#include "store/found_names.hpp"

#include "store/row_check.hpp"
#include "store/scoped_reset.hpp"

#include <string>
#include <string_view>

namespace logboom::store {
namespace {

// `said`: who says so, a bit each.
constexpr int kProvenTable = 1, kIndex = 2, kUnprovenTable = 4;

template <class Row>
int said_by(Row const& row, FoundIn in) noexcept {
  if (in == FoundIn::kIndex) return kIndex;
  return row.proof == Proof::kRight ? kProvenTable : kUnprovenTable;
}

void bind(SQLite::Statement& statement, int at, std::string_view text) {
  statement.bind(at, std::string(text));  // with NULs, if need be
}

}  // namespace

FoundNames::Prepared::Prepared(SQLite::Database& db) {
  db.exec(R"sql(
CREATE TEMP TABLE found_site(id, level, line, logger, level_name, file, function, template, checksum, said,
  UNIQUE(id, level, line, logger, level_name, file, function, template));
CREATE TEMP TABLE found_source(id, publisher_id, pid, started, stream, tid, host, process, thread, checksum, said,
  UNIQUE(id, publisher_id, pid, started, stream, tid, host, process, thread));
CREATE TEMP TABLE found_publisher(id, uuid, checksum, said, UNIQUE(id, uuid));
)sql");
}

FoundNames::FoundNames(SQLite::Database& db)
    : db_(db),
      prepared_(db),
      add_site_(db,
                "INSERT INTO found_site VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
                "ON CONFLICT DO UPDATE SET said = said | excluded.said"),
      add_source_(db,
                  "INSERT INTO found_source VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
                  "ON CONFLICT DO UPDATE SET said = said | excluded.said"),
      add_publisher_(db,
                     "INSERT INTO found_publisher VALUES(?, ?, ?, ?) "
                     "ON CONFLICT DO UPDATE SET said = said | excluded.said") {}

void FoundNames::add(SiteRow const& row, FoundIn in) {
  ScopedReset const reset(add_site_);
  int at = 1;
  for (auto const value : {row.id, row.level, row.line}) add_site_.bind(at++, value);
  for (auto const text : {row.logger, row.level_name, row.file, row.function, row.template_text})
    bind(add_site_, at++, text);
  add_site_.bind(at++, row.checksum());
  add_site_.bind(at, said_by(row, in));
  add_site_.exec();
}

void FoundNames::add(SourceRow const& row, FoundIn in) {
  ScopedReset const reset(add_source_);
  int at = 1;
  for (auto const value :
       {row.id, row.cells.publisher_id, row.cells.pid, row.cells.started, row.cells.stream, row.cells.tid})
    add_source_.bind(at++, value);
  for (auto const text : {row.cells.host, row.cells.process, row.cells.thread}) bind(add_source_, at++, text);
  add_source_.bind(at++, row.cells.checksum());
  add_source_.bind(at, said_by(row, in));
  add_source_.exec();
}

void FoundNames::add(PublisherRow const& row, FoundIn in) {
  if (row.id == 0) return;  // is there already
  ScopedReset const reset(add_publisher_);
  add_publisher_.bind(1, row.id);
  add_publisher_.bind(2, row.uuid.data(), static_cast<int>(row.uuid.size()));
  add_publisher_.bind(3, publisher_checksum(row.uuid));
  add_publisher_.bind(4, said_by(row, in));
  add_publisher_.exec();
}

// OR IGNORE: the first of an id, and of a content, stays. A row of a text index may look like a publisher without a checksum: such go last, and only where they are referred to.
void FoundNames::settle() {
  db_.exec(R"sql(
INSERT OR IGNORE INTO site(id, level, line, logger, level_name, file, function, template, checksum)
  SELECT id, level, line, logger, level_name, file, function, template, checksum FROM found_site
  ORDER BY said IN (3, 6, 7) DESC, id IN (SELECT site_id FROM record) DESC, said;
INSERT OR IGNORE INTO source(id, publisher_id, pid, started, stream, tid, host, process, thread, checksum)
  SELECT id, publisher_id, pid, started, stream, tid, host, process, thread, checksum FROM found_source
  ORDER BY said IN (3, 6, 7) DESC, id IN (SELECT source_id FROM record) DESC, said;
INSERT OR IGNORE INTO publisher(id, uuid, checksum)
  SELECT id, uuid, checksum FROM (SELECT *, id IN (SELECT publisher_id FROM source UNION SELECT publisher_id
    FROM ledger UNION SELECT publisher_id FROM gap) AS used FROM found_publisher)
  WHERE said <> 4 OR used
  ORDER BY said IN (3, 6, 7) DESC, used DESC, said;
DROP TABLE found_site; DROP TABLE found_source; DROP TABLE found_publisher;
)sql");
}

}  // namespace logboom::store
