#include "store/incoming_rows.hpp"

#include "store/row_check.hpp"

#include <SQLiteCpp/Exception.h>
#include <sqlite3.h>

#include <new>
#include <string_view>

namespace logboom::store {

#define LOGBOOM_COLUMNS                                                                                     \
  "created, level, site_id, source_id, sequence, message, fields, exception_type, exception, stack, task, " \
  "attributes, checksum"

char const* const kInsertIncoming =
    "INSERT INTO record(" LOGBOOM_COLUMNS ") SELECT " LOGBOOM_COLUMNS " FROM incoming";

#define LOGBOOM_COMMON_COLUMNS "created, level, site_id, source_id, sequence, message, fields, checksum"

char const* const kInsertCommonIncoming =
    "INSERT INTO record(" LOGBOOM_COMMON_COLUMNS ") SELECT " LOGBOOM_COMMON_COLUMNS " FROM incoming";

char const* const kInsertFirstIncoming =
    "INSERT INTO record(id, " LOGBOOM_COLUMNS ") SELECT id, " LOGBOOM_COLUMNS " FROM incoming";

namespace {

constexpr char const* kDeclaration = "CREATE TABLE incoming(id, " LOGBOOM_COLUMNS ")";

enum Column : int {
  kId,
  kCreated,
  kLevel,
  kSite,
  kSource,
  kSequence,
  kMessage,
  kFields,
  kExceptionType,
  kException,
  kStack,
  kTask,
  kAttributes,
  kChecksum
};

struct Table : sqlite3_vtab {
  IncomingRows const* rows;
};

struct Cursor : sqlite3_vtab_cursor {
  IncomingRows const* rows;
  std::size_t part;
  std::size_t entry;
  std::int64_t id;

  bool at_end() const noexcept { return part == rows->end; }
  void skip_ended_parts() noexcept {
    while (!at_end() && entry == rows->parts[part].block->entries.size()) {
      ++part;
      entry = 0;
    }
  }
};

int connect(sqlite3* db, void* rows, int, char const* const*, sqlite3_vtab** table, char**) {
  int const declared = sqlite3_declare_vtab(db, kDeclaration);
  if (declared != SQLITE_OK) return declared;
  auto* made = new (std::nothrow) Table{};
  if (made == nullptr) return SQLITE_NOMEM;
  made->rows = static_cast<IncomingRows const*>(rows);
  *table = made;
  return SQLITE_OK;
}

int disconnect(sqlite3_vtab* table) {
  delete static_cast<Table*>(table);
  return SQLITE_OK;
}

int best_index(sqlite3_vtab*, sqlite3_index_info*) { return SQLITE_OK; }

int open(sqlite3_vtab* table, sqlite3_vtab_cursor** cursor) {
  auto* made = new (std::nothrow) Cursor{};
  if (made == nullptr) return SQLITE_NOMEM;
  made->rows = static_cast<Table*>(table)->rows;
  *cursor = made;
  return SQLITE_OK;
}

int close(sqlite3_vtab_cursor* cursor) {
  delete static_cast<Cursor*>(cursor);
  return SQLITE_OK;
}

int filter(sqlite3_vtab_cursor* base, int, char const*, int, sqlite3_value**) {
  auto* cursor = static_cast<Cursor*>(base);
  cursor->part = cursor->rows->begin;
  cursor->entry = 0;
  cursor->id = cursor->rows->first_id;
  cursor->skip_ended_parts();
  return SQLITE_OK;
}

int next(sqlite3_vtab_cursor* base) {
  auto* cursor = static_cast<Cursor*>(base);
  ++cursor->entry;
  ++cursor->id;
  cursor->skip_ended_parts();
  return SQLITE_OK;
}

int eof(sqlite3_vtab_cursor* cursor) { return static_cast<Cursor*>(cursor)->at_end() ? 1 : 0; }

// Borrowed, not copied: the blocks outlive the statement. The size was checked to be far below an int's.
void give_text(sqlite3_context* context, std::string_view text) {
  sqlite3_result_text(context, text.data() != nullptr ? text.data() : "", static_cast<int>(text.size()),
                      SQLITE_STATIC);
}

void give_rare(sqlite3_context* context, std::string_view text) {
  if (!text.empty()) give_text(context, text);  // otherwise NULL, the default result
}

std::int64_t checksum(Cursor const& cursor, IncomingRows::Part const& part, Entry const& entry) {
  RecordCells const cells{{cursor.id, entry.time, part.block->sites[entry.site]->level, part.sites[entry.site],
                           part.sources[entry.source], static_cast<std::int64_t>(entry.sequence)},
                          {entry.message, entry.fields_json, entry.exception_type, entry.exception,
                           entry.stack, entry.task, entry.attributes_json}};
  return cells.checksum();
}

int column(sqlite3_vtab_cursor* base, sqlite3_context* context, int column) {
  auto const* cursor = static_cast<Cursor const*>(base);
  IncomingRows::Part const& part = cursor->rows->parts[cursor->part];
  Entry const& entry = part.block->entries[cursor->entry];
  switch (column) {
    case kId: sqlite3_result_int64(context, cursor->id); break;
    case kCreated: sqlite3_result_int64(context, entry.time); break;
    case kLevel: sqlite3_result_int(context, part.block->sites[entry.site]->level); break;
    case kSite: sqlite3_result_int64(context, part.sites[entry.site]); break;
    case kSource: sqlite3_result_int64(context, part.sources[entry.source]); break;
    case kSequence:
      if (entry.sequence != 0) sqlite3_result_int64(context, static_cast<sqlite3_int64>(entry.sequence));
      break;
    case kMessage: give_text(context, entry.message); break;
    case kFields: give_rare(context, entry.fields_json); break;
    case kExceptionType: give_rare(context, entry.exception_type); break;
    case kException: give_rare(context, entry.exception); break;
    case kStack: give_rare(context, entry.stack); break;
    case kTask: give_rare(context, entry.task); break;
    case kAttributes: give_rare(context, entry.attributes_json); break;
    case kChecksum: sqlite3_result_int64(context, checksum(*cursor, part, entry)); break;
    default: return SQLITE_ERROR;
  }
  return SQLITE_OK;
}

int rowid(sqlite3_vtab_cursor* base, sqlite3_int64* id) {
  *id = static_cast<Cursor const*>(base)->id;
  return SQLITE_OK;
}

// Without xCreate the table is there on every connection that declares the module, and nothing is written to the schema.
sqlite3_module const kModule = [] {
  sqlite3_module module{};
  module.xConnect = connect;
  module.xBestIndex = best_index;
  module.xDisconnect = disconnect;
  module.xOpen = open;
  module.xClose = close;
  module.xFilter = filter;
  module.xNext = next;
  module.xEof = eof;
  module.xColumn = column;
  module.xRowid = rowid;
  return module;
}();

}  // namespace

bool is_rare(Entry const& entry) noexcept {
  return !(entry.exception_type.empty() && entry.exception.empty() && entry.stack.empty() &&
           entry.task.empty() && entry.attributes_json.empty());
}

bool IncomingRows::show_next() noexcept {
  begin = end;
  while (end < parts.size() && parts[end].rare == parts[begin].rare) ++end;
  return begin < end;
}

void declare_incoming(SQLite::Database& db, IncomingRows const& rows) {
  // SQLite takes the client data as void*; connect() gives it its const back.
  void* data = const_cast<IncomingRows*>(&rows);
  if (sqlite3_create_module(db.getHandle(), "incoming", &kModule, data) != SQLITE_OK) {
    throw SQLite::Exception(db.getHandle());
  }
}

}  // namespace logboom::store
