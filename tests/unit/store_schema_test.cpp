// What the store takes for a store, migrations, and the plans that SQLite makes for its views.
#include "store_fixture.hpp"

#include "store/schema.hpp"

#include <gmock/gmock.h>

namespace logboom::store {
namespace {

using testing::HasSubstr;
using testing::Not;

class StoreSchemaTest : public StoreTest {
 protected:
  std::string refusal(StoreError::Kind kind = StoreError::Kind::kUnusable) const {
    try {
      StoreWriter const writer(path);
    } catch (StoreError const& error) {
      EXPECT_EQ(error.kind(), kind);
      EXPECT_THAT(error.what(), HasSubstr(path));
      EXPECT_THAT(error.what(), Not(HasSubstr("\n")));
      return error.what();
    }
    return "accepted";
  }

  void run(std::string const& sql) const {
    SQLite::Database(path, SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE).exec(sql);
  }

  std::string plan(std::string const& sql) const { return sqlite3("EXPLAIN QUERY PLAN " + sql); }
};

TEST_F(StoreSchemaTest, MarksItsFile) {
  { StoreWriter const writer(path); }
  EXPECT_EQ(number("PRAGMA application_id"), kApplicationId);
  EXPECT_EQ(number("PRAGMA user_version"), kSchemaVersion);
  EXPECT_EQ(number("PRAGMA page_size"), 16'384);
  EXPECT_EQ(sqlite3("PRAGMA journal_mode"), "wal");
}

// By it retention knows how much a file has grown.
TEST_F(StoreSchemaTest, AFileSaysHowLargeItWasWhenItWasEmpty) {
  StoreWriter writer(path);
  auto const empty = number("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size");
  writer.write(blocks_of(make_block(1, 1, 1'000)));
  EXPECT_EQ(number("SELECT value FROM meta WHERE key = 'empty_bytes'"), empty);
  EXPECT_GT(number("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"), empty);
}

TEST_F(StoreSchemaTest, NewerVersionIsRefusedAndLeftAlone) {
  { StoreWriter const writer(path); }
  run("PRAGMA user_version=99");
  EXPECT_THAT(refusal(), HasSubstr("newer logboom (schema version 99"));
  EXPECT_EQ(number("PRAGMA user_version"), 99);
}

TEST_F(StoreSchemaTest, OtherDatabasesAreRefusedAndLeftAlone) {
  run("CREATE TABLE mine(x)");
  EXPECT_THAT(refusal(), HasSubstr("not a logboom store"));
  EXPECT_EQ(sqlite3(".tables"), "mine");
  EXPECT_EQ(sqlite3("PRAGMA journal_mode"), "delete");
}

TEST_F(StoreSchemaTest, WhatIsNoDatabaseIsRefused) {
  std::ofstream(path) << std::string(5'000, 'x');
  EXPECT_THAT(refusal(StoreError::Kind::kDamaged), HasSubstr("no SQLite file or its header is damaged"));
  EXPECT_EQ(std::filesystem::file_size(path), 5'000U);
}

TEST_F(StoreSchemaTest, DamagedHeaderIsRefused) {
  { StoreWriter(path).write(blocks_of(make_block(1, 1, 10))); }
  std::fstream(path, std::ios::in | std::ios::out | std::ios::binary).write("\0\0\0\0\0\0\0\0", 8);
  EXPECT_THAT(refusal(StoreError::Kind::kDamaged), HasSubstr("header is damaged"));
}

TEST_F(StoreSchemaTest, DirectoriesAndMissingDirectoriesAreNamed) {
  path = directory.string();
  EXPECT_THAT(refusal(), HasSubstr("is a directory"));
  path = (directory / "missing" / "logs.sqlite").string();
  EXPECT_THAT(refusal(), HasSubstr("No such file or directory"));
}

TEST_F(StoreSchemaTest, AnEmptyFileBecomesAStore) {
  std::ofstream(path).flush();
  { StoreWriter const writer(path); }
  EXPECT_EQ(number("PRAGMA user_version"), kSchemaVersion);
}

TEST_F(StoreSchemaTest, AMarkedFileOfVersion0IsMigrated) {
  run("PRAGMA application_id=0x6c6f6762; CREATE VIEW logs AS SELECT 'stale' AS created;");
  StoreWriter(path).write(blocks_of(make_block(1, 1, 1)));
  EXPECT_EQ(number("PRAGMA user_version"), kSchemaVersion);
  EXPECT_EQ(sqlite3("SELECT message FROM logs"), "message 1");
}

constexpr SchemaStep kSynthetic[] = {
    {kSchemaVersion, "CREATE TABLE never(x);"},
    {kSchemaVersion + 1, "ALTER TABLE record ADD COLUMN colour TEXT; UPDATE record SET colour = 'red';"},
    {kSchemaVersion + 2, "CREATE TABLE later(x); INSERT INTO later SELECT id FROM record;"},
};

TEST_F(StoreSchemaTest, MigrationTakesTheMissingStepsInOrder) {
  { StoreWriter(path).write(blocks_of(make_block(1, 1, 3))); }
  {
    SQLite::Database db(path, SQLite::OPEN_READWRITE);
    migrate_schema(db, path, kSynthetic);
    migrate_schema(db, path, kSynthetic);  // nothing to do
  }
  EXPECT_EQ(number("PRAGMA user_version"), kSchemaVersion + 2);
  EXPECT_EQ(sqlite3("SELECT count(*) FROM record WHERE colour = 'red'; SELECT count(*) "
                    "FROM later; "
                    "SELECT count(*) FROM sqlite_schema WHERE name = 'never'; SELECT count(*) FROM logs"),
            "3\n3\n0\n3");
  EXPECT_THAT(refusal(), HasSubstr("newer"));
}

TEST_F(StoreSchemaTest, AFailingStepLeavesTheFileAsItWas) {
  { StoreWriter(path).write(blocks_of(make_block(1, 1, 3))); }
  std::string const before = sqlite3("PRAGMA user_version; SELECT sql FROM sqlite_schema");
  constexpr SchemaStep kBroken[] = {
      kSynthetic[0],
      kSynthetic[1],
      {kSchemaVersion + 2, "CREATE TABLE later(x); INSERT INTO absent VALUES(1);"}};
  {
    SQLite::Database db(path, SQLite::OPEN_READWRITE);
    EXPECT_THROW(migrate_schema(db, path, kBroken), SQLite::Exception);
  }
  EXPECT_EQ(sqlite3("PRAGMA user_version; SELECT sql FROM sqlite_schema"), before);
  StoreWriter(path).write(blocks_of(make_block(1, 4, 1)));
}

TEST_F(StoreSchemaTest, TheManualsQueriesRun) {
  auto const now = std::chrono::system_clock::now().time_since_epoch() / std::chrono::nanoseconds(1);
  { StoreWriter(path).write(blocks_of(make_block(1, 1, 3), make_block(2, 1, 4, now))); }
  std::ifstream manual(LOGBOOM_SOURCE_DIR "/docs/store.md");
  std::string sql;
  int queries = 0;
  for (std::string line; std::getline(manual, line);) {
    if (!line.starts_with("    SELECT ")) continue;
    sql += line + "\n";
    ++queries;
  }
  EXPECT_GE(queries, 5);
  std::string const answer = sqlite3(sql);
  EXPECT_THAT(answer, Not(HasSubstr("rror")));
  EXPECT_THAT(answer, HasSubstr(":00|20|4")) << "of the last day, by minute and level";
}

// The planner must start from `record`, by id or by the index, whatever is asked of the joined columns.
TEST_F(StoreSchemaTest, ViewsDoNotConfuseThePlanner) {
  { StoreWriter const writer(path); }
  EXPECT_THAT(plan("SELECT * FROM records ORDER BY id DESC LIMIT 100"), HasSubstr("--SCAN r\n"));
  EXPECT_THAT(plan("SELECT * FROM records WHERE created > 5 AND level >= 30 ORDER BY created DESC LIMIT 200"),
              HasSubstr("--SEARCH r USING INDEX record_warnings (created>?)\n"));
  EXPECT_THAT(
      plan("SELECT * FROM records WHERE logger = 'net' AND host = 'h' AND created > 5 AND level >= 30"),
      HasSubstr("PLAN\n|--SEARCH r USING INDEX record_warnings (created>?)\n"));
  EXPECT_THAT(
      plan("SELECT * FROM records WHERE created >= 5 AND id >= ifnull((SELECT min(first_id) FROM span WHERE "
           "max_created >= 5), (SELECT max(last_id) FROM span))"),
      HasSubstr("PLAN\n|--SEARCH r USING INTEGER PRIMARY KEY (rowid>?)\n"));
  for (char const* sql :
       {"SELECT * FROM records WHERE logger = 'net' ORDER BY id DESC LIMIT 200",
        "SELECT * FROM records WHERE host = 'h' AND pid = 7 ORDER BY id",
        "SELECT count(*) FROM logs WHERE name = 'net'", "SELECT * FROM logs", "SELECT created FROM logs",
        "SELECT * FROM logs WHERE level = 'ERROR' AND hostname = 'h'"}) {
    std::string const found = plan(sql);
    EXPECT_THAT(found, testing::AnyOf(HasSubstr("PLAN\n|--SCAN r\n"), testing::EndsWith("PLAN\n`--SCAN r")))
        << sql;
    EXPECT_THAT(found, Not(HasSubstr("TEMP B-TREE"))) << sql;
  }
}

}  // namespace
}  // namespace logboom::store
