// The store's schema: what makes a file a store, its DDL, and the steps from older versions to this one. Explained in docs/store.md.
// Must not know how records get in or out.
#pragma once

#include <SQLiteCpp/Database.h>

#include <span>
#include <string>
#include <vector>

namespace logboom::store {

inline constexpr int kApplicationId = 0x6c6f6762;  // "logb", in the file's header
inline constexpr int kSchemaVersion = 5;           // PRAGMA user_version
inline constexpr int kOldestRead = 1;  // what readers ask for is in it: closed files stay as they were written

inline constexpr int kFirstWithSpans = 4;
inline constexpr int kFirstWithLevelCounts = 5;  // `minute_level`
inline constexpr int kWarningsFrom = 30;  // level: `record_warnings`, the index by time, has those from it on

/// Of a row of `record` the minute that the roll-ups have it under, in SQL: minute_of() of rollup.hpp.
inline constexpr char const* kMinuteOfRecord =
    "(created - (created % 60000000000 + 60000000000) % 60000000000) / 60000000000";

/// SQL that brings a file of version `to - 1` to version `to`, and what SQL cannot say. Version 0 has no tables. Views are not
/// versioned: they hold no data, so every migration drops and remakes them.
struct SchemaStep {
  int to;
  char const* sql;
  void (*fill)(SQLite::Database& db) = nullptr;
};

/// All steps, ascending and without holes; the last one leads to kSchemaVersion.
std::span<SchemaStep const> schema_steps() noexcept;

/// What the file is, by its header alone.
struct SchemaState {
  int version = 0;
  bool blank =
      false;  // a database without any table: what a new file is, or one whose maker died before its first commit
};

/// @throws StoreError when it is no store, or one of a version above `newest`.
SchemaState inspect_schema(SQLite::Database& db, std::string const& path, int newest = kSchemaVersion);

/// Of a version with the table `span`; older ones have an index over all times instead. @throws SQLite::Exception
bool has_spans(SQLite::Database& db);

/// Brings the file to the last of `steps`, in one transaction: all or nothing. Does nothing when it is there already.
/// @throws StoreError as inspect_schema(); SQLite::Exception when a step fails (the file is as it was).
void migrate_schema(SQLite::Database& db, std::string const& path,
                    std::span<SchemaStep const> steps = schema_steps());

/// What of the tables, indexes and views of this version is not there as it was made, by name: what else is there is its user's. @throws SQLite::Exception
std::vector<std::string> schema_differences(SQLite::Database& db);

/// Makes the views anew, in a transaction of its own: they hold no data. @throws SQLite::Exception
void mend_views(SQLite::Database& db);

}  // namespace logboom::store
