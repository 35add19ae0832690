// A file that logboom 0.1 wrote: every later version reads it, goes on writing it, and brings it to its own schema.
#include "store_fixture.hpp"

#include "store/closed_files.hpp"
#include "store/schema.hpp"
#include "store/store_reader.hpp"

#include <gmock/gmock.h>

#include <iterator>
#include <set>

namespace logboom::store {
namespace {

class GoldenStoreTest : public StoreTest {
 protected:
  void SetUp() override {
    StoreTest::SetUp();
    std::ifstream file(LOGBOOM_SOURCE_DIR "/tests/unit/golden/store_v1.sql");
    std::string const sql{std::istreambuf_iterator<char>(file), {}};
    ASSERT_FALSE(sql.empty());
    SQLite::Database db(path, SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
    db.exec(sql);
  }
  std::set<std::string> schema(std::string const& file) const {
    std::set<std::string> found;
    SQLite::Database db(file);
    SQLite::Statement select(db, "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL");
    while (select.executeStep()) found.insert(select.getColumn(0).getString());
    return found;
  }
};

TEST_F(GoldenStoreTest, IsReadAndGoneOnWith) {
  {
    StoreWriter writer(path);  // migrates it, once there is something to migrate to
    EXPECT_EQ(writer.last_id(), 7);
    ASSERT_EQ(writer.ledger().size(), 3U);
    writer.write(blocks_of(make_block(9, 1, 3)));
  }
  EXPECT_EQ(number("PRAGMA user_version"), kSchemaVersion);
  std::vector<Record> records;
  query(path, {}, [&](Record const& record) {
    records.push_back(record);
    return true;
  });
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

TEST_F(GoldenStoreTest, IsReadAsAClosedFileAndGoneOnAfter) {
  auto const closed = closed_path(path, 1'795'168'800, 1);
  std::filesystem::create_directory(closed_directory(path));
  std::filesystem::rename(path, closed);
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

TEST_F(GoldenStoreTest, ANewFileOfTheSameVersionHasTheSameSchema) {
  auto const fresh = (directory / "fresh.sqlite").string();
  { StoreWriter const writer(fresh); }
  { StoreWriter const writer(path); }
  // Migrated or made anew: a change to version 1 itself would be neither.
  EXPECT_EQ(schema(path), schema(fresh));
}

}  // namespace
}  // namespace logboom::store
