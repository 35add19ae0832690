// A store of many files: when a new one is begun, what goes by age and size, and that readers see all files as one.
// ctest: timeout=180
#include "store_retention_fixture.hpp"

#include "store/closed_form.hpp"
#include "store/ledger_reader.hpp"
#include "store/next_file.hpp"
#include "store/store_size.hpp"

#include <gmock/gmock.h>

#include <filesystem>
#include <map>
#include <random>
#include <stdexcept>
#include <thread>

namespace logboom::store {
namespace {

using std::chrono::seconds;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

TEST_F(RetentionTest, ItsSizeIsThatOfAllFiles) {
  StoreWriter writer(path, options);
  EXPECT_FALSE(before_closed(path));
  close_files(writer, 2);
  auto const closed = list_closed(path);
  ASSERT_THAT(closed, SizeIs(2));
  std::uintmax_t closed_bytes = 0;
  for (auto const& file : closed) closed_bytes += std::filesystem::file_size(file.path);
  EXPECT_GE(bytes_on_disk(path), closed_bytes + std::filesystem::file_size(path));
  EXPECT_EQ(before_closed(path), 0);
  remove_closed(closed.front());
  EXPECT_EQ(before_closed(path), closed.back().first_id - 1);
}

TEST_F(RetentionTest, NamesSayWhenAFileBeganAndWithWhichRecord) {
  auto const closed = closed_path(path, kStart, 42);
  EXPECT_EQ(closed, path + ".d/20261120T100000Z-000000000000042.sqlite");
  std::filesystem::create_directory(path + ".d");
  for (char const* name :
       {"20261120T100000Z-000000000000042.sqlite", "20261120T100000Z-000000000000042.sqlite.zst",
        "20251120T100000Z-000000000000100.sqlite.zst", "20261120T100000Z-000000000000007.sqlite.part", "next",
        "20261120T100000Z-.sqlite", "notes.txt", "20261120T100000Z-12x.sqlite"})
    std::ofstream(path + ".d/" + name) << "x";
  auto const files = list_closed(path);
  ASSERT_THAT(files, SizeIs(2));
  EXPECT_EQ(files[0].path, closed);
  EXPECT_EQ(files[0].first_id, 42);
  EXPECT_EQ(files[0].begun, kStart);
  EXPECT_FALSE(files[0].compressed);
  EXPECT_TRUE(files[1].compressed);
  EXPECT_EQ(files[1].first_id, 100) << "by id, whatever the clock said";
  remove_closed(files[0]);
  EXPECT_THAT(list_closed(path), SizeIs(1));
  EXPECT_THAT(list_closed(path + "-none"), IsEmpty());
}

TEST_F(RetentionTest, ANewFileIsBegunBySizeAndIdsAndLedgerGoOn) {
  {
    StoreWriter writer(path, options);
    writer.write(blocks_of(make_block(7, 1, 5)));  // a stream that stays silent
    close_files(writer, 3);
  }
  EXPECT_THAT(notices, IsEmpty());
  auto const files = list_closed(path);
  ASSERT_THAT(files, SizeIs(3));
  std::int64_t records = number("SELECT count(*) FROM record");
  std::int64_t after = 0;
  for (ClosedFile const& file : files) {
    EXPECT_EQ(file.first_id, after + 1);
    EXPECT_EQ(in_file(file.path, "SELECT min(id) FROM record"), after + 1);
    after = in_file(file.path, "SELECT max(id) FROM record");
    records += in_file(file.path, "SELECT count(*) FROM record");
    EXPECT_EQ(SQLite::Database(file.path).execAndGet("PRAGMA integrity_check").getString(), "ok");
    EXPECT_EQ(SQLite::Database(file.path).execAndGet("PRAGMA journal_mode").getString(), "delete");
    EXPECT_EQ(in_file(file.path, "SELECT count(*) FROM logs"),
              in_file(file.path, "SELECT sum(n) FROM minute"));
    EXPECT_FALSE(std::filesystem::exists(file.path + "-wal"));
    EXPECT_FALSE(std::filesystem::exists(file.path + "-shm"));
  }
  EXPECT_EQ(records, static_cast<std::int64_t>(next - 1 + 5));
  EXPECT_EQ(number("SELECT max(id) FROM record"), records);
  EXPECT_EQ(number("SELECT count(*) FROM ledger"), 2);
  EXPECT_EQ(number("SELECT max(last) FROM ledger"), static_cast<std::int64_t>(next - 1));
  EXPECT_FALSE(std::filesystem::exists(next_path(path)));
  EXPECT_EQ(sqlite3("PRAGMA integrity_check"), "ok");
  EXPECT_EQ(ids(), span(1, records));

  StoreWriter writer(path, options);
  EXPECT_EQ(writer.last_id(), records);
  EXPECT_THAT(writer.ledger(), SizeIs(2));
}

TEST_F(RetentionTest, ANewFileIsBegunWhenThePeriodChangesEvenWithoutARecord) {
  options.retention = {.keep = seconds(30 * kDay)};
  StoreWriter writer(path, options);
  now = number("SELECT strftime('%s', value) FROM meta WHERE key = 'created'");
  fill(writer);
  auto const tick = [&] {
    for (int i = 0; i < 2; ++i) {
      writer.write({});
      writer.wait_idle();
    }
  };
  tick();
  EXPECT_THAT(list_closed(path), IsEmpty());
  now += kDay;
  tick();
  EXPECT_THAT(list_closed(path), SizeIs(1));
  now += 5 * kDay;
  tick();
  EXPECT_THAT(list_closed(path), SizeIs(1)) << "an empty file is not full";
  EXPECT_EQ(writer.last_id(), 100);
  EXPECT_EQ(StoreReader(path).last_id(), 100);
  fill(writer);
  EXPECT_EQ(ids(), span(1, 200));
}

TEST_F(RetentionTest, FilesGoWhenTheirNewestRecordIsTooOld) {
  options.retention.keep = seconds(1'000);
  options.retention.file_period = seconds(1'000);
  StoreWriter writer(path, options);
  close_files(writer, 2);
  now += 500;
  close_files(writer, 1);
  now += 600;
  EXPECT_THAT(list_closed(path), SizeIs(3));
  close_files(writer, 1);
  auto const left = list_closed(path);
  ASSERT_THAT(left, SizeIs(2)) << "those that ended at the start and later";
  EXPECT_EQ(ids(), span(left.front().first_id, writer.last_id()));
}

TEST_F(RetentionTest, TheOldestGoWhenAllAreTooMuch) {
  options.retention.max_size = 12U << 20U;
  StoreWriter writer(path, options);
  for (int i = 0; i < 80; ++i) fill(writer);
  auto const left = list_closed(path);
  ASSERT_FALSE(left.empty());
  EXPECT_GT(left.front().first_id, 1);
  std::uint64_t total = std::filesystem::file_size(path) + std::filesystem::file_size(path + "-wal");
  for (ClosedFile const& file : left) total += std::filesystem::file_size(file.path);
  EXPECT_LT(total, options.retention.max_size + (2U << 20U));
  EXPECT_EQ(ids(), span(left.front().first_id, writer.last_id())) << "what is left has no hole";
  EXPECT_EQ(number("SELECT max(last) FROM ledger"), static_cast<std::int64_t>(next - 1));
}

TEST_F(RetentionTest, ALongReaderPutsItOffAndLosesNothing) {
  StoreWriter writer(path, options);
  fill(writer);
  SQLite::Database reader(path, SQLite::OPEN_READWRITE);
  {
    SQLite::Statement reading(reader, "SELECT id FROM record");
    ASSERT_TRUE(reading.executeStep());
    for (int i = 0; i < 5; ++i) fill(writer);
    EXPECT_THAT(list_closed(path), IsEmpty());
  }
  close_files(writer, 1);
  EXPECT_EQ(reader.execAndGet("SELECT max(id) FROM record").getInt64(),
            in_file(list_closed(path)[0].path, "SELECT max(id) FROM record"))
      << "whoever has the old file open goes on seeing it";
  expect_exactly(next - 1);
}

TEST_F(RetentionTest, WhatIsMissingOfStreamsGoesOnInTheNextFile) {
  StoreWriter writer(path, options);
  std::vector<Missing> const missing{{1, 10, false}, {31, 40, true}};
  Blocks blocks = blocks_of(std::make_unique<Block>());
  blocks[0]->progress.push_back({publisher_id(9), 3, 50, missing});
  blocks[0]->progress.push_back({publisher_id(9), 4, 50, missing});
  writer.write(blocks);
  // One of them changes while the next file is being made as well.
  std::uint64_t last = 50;
  while (list_closed(path).empty()) {
    fill(writer);
    ++last;
    blocks = blocks_of(std::make_unique<Block>());
    blocks[0]->progress.push_back({publisher_id(9), 3, last, {{1, last - 50, false}}});
    writer.write(blocks);
  }
  LedgerReader ledger(path);
  EXPECT_EQ(ledger.find(publisher_id(9), 4).value().missing, missing);
  EXPECT_EQ(ledger.find(publisher_id(9), 3).value().last, last);
  EXPECT_EQ(ledger.find(publisher_id(9), 3).value().missing, (std::vector<Missing>{{1, last - 50, false}}));
}

TEST_F(RetentionTest, AReaderFollowsAndASearchUnderWayGoesOn) {
  {
    StoreWriter before(path);
    for (int i = 0; i < 4; ++i) fill(before);
  }
  StoreWriter writer(path, options);
  StoreReader reader(path);
  LedgerReader ledger(path);
  EXPECT_EQ(ledger.find(publisher_id(1), 0).value().last, 400U);
  EXPECT_EQ(reader.last_id(), 400);
  auto search = reader.search({});
  std::vector<std::int64_t> seen;
  auto const see = [&](Record const& record) {
    seen.push_back(record.id);
    return true;
  };
  ASSERT_TRUE(search.step(see));
  close_files(writer, 3);
  std::int64_t const last = writer.last_id();
  EXPECT_EQ(reader.last_id(), last);
  EXPECT_EQ(ledger.find(publisher_id(1), 0).value().last, static_cast<std::uint64_t>(last));
  for (std::int64_t id : {std::int64_t{1}, last / 2, last}) {
    auto const record = reader.fetch(id);
    ASSERT_TRUE(record) << id;
    EXPECT_EQ(record->sequence, static_cast<std::uint64_t>(id));
  }
  EXPECT_FALSE(reader.fetch(last + 1));
  while (search.step(see)) {
  }
  EXPECT_EQ(seen, span(1, 400)) << "the store as it was when the search began";
}

TEST_F(RetentionTest, QueriesTakeAllFilesAsOne) {
  StoreWriter writer(path, options);
  for (int i = 0; i < 8; ++i) {
    now += 10;
    fill(writer);
  }
  std::int64_t const last = writer.last_id();
  ASSERT_GE(list_closed(path).size(), 3U);
  Query newest;
  for (std::size_t const n : {std::size_t{1}, std::size_t{150}, std::size_t{350}, std::size_t{100'000}}) {
    newest.last = n;
    EXPECT_EQ(ids(newest), span(std::max<std::int64_t>(1, last - static_cast<std::int64_t>(n) + 1), last)) << n;
  }
  Query part;
  part.after_id = 150;
  part.up_to_id = 420;
  EXPECT_EQ(ids(part), span(151, 420));
  part.last = 200;
  EXPECT_EQ(ids(part), span(221, 420));
  Query timed;
  timed.filter.since = (kStart + 20) * kSecondNs;
  timed.filter.until = (kStart + 60) * kSecondNs;
  EXPECT_EQ(ids(timed), span(101, 500));
  timed.last = 3;
  EXPECT_EQ(ids(timed), span(498, 500));
  Query rare;
  rare.filter.regex = "message 7 ";
  rare.last = 1;
  EXPECT_EQ(ids(rare), span(7, 7));
  std::vector<std::int64_t> few;
  logboom::query(path, {}, [&](Record const& record) {
    few.push_back(record.id);
    return few.size() < 250;
  });
  EXPECT_EQ(few, span(1, 250));
  Query malformed;
  malformed.filter.regex = "(";
  EXPECT_THROW(ids(malformed), std::invalid_argument);
  EXPECT_LT(number("SELECT count(*) FROM record"), last) << "there was more than the current file";
}

TEST_F(RetentionTest, AFileRemovedUnderASearchIsLeftOutAndSaid) {
  StoreWriter writer(path, options);
  close_files(writer, 4);
  auto const files = list_closed(path);
  for (bool const newest : {false, true}) {
    SCOPED_TRACE(newest);
    StoreReader reader(path);
    std::vector<std::string> said;
    reader.tell_of_removed([&](std::string const& line) { said.push_back(line); });
    Query query;
    query.last = newest ? 1'000'000 : 0;
    auto search = reader.search(query);
    remove_closed(files[newest ? 0 : 2]);
    std::vector<std::int64_t> seen;
    while (search.step([&](Record const& record) {
      seen.push_back(record.id);
      return true;
    })) {
    }
    auto expected = span(newest ? files[1].first_id : 1, files[2].first_id - 1);
    auto const rest = span(files[3].first_id, writer.last_id());
    expected.insert(expected.end(), rest.begin(), rest.end());
    EXPECT_EQ(seen, expected);
    ASSERT_THAT(said, SizeIs(1));
    EXPECT_THAT(said[0], HasSubstr(fmt::format("record {} was removed", files[newest ? 0 : 2].first_id)));
  }
}

TEST_F(RetentionTest, AStoreWithoutItsCurrentFileGoesOnWhereTheNewestClosedOneEnded) {
  {
    StoreWriter writer(path, options);
    close_files(writer, 2);
  }
  std::int64_t const before = number("SELECT ifnull(min(id), 0) FROM record");
  for (char const* end : {"", "-wal", "-shm"}) std::filesystem::remove(path + end);
  auto const closed = list_closed(path);
  auto const last = in_file(closed.back().path, "SELECT max(id) FROM record");
  EXPECT_TRUE(before == 0 || before == last + 1);
  StoreWriter writer(path);  // also without retention
  EXPECT_EQ(writer.last_id(), last);
  ASSERT_THAT(writer.ledger(), SizeIs(1));
  EXPECT_EQ(writer.ledger()[0].last, static_cast<std::uint64_t>(last)) << "of what is left";
  next = static_cast<std::uint64_t>(last) + 1;
  fill(writer);
  EXPECT_EQ(ids(), span(1, last + 100));
}

TEST_F(RetentionTest, WhoReadsAmidRotationsNeverSeesAnythingElseThanTheStore) {
  options.retention.compress = true;
  std::atomic<bool> done = false;
  std::atomic<int> readings = 0;
  auto const read = [&](unsigned kind) {
    StoreReader kept(path);
    for (std::int64_t before = 0; !done; ++readings) {
      auto fresh = kind % 2 == 0 ? std::make_unique<StoreReader>(path) : nullptr;
      StoreReader const& reader = fresh ? *fresh : kept;
      std::int64_t const last = reader.last_id();
      ASSERT_GE(last, before);
      before = last;
      Query query;
      query.last = kind / 2 == 0 ? 300 : 0;
      std::int64_t expected = query.last > 0 ? std::max<std::int64_t>(1, last - 299) : 1;
      std::int64_t seen = 0;
      query.up_to_id = last;
      reader.query(query, [&](Record const& record) {
        EXPECT_EQ(record.id, expected + seen++);
        EXPECT_EQ(static_cast<std::int64_t>(record.sequence), record.id);
        return !testing::Test::HasFailure();
      });
      ASSERT_EQ(expected + seen - 1, last);
      LedgerReader ledger(path);
      ASSERT_GE(ledger.find(publisher_id(1), 0).value().last, static_cast<std::uint64_t>(last));
    }
  };
  StoreWriter writer(path, options);
  fill(writer);
  std::vector<std::thread> readers;
  for (unsigned kind = 0; kind < 4; ++kind) readers.emplace_back(read, kind);
  close_files(writer, 8);
  while (readings < 20 && !HasFailure()) fill(writer);
  done = true;
  for (auto& reader : readers) reader.join();
  EXPECT_THAT(notices, IsEmpty());
  expect_exactly(next - 1);
}

TEST_F(RetentionTest, AFileMovedAwayTakesItsIdsWithIt) {
  auto writer = std::make_unique<StoreWriter>(path, options);
  close_files(*writer, 2);
  fill(*writer);
  std::int64_t const last = writer->last_id();
  auto const moved = (directory / "moved.sqlite").string();
  std::filesystem::rename(path, moved);
  Blocks const blocks = blocks_of(make_block(1, next, 10));
  EXPECT_THROW(writer->write(blocks), StoreError);
  EXPECT_THAT(writer->leave(), HasSubstr(moved));
  writer = nullptr;
  options.least_id = last + 1;
  writer = std::make_unique<StoreWriter>(path, options);
  writer->write(blocks);
  EXPECT_EQ(blocks[0]->first_id, last + 1);
  std::int64_t const first_moved = in_file(moved, "SELECT min(id) FROM record");
  auto expected = span(1, first_moved - 1);
  auto const rest = span(last + 1, last + 10);
  expected.insert(expected.end(), rest.begin(), rest.end());
  EXPECT_EQ(ids(), expected);
  EXPECT_EQ(in_file(moved, "SELECT max(id) FROM record"), last);
}

TEST_F(RetentionTest, ANewFileMovedAwayBeforeItIsOpenedCostsNeitherIdsNorLedger) {
  options.after_step = [this](RotationStep step) {
    if (step == RotationStep::kRenamed && !std::filesystem::exists(path + ".moved"))
      std::filesystem::rename(path, path + ".moved");
  };
  StoreWriter writer(path, options);
  close_files(writer, 1);
  for (int i = 0; i < 3; ++i) fill(writer);
  ASSERT_TRUE(std::filesystem::exists(path + ".moved"));
  expect_exactly(next - 1);
  EXPECT_EQ(in_file(path + ".moved", "SELECT count(*) FROM record"), 0);
}

TEST_F(RetentionTest, WhatStandsInTheWayIsSaidAndTheOldFileGoesOn) {
  std::filesystem::create_directories(next_path(path) + "/in-the-way");
  StoreWriter writer(path, options);
  for (int i = 0; i < 5; ++i) fill(writer);
  {
    std::lock_guard const guard(mutex);
    ASSERT_THAT(notices, SizeIs(1)) << "once";
    EXPECT_THAT(notices[0], testing::AllOf(HasSubstr(path + ".d"), testing::Not(HasSubstr("\n"))));
  }
  EXPECT_EQ(number("SELECT count(*) FROM record"), 500);
}

}  // namespace
}  // namespace logboom::store
