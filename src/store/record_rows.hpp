// Turns rows of the store's `record` table into records, with their sites and sources.
// Must not know which rows somebody wants.
#pragma once

#include "record/block.hpp"
#include "store/dictionary.hpp"

#include <logboom/record.hpp>

#include <SQLiteCpp/Statement.h>

#include <cstdint>
#include <memory>
#include <string>

namespace logboom::store {

/// What a statement has to select, in this order, for RecordRows::read().
inline constexpr char const* kRecordColumns =
    "r.id, r.created, r.level, r.site_id, r.source_id, r.sequence, r.message, r.fields, r.exception_type, "
    "r.exception, "
    "r.stack, r.task, r.attributes";

/// The same for read_tested_row(): with the texts, or the fields, or neither.
std::string tested_columns(bool texts, bool fields);

/// Of the record only its id and what Selection::passes() looks at: most rows are read to be refused.
Record read_tested_row(SQLite::Statement& row);

class RecordRows {
 public:
  explicit RecordRows(SQLite::Database& db);

  /// The record of the row that `row` stands on. JSON that cannot be read becomes the field `…`.
  Record read(SQLite::Statement& row);

 private:
  std::shared_ptr<Site const> site(std::int64_t id);
  std::shared_ptr<Source const> source(std::int64_t id);

  SQLite::Statement find_site_, find_source_;
  Dictionary<std::int64_t, std::shared_ptr<Site const>> sites_;
  Dictionary<std::int64_t, std::shared_ptr<Source const>> sources_;
};

}  // namespace logboom::store
