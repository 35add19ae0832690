// Files that logboom wrote, one of each version of the schema: every later version reads them, goes on writing them, and brings them to its own schema.
#include "store_fixture.hpp"

#include "store/closed_files.hpp"
#include "store/inspection.hpp"
#include "store/schema.hpp"
#include "store/store_reader.hpp"

#include <gmock/gmock.h>

#include <iterator>
#include <set>

namespace logboom::store {
namespace {

class GoldenStoreTest : public StoreTest {
 protected:
  void make(int version, std::string const& file) const {
    std::ifstream golden(fmt::format("{}/tests/unit/golden/store_v{}.sql", LOGBOOM_SOURCE_DIR, version));
    std::string const sql{std::istreambuf_iterator<char>(golden), {}};
    ASSERT_FALSE(sql.empty());
    SQLite::Database db(file, SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
    db.exec(sql);
  }
  /// @return its name
  std::string make_closed(int version) const {
    make(version, path);
    auto const closed = closed_path(path, 1'795'168'800, 1);
    std::filesystem::create_directory(closed_directory(path));
    std::filesystem::rename(path, closed);
    return closed;
  }
  std::vector<Record> all_records() const {
    std::vector<Record> records;
    query(path, {}, [&](Record const& record) {
      records.push_back(record);
      return true;
    });
    return records;
  }
  std::set<std::string> schema(std::string const& file) const {
    std::set<std::string> found;
    SQLite::Database db(file);
    SQLite::Statement select(db, "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL");
    while (select.executeStep()) found.insert(select.getColumn(0).getString());
    return found;
  }
};

TEST_F(GoldenStoreTest, Version1IsReadAndGoneOnWith) {
  make(1, path);
  {
    StoreWriter writer(path);  // migrates it, once there is something to migrate to
    EXPECT_EQ(writer.last_id(), 7);
    ASSERT_EQ(writer.ledger().size(), 3U);
    writer.write(blocks_of(make_block(9, 1, 3)));
  }
  EXPECT_EQ(number("PRAGMA user_version"), kSchemaVersion);
  auto const records = all_records();
  ASSERT_EQ(records.size(), 10U);
  EXPECT_EQ(records[0].logger, "backup.disk");
  EXPECT_EQ(records[0].message, "no space left");
  EXPECT_EQ(records[0].level, 40);
  EXPECT_EQ(records[0].fields.at(1).first, "free");
  EXPECT_EQ(records[1].message, "structured ü");
  EXPECT_EQ(records[1].exception, "Traceback: x");
  EXPECT_EQ(records[1].task, "load");
  EXPECT_EQ(records[5].message, "record 3 of thread 0");
  EXPECT_EQ(records[5].sequence, 3U);
  EXPECT_EQ(records[6].level, 35);
  EXPECT_EQ(records[6].time, 1'795'168'800'000'000'000);
  EXPECT_EQ(records[6].host, "other");
  EXPECT_EQ(records[6].stack, "at 1");
  EXPECT_EQ(records[9].id, 10);
  EXPECT_EQ(number("SELECT count(*) FROM logs"), 10);
  EXPECT_EQ(number("SELECT sum(n) FROM minute"), 10);
  EXPECT_EQ(number("SELECT last - first + 1 FROM gap"), 8);
  EXPECT_EQ(sqlite3("PRAGMA integrity_check"), "ok");
}

TEST_F(GoldenStoreTest, Version1IsReadAsAClosedFileAndGoneOnAfter) {
  auto const closed = make_closed(1);
  {
    StoreWriter writer(path);
    EXPECT_EQ(writer.last_id(), 7);
    EXPECT_EQ(writer.ledger().size(), 3U);
    writer.write(blocks_of(make_block(9, 1, 3)));
  }
  std::vector<std::int64_t> ids;
  std::string first;
  query(path, {}, [&](Record const& record) {
    if (ids.empty()) first = record.message;
    ids.push_back(record.id);
    return true;
  });
  EXPECT_THAT(ids, testing::ElementsAre(1, 2, 3, 4, 5, 6, 7, 8, 9, 10));
  EXPECT_EQ(first, "no space left");
  EXPECT_EQ(number("SELECT count(*) FROM ledger"), 4);
  EXPECT_EQ(SQLite::Database(closed).execAndGet("PRAGMA user_version").getInt(), 1) << "nobody migrates it";
}

void expect_version_2(std::vector<Record> const& records) {
  ASSERT_GE(records.size(), 15U);
  EXPECT_EQ(records[2].message, "no space left");
  EXPECT_EQ(records[2].level, 40);
  EXPECT_EQ(records[2].fields.at(1).first, "free");
  EXPECT_EQ(records[10].message, "record 3 of thread 0");
  EXPECT_EQ(records[10].sequence, 3U);
  EXPECT_EQ(records[10].stream, 1U);
  EXPECT_EQ(records[10].template_text, "record {i} of thread {t}");
  EXPECT_EQ(records[12].time, 1'795'168'800'000'000'000);
  EXPECT_EQ(records[12].level, 35);
  EXPECT_EQ(records[12].host, "other");
  EXPECT_EQ(records[12].stack, "at 1");
  EXPECT_EQ(records[13].message, "structured ü");
  EXPECT_EQ(records[13].exception_type, "KeyError");
  EXPECT_EQ(records[13].task, "load");
  EXPECT_EQ(records[14].message, "stopped");
}

std::vector<Missing> missing_in(std::vector<Progress> const& ledger) {
  std::vector<Missing> missing;
  for (auto const& one : ledger) missing.insert(missing.end(), one.missing.begin(), one.missing.end());
  return missing;
}

TEST_F(GoldenStoreTest, Version2IsReadAndGoneOnWith) {
  make(2, path);
  {
    StoreWriter writer(path);
    EXPECT_EQ(writer.last_id(), 15);
    ASSERT_EQ(writer.ledger().size(), 4U);
    EXPECT_EQ(missing_in(writer.ledger()), (std::vector<Missing>{{11, 20, false}, {31, 35, true}}));
    writer.write(blocks_of(make_block(9, 1, 3)));
  }
  EXPECT_EQ(number("PRAGMA user_version"), kSchemaVersion);
  auto const records = all_records();
  ASSERT_EQ(records.size(), 18U);
  expect_version_2(records);
  EXPECT_EQ(records[17].id, 18);
  EXPECT_EQ(number("SELECT count(*) FROM logs"), 18);
  EXPECT_EQ(number("SELECT sum(n) FROM minute"), 18);
  EXPECT_EQ(number("SELECT last - first + 1 FROM gap"), 5);
  EXPECT_EQ(sqlite3("PRAGMA integrity_check"), "ok");
}

TEST_F(GoldenStoreTest, Version2IsReadAsAClosedFileAndGoneOnAfter) {
  auto const closed = make_closed(2);
  {
    StoreWriter writer(path);
    EXPECT_EQ(writer.last_id(), 15);
    EXPECT_EQ(missing_in(writer.ledger()), (std::vector<Missing>{{11, 20, false}, {31, 35, true}}));
    writer.write(blocks_of(make_block(9, 1, 3)));
  }
  auto const records = all_records();
  ASSERT_EQ(records.size(), 18U);
  expect_version_2(records);
  EXPECT_EQ(SQLite::Database(closed).execAndGet("PRAGMA user_version").getInt(), 2) << "nobody migrates it";
}

void expect_version_3(std::vector<Record> const& records) {
  ASSERT_GE(records.size(), 11U);
  EXPECT_EQ(records[1].message, "no space left");
  EXPECT_EQ(records[1].level, 40);
  EXPECT_EQ(records[1].fields.at(1).first, "free");
  EXPECT_EQ(records[2].time, 1'795'168'800'000'000'000);
  EXPECT_EQ(records[2].level, 35);
  EXPECT_EQ(records[2].stack, "at 1");
  EXPECT_EQ(records[6].message, "structured ü");
  EXPECT_EQ(records[6].exception_type, "KeyError");
  EXPECT_EQ(records[6].task, "load");
  EXPECT_EQ(records[10].message, "by hand");
  EXPECT_EQ(records[10].sequence, 0U);
  EXPECT_EQ(records[10].host, "other");
}

TEST_F(GoldenStoreTest, Version3IsReadAndGoneOnWith) {
  make(3, path);
  {
    StoreWriter writer(path);
    EXPECT_EQ(writer.last_id(), 11);
    EXPECT_EQ(number("SELECT count(*) FROM span"), 1) << "made of the records that were there";
    EXPECT_EQ(number("SELECT last_id FROM span"), 11);
    EXPECT_EQ(number("SELECT min_created FROM span"), 1'795'168'800'000'000'000);
    EXPECT_EQ(number("SELECT max_created FROM span"), 1'795'698'973'000'000'000);
    EXPECT_EQ(missing_in(writer.ledger()), (std::vector<Missing>{{11, 20, false}, {31, 35, true}}));
    writer.write(blocks_of(make_block(9, 1, 3)));
  }
  EXPECT_EQ(number("PRAGMA user_version"), kSchemaVersion);
  auto const records = all_records();
  ASSERT_EQ(records.size(), 14U);
  expect_version_3(records);
  EXPECT_EQ(number("SELECT last_id FROM span"), 14);
  EXPECT_EQ(number("SELECT count(*) FROM record INDEXED BY record_warnings WHERE level >= 30"), 3);
  EXPECT_EQ(number("SELECT sum(n) FROM minute"), 14);
  EXPECT_EQ(number("SELECT sum(n) FROM minute_level"), 14);
  EXPECT_TRUE(inspect_file(path).whole());
  EXPECT_EQ(sqlite3("PRAGMA integrity_check"), "ok");
}

TEST_F(GoldenStoreTest, Version3IsReadAsAClosedFileAndGoneOnAfter) {
  auto const closed = make_closed(3);
  {
    StoreWriter writer(path);
    EXPECT_EQ(writer.last_id(), 11);
    writer.write(blocks_of(make_block(9, 1, 3)));
  }
  auto const records = all_records();
  ASSERT_EQ(records.size(), 14U);
  expect_version_3(records);
  EXPECT_EQ(SQLite::Database(closed).execAndGet("PRAGMA user_version").getInt(), 3) << "nobody migrates it";
}

void expect_version_4(std::vector<Record> const& records) {
  ASSERT_GE(records.size(), 12U);
  EXPECT_EQ(records[1].message, "no space left");
  EXPECT_EQ(records[1].level, 40);
  EXPECT_EQ(records[1].fields.at(1).first, "free");
  EXPECT_EQ(records[2].time, 1'795'168'800'000'000'000);
  EXPECT_EQ(records[2].level, 35);
  EXPECT_EQ(records[2].stack, "at 1");
  EXPECT_EQ(records[7].message, "structured ü");
  EXPECT_EQ(records[7].exception_type, "KeyError");
  EXPECT_EQ(records[7].task, "load");
  EXPECT_EQ(records[9].message, "sent by a publisher");
  EXPECT_EQ(records[9].sequence, 1U);
}

TEST_F(GoldenStoreTest, Version4IsReadAndGoneOnWith) {
  make(4, path);
  {
    StoreWriter writer(path);
    EXPECT_EQ(writer.last_id(), 12);
    EXPECT_EQ(sqlite3("SELECT level, n FROM minute_level WHERE minute = 29928316"), "20|2\n30|1")
        << "made of the counts that were there";
    writer.write(blocks_of(make_block(9, 1, 3)));
  }
  EXPECT_EQ(number("PRAGMA user_version"), kSchemaVersion);
  auto const records = all_records();
  ASSERT_EQ(records.size(), 15U);
  expect_version_4(records);
  EXPECT_EQ(number("SELECT last_id FROM span"), 15);
  EXPECT_EQ(number("SELECT sum(n) FROM minute"), 15);
  EXPECT_EQ(number("SELECT sum(n) FROM minute_level"), 15);
  EXPECT_TRUE(inspect_file(path).whole());
  EXPECT_EQ(sqlite3("PRAGMA integrity_check"), "ok");
}

TEST_F(GoldenStoreTest, Version4IsReadAsAClosedFileAndGoneOnAfter) {
  auto const closed = make_closed(4);
  {
    StoreWriter writer(path);
    EXPECT_EQ(writer.last_id(), 12);
    writer.write(blocks_of(make_block(9, 1, 3)));
  }
  auto const records = all_records();
  ASSERT_EQ(records.size(), 15U);
  expect_version_4(records);
  EXPECT_TRUE(inspect_file(closed).whole());
  EXPECT_EQ(SQLite::Database(closed).execAndGet("PRAGMA user_version").getInt(), 4) << "nobody migrates it";
}

// Closed files stay as they are: times are asked of those with spans and of those without.
TEST_F(GoldenStoreTest, TimesAreFoundInFilesOfEachVersion) {
  for (int const version : {1, 2, 3, 4}) {
    auto const file = (directory / fmt::format("old{}.sqlite", version)).string();
    make(version, file);
    auto const found = [&](std::optional<Level> level) {
      Query asked;
      asked.filter.since = 1'795'168'800'000'000'000;
      asked.filter.until = 1'795'168'800'000'000'001;
      asked.filter.level = level;
      std::vector<Level> levels;
      query(file, asked, [&](Record const& record) {
        levels.push_back(record.level);
        return true;
      });
      return levels;
    };
    for (int i = 0; i < 2; ++i) {
      EXPECT_THAT(found({}), testing::ElementsAre(35)) << "version " << version;
      EXPECT_THAT(found(30), testing::ElementsAre(35)) << "version " << version;
      EXPECT_THAT(found(40), testing::IsEmpty()) << "version " << version;
      StoreWriter const migrates(file);
    }
  }
}

// The old index is freed page by page: where it leads to another table's page, that one would be.
TEST_F(GoldenStoreTest, ADamagedFileIsNotMigrated) {
  make(3, path);
  SQLite::Database(path, SQLite::OPEN_READWRITE)
      .exec(
          "PRAGMA writable_schema=ON; UPDATE sqlite_schema SET rootpage = (SELECT rootpage FROM "
          "sqlite_schema WHERE name = 'gap_stream') WHERE name = 'record_created_level'");
  try {
    StoreWriter const writer(path);
    FAIL() << "accepted";
  } catch (StoreError const& error) {
    EXPECT_EQ(error.kind(), StoreError::Kind::kDamaged) << error.what();
    EXPECT_THAT(error.what(), testing::Not(testing::HasSubstr("\n")));
  }
  EXPECT_EQ(number("PRAGMA user_version"), 3);
}

TEST_F(GoldenStoreTest, ANewFileOfTheSameVersionHasTheSameSchema) {
  auto const fresh = (directory / "fresh.sqlite").string();
  { StoreWriter const writer(fresh); }
  for (int const version : {1, 2, 3, 4}) {
    auto const old = (directory / fmt::format("old{}.sqlite", version)).string();
    make(version, old);
    { StoreWriter const writer(old); }
    // Migrated or made anew: a change to a version itself would be neither.
    EXPECT_EQ(schema(old), schema(fresh)) << "version " << version;
  }
}

}  // namespace
}  // namespace logboom::store
