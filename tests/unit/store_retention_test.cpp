// A store of many files: when a new one is begun, that nothing is lost or doubled at any step of it, what goes by age and size, and that readers see all files as one.
// ctest: timeout=180
#include "store_fixture.hpp"

#include "store/closed_files.hpp"
#include "store/closed_form.hpp"
#include "store/ledger_reader.hpp"
#include "store/next_file.hpp"
#include "store/retention_plan.hpp"
#include "store/store_reader.hpp"
#include "store/store_size.hpp"

#include <gmock/gmock.h>

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
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

constexpr std::int64_t kDay = 86'400;
constexpr std::int64_t kStart = 1'795'168'800;
constexpr std::int64_t kSecondNs = 1'000'000'000;

TEST(RetentionPlanTest, SizeAndPeriodOfAFileFollowFromWhatIsKept) {
  auto const plan = [](RetentionOptions const& options) {
    RetentionPlan const made(options);
    return std::pair(made.file_size(), made.file_period());
  };
  EXPECT_EQ(plan({}), std::pair(std::uint64_t{0}, std::int64_t{0}));
  EXPECT_EQ(plan({.keep = seconds(30 * kDay)}), std::pair(std::uint64_t{0}, kDay));
  EXPECT_EQ(plan({.keep = seconds(80)}), std::pair(std::uint64_t{0}, std::int64_t{10}));
  EXPECT_EQ(plan({.keep = seconds(3)}), std::pair(std::uint64_t{0}, std::int64_t{1}));
  EXPECT_EQ(plan({.max_size = 64U << 20U}).first, 4U << 20U);
  EXPECT_EQ(plan({.max_size = 1ULL << 40U}).first, 1U << 30U);
  EXPECT_EQ(plan({.max_size = 64U << 20U, .file_size = 1U << 20U, .file_period = seconds(7)}),
            std::pair(std::uint64_t{1U << 20U}, std::int64_t{7}));
}

TEST(RetentionPlanTest, WhatCannotBeMeantIsRefusedWithTheMend) {
  auto const refusal = [](RetentionOptions const& options) -> std::string {
    try {
      check_retention(options);
    } catch (std::invalid_argument const& error) {
      return error.what();
    }
    return "accepted";
  };
  EXPECT_EQ(refusal({.keep = seconds(1), .max_size = 4U << 20U, .file_size = 2U << 20U}), "accepted");
  EXPECT_THAT(refusal({.max_size = 1000}),
              testing::AllOf(HasSubstr("max_size 1000"), HasSubstr("4 MiB or more")));
  EXPECT_THAT(refusal({.file_size = 1000}), HasSubstr("256 KiB or more"));
  EXPECT_THAT(refusal({.max_size = 4U << 20U, .file_size = 3U << 20U}), HasSubstr("half of it or less"));
  EXPECT_THAT(refusal({.keep = seconds(10), .file_period = seconds(11)}), HasSubstr("below keep"));
  EXPECT_THAT(refusal({.keep = seconds(-1)}), HasSubstr("none below 0"));
}

TEST(RetentionPlanTest, AFileHasHadItsTimeBySizeOrWhenThePeriodChanges) {
  RetentionPlan const plan({.file_size = 1U << 20U, .file_period = seconds(kDay)});
  EXPECT_FALSE(plan.full(kDay, (1 << 20) - 1, 2 * kDay - 1));
  EXPECT_TRUE(plan.full(kDay, 1 << 20, kDay));
  EXPECT_TRUE(plan.full(2 * kDay - 1, 0, 2 * kDay));
  EXPECT_FALSE(plan.full(2 * kDay, 0, kDay)) << "a clock that goes back";
  EXPECT_FALSE(RetentionPlan({.compress = true}).full(0, 1LL << 40, kDay));
}

TEST(RetentionPlanTest, TheOldestGoByAgeOfTheirEndAndBySizeOfAll) {
  std::vector<RetentionPlan::File> const files{{100, 10}, {200, 10}, {300, 10}};
  EXPECT_EQ(RetentionPlan({}).to_remove(files, 1'000, 10'000), 0U);
  RetentionPlan const aged({.keep = seconds(50)});
  EXPECT_EQ(aged.to_remove(files, 0, 150), 0U) << "exactly so old";
  EXPECT_EQ(aged.to_remove(files, 0, 151), 1U);
  EXPECT_EQ(aged.to_remove(files, 0, 10'000), 3U);
  RetentionPlan const sized({.max_size = 4U << 20U});
  std::uint64_t const most = 4U << 20U;
  EXPECT_EQ(sized.to_remove(files, most - 30, 10'000), 0U);
  EXPECT_EQ(sized.to_remove(files, most - 29, 10'000), 1U);
  EXPECT_EQ(sized.to_remove(files, most + 1, 10'000), 3U);
}

class RetentionTest : public StoreTest {
 protected:
  void SetUp() override {
    StoreTest::SetUp();
    options.retention.file_size = 256U << 10U;
    options.notice = [this](std::string line) {
      std::lock_guard const guard(mutex);
      notices.push_back(std::move(line));
    };
    options.now = [this] { return now.load(); };
  }

  /// Records sequence … of stream 0 of publisher 1, some 400 KiB of them: more than a file takes.
  void fill(StoreWriter& writer) {
    auto block = make_block(1, next, 100, now * kSecondNs);
    for (Entry& entry : block->entries) entry.message = block->arena.copy(entry_text(entry.sequence));
    writer.write(blocks_of(std::move(block)));
    next += 100;
    writer.wait_idle();
  }
  static std::string entry_text(std::uint64_t sequence) {
    return fmt::format("message {} {}", sequence, std::string(4'000, 'x'));
  }
  std::int64_t newest_closed() const {
    auto const files = list_closed(path);
    return files.empty() ? 0 : files.back().first_id;
  }
  /// Fills and closes so many files, and begins the next.
  void close_files(StoreWriter& writer, int count) {
    for (; count > 0; --count) {
      for (auto const before = newest_closed(); newest_closed() == before;) {
        fill(writer);
        ASSERT_LT(next, 1'000'000U);
      }
    }
    writer.wait_idle();
  }
  std::vector<std::int64_t> ids(Query const& query = {}) const {
    std::vector<std::int64_t> found;
    logboom::query(path, query, [&](Record const& record) {
      EXPECT_EQ(record.message.substr(0, record.message.find(' ', 8)),
                fmt::format("message {}", record.sequence));
      found.push_back(record.id);
      return true;
    });
    return found;
  }
  static std::vector<std::int64_t> span(std::int64_t first, std::int64_t last) {
    std::vector<std::int64_t> all;
    for (std::int64_t id = first; id <= last; ++id) all.push_back(id);
    return all;
  }
  /// That all files together hold records 1 … `last` of the one stream, once each, in order; and the ledger says so.
  void expect_exactly(std::uint64_t last) {
    std::vector<std::uint64_t> sequences;
    std::int64_t before = 0;
    logboom::query(path, {}, [&](Record const& record) {
      EXPECT_EQ(record.id, before + 1);
      before = record.id;
      sequences.push_back(record.sequence);
      return true;
    });
    ASSERT_EQ(sequences.size(), last);
    for (std::uint64_t i = 0; i < last; ++i) ASSERT_EQ(sequences[i], i + 1);
    EXPECT_EQ(number("SELECT max(last) FROM ledger"), static_cast<std::int64_t>(last));
  }

  std::int64_t in_file(std::string const& file, std::string const& sql) const {
    return SQLite::Database(file).execAndGet(sql).getInt64();
  }

  WriterOptions options;
  std::atomic<std::int64_t> now = kStart;
  std::uint64_t next = 1;
  std::mutex mutex;
  std::vector<std::string> notices;
};

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
  while (list_closed(path).size() < 2) {
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

class ClosedFormTest : public RetentionTest {
 protected:
  /// Records that say `message N …` and every hundredth more; in closed files of that form, and the current one.
  void write(RetentionOptions const& form) {
    options.retention.compress = form.compress;
    options.retention.full_text = form.full_text;
    StoreWriter writer(path, options);
    for (; list_closed(path).size() < 2 || next < 1'000; next += 100) {
      auto block = make_block(1, next, 100, kStart * kSecondNs);
      for (Entry& entry : block->entries) entry.message = block->arena.copy(entry_text(entry.sequence));
      block->entries[7].exception = block->arena.copy(fmt::format("Übel: Time-Out of solver{}", next));
      block->entries[9].message = block->arena.copy(fmt::format("message {} out of time, solver", next + 9));
      writer.write(blocks_of(std::move(block)));
      writer.wait_idle();
    }
    writer.wait_idle();
  }
  std::vector<std::int64_t> with_words(std::string const& text, std::size_t last = 0) const {
    Query query;
    query.text = text;
    query.last = last;
    return ids(query);
  }
  std::vector<std::int64_t> each_hundredth(std::int64_t first) const {
    std::vector<std::int64_t> all;
    for (std::int64_t id = first; id < static_cast<std::int64_t>(next); id += 100) all.push_back(id);
    return all;
  }
  void expect_found() {
    EXPECT_EQ(ids(), span(1, static_cast<std::int64_t>(next - 1)));
    EXPECT_EQ(with_words("TIME-out"), each_hundredth(8)) << "words one behind the other";
    EXPECT_EQ(with_words("\"out of\""), both());
    EXPECT_EQ(with_words("out time"), both()) << "in any order";
    EXPECT_EQ(with_words("ubel solver*"), each_hundredth(8)) << "no case, no diacritics, prefix";
    EXPECT_EQ(with_words("message solver"), each_hundredth(10));
    EXPECT_EQ(with_words("solver1"), span(8, 8));
    EXPECT_THAT(with_words("solve"), IsEmpty()) << "whole words";
    EXPECT_EQ(with_words("time", 3).size(), 3U);
    EXPECT_EQ(with_words("time", 3).back(), static_cast<std::int64_t>(next) - 91);
    Query both_ways;
    both_ways.text = "solver";
    both_ways.filter.regex = "of time";
    EXPECT_EQ(ids(both_ways), each_hundredth(10));
  }
  std::vector<std::int64_t> both() const {
    std::vector<std::int64_t> all;
    for (std::int64_t const id : each_hundredth(8)) {
      all.push_back(id);
      all.push_back(id + 2);
    }
    return all;
  }
};

TEST_F(ClosedFormTest, WordsAreFoundWithoutAnIndex) {
  write({});
  expect_found();
}

TEST_F(ClosedFormTest, WordsAreFoundByTheIndexAsWithout) {
  write({.full_text = true});
  for (ClosedFile const& file : list_closed(path)) {
    EXPECT_EQ(in_file(file.path, "SELECT count(*) FROM sqlite_schema WHERE name = 'record_text'"), 1);
    EXPECT_EQ(SQLite::Database(file.path).execAndGet("PRAGMA integrity_check").getString(), "ok");
    EXPECT_EQ(SQLite::Database(file.path).execAndGet("PRAGMA journal_mode").getString(), "delete");
  }
  expect_found();
}

TEST_F(ClosedFormTest, CompressedFilesAreReadAsTheyAre) {
  write({.full_text = true, .compress = true});
  auto const files = list_closed(path);
  for (ClosedFile const& file : files) {
    EXPECT_TRUE(file.compressed);
    EXPECT_FALSE(std::filesystem::exists(file.path.substr(0, file.path.size() - 4)));
  }
  expect_found();
  auto const unpacked = (directory / "unpacked.sqlite").string();
  ASSERT_EQ(std::system(fmt::format("zstd -q -d '{}' -o '{}'", files[0].path, unpacked).c_str()), 0)
      << "any zstd";
  EXPECT_EQ(SQLite::Database(unpacked).execAndGet("PRAGMA integrity_check").getString(), "ok");
  EXPECT_LT(std::filesystem::file_size(files[0].path), std::filesystem::file_size(unpacked) / 4);
  EXPECT_EQ(StoreReader(files[0].path).fetch(1)->sequence, 1U) << "named itself";
  for (auto const& left : std::filesystem::directory_iterator(path + ".d"))
    EXPECT_TRUE(left.path().extension() == ".zst" || left.path() == next_path(path)) << left.path();
  // And a store can be gone on with from one.
  for (char const* end : {"", "-wal", "-shm"}) std::filesystem::remove(path + end);
  StoreWriter const writer(path, options);
  EXPECT_EQ(writer.last_id() + 1, [&] {
    StoreReader const last(files.back().path);
    return last.last_id() + 1;
  }());
  EXPECT_THAT(writer.ledger(), SizeIs(1));
}

TEST_F(ClosedFormTest, FilesOfAnOlderChoiceAreBroughtToTheNewOne) {
  write({});
  EXPECT_FALSE(list_closed(path)[0].compressed);
  options.retention.compress = true;
  {
    StoreWriter writer(path, options);
    writer.wait_idle();
  }
  for (ClosedFile const& file : list_closed(path)) EXPECT_TRUE(file.compressed);
  EXPECT_EQ(ids(), span(1, static_cast<std::int64_t>(next - 1)));
}

TEST_F(ClosedFormTest, ADamagedFileIsAnErrorAndNotAShorterAnswer) {
  write({.compress = true});
  auto const file = list_closed(path)[0].path;
  auto const size = std::filesystem::file_size(file);
  auto const refusal = [&] {
    try {
      static_cast<void>(ids());
    } catch (StoreError const& error) {
      return std::string(error.what());
    }
    return std::string("accepted");
  };
  {
    std::fstream damaged(file, std::ios::in | std::ios::out | std::ios::binary);
    damaged.seekp(static_cast<std::streamoff>(size / 2));
    damaged << "damage damage damage";
  }
  EXPECT_THAT(refusal(), testing::AllOf(HasSubstr(file), HasSubstr("damaged")));
  std::filesystem::resize_file(file, size - 1);
  EXPECT_THAT(refusal(), HasSubstr(file));
  std::filesystem::resize_file(file, 0);
  EXPECT_THAT(refusal(), HasSubstr(file));
}

TEST_F(ClosedFormTest, ADeathAmidTheRewritingLeavesOneFileOfIt) {
  write({});
  auto const files = list_closed(path);
  std::ofstream(files[0].path + ".part") << "half an index";
  std::ofstream(files[0].path + ".part-journal") << "x";
  std::ofstream(files[1].path + ".zst.part") << "half of it";
  // Renamed, but the original not yet unlinked; of what was compressed before it had its place.
  std::ofstream(files[0].path + ".zst") << "whole";
  EXPECT_EQ(ids(), span(1, static_cast<std::int64_t>(next - 1)));
  options.retention = {.file_size = options.retention.file_size, .full_text = true, .compress = true};
  {
    StoreWriter writer(path, options);
    writer.wait_idle();
  }
  for (ClosedFile const& file : list_closed(path)) EXPECT_TRUE(file.compressed);
  for (auto const& left : std::filesystem::directory_iterator(path + ".d"))
    EXPECT_TRUE(left.path().extension() == ".zst" || left.path() == next_path(path)) << left.path();
  EXPECT_EQ(ids(), span(1, static_cast<std::int64_t>(next - 1)));
  EXPECT_EQ(with_words("solver1"), span(8, 8));
}

TEST_F(ClosedFormTest, AFullDiskLeavesTheFileAsItIs) {
  write({});
  auto const files = list_closed(path);
  std::filesystem::create_directories(files[0].path + ".zst.part/in-the-way");
  try {
    finish_closed(files[0], {.compress = true}, [] { return true; });
    FAIL();
  } catch (StoreError const& error) {
    EXPECT_TRUE(error.retryable());
    EXPECT_THAT(error.what(),
                testing::AllOf(HasSubstr(files[0].path + " stays as it is"), testing::Not(HasSubstr("\n"))));
  }
  EXPECT_FALSE(finish_closed(files[1], {.full_text = true, .compress = true}, [] { return false; }));
  EXPECT_EQ(ids(), span(1, static_cast<std::int64_t>(next - 1)));
}

TEST_F(ClosedFormTest, WordsThatCannotBeMeantAreRefused) {
  { StoreWriter const writer(path); }
  for (char const* text : {"-- !", "\"open", " ", "a ++", "*"})
    EXPECT_THROW(with_words(text), std::invalid_argument) << text;
  EXPECT_THROW(with_words(std::string(5'000, 'x')), std::invalid_argument);
  EXPECT_THAT(with_words("AND OR NOT NEAR(a) message:x ^y \"a\"*"), IsEmpty()) << "no operators";
}

/// Runs `work` in a child that is killed when it is at `step`.
template <class Work>
void die_at(RotationStep step, WriterOptions options, Work const& work) {
  pid_t const child = ::fork();
  if (child == 0) {
    options.after_step = [step](RotationStep at) {
      if (at == step) ::raise(SIGKILL);
    };
    work(options);
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  ASSERT_TRUE(WIFSIGNALED(status)) << "it did not come to that step";
}

class RotationDeathTest : public RetentionTest, public testing::WithParamInterface<RotationStep> {};

TEST_P(RotationDeathTest, NothingIsLostOrDoubled) {
  die_at(GetParam(), options, [this](WriterOptions const& deadly) {
    StoreWriter writer(path, deadly);
    close_files(writer, 1);
  });
  // As a reader meets it before anybody has tidied up.
  auto const found = ids();
  ASSERT_FALSE(found.empty());
  EXPECT_EQ(found, span(1, static_cast<std::int64_t>(found.size())));
  {
    StoreWriter writer(path, options);
    EXPECT_EQ(writer.last_id(), static_cast<std::int64_t>(found.size()));
    EXPECT_FALSE(std::filesystem::exists(next_path(path)));
    next = found.size() + 1;
    close_files(writer, 2);
  }
  expect_exactly(next - 1);
  EXPECT_EQ(sqlite3("PRAGMA integrity_check"), "ok");
}

INSTANTIATE_TEST_SUITE_P(Steps, RotationDeathTest,
                         testing::Values(RotationStep::kNextWhole, RotationStep::kLinked,
                                         RotationStep::kLogRemoved, RotationStep::kRenamed));

[[noreturn]] void write_forever(std::string const& path, WriterOptions const& options, int acks) {
  StoreWriter writer(path, options);
  std::uint64_t next = 1;
  for (Progress const& progress : writer.ledger()) next = progress.last + 1;
  std::string const text(2'000, 'x');
  for (;; next += 40) {
    auto block = make_block(1, next, 40);
    for (Entry& entry : block->entries) entry.message = text;
    writer.write(blocks_of(std::move(block)));
    std::uint64_t const acked = next + 39;
    if (::write(acks, &acked, sizeof acked) != sizeof acked) ::_exit(1);
  }
}

TEST_F(RetentionTest, WhatWasAckedOutlivesSigkillAmidRotations) {
  auto const seed = std::random_device{}();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  std::mt19937 random(seed);
  options.notice = {};
  std::uint64_t acked = 0;
  for (int round = 0; round < 12; ++round) {
    int pipe[2];
    ASSERT_EQ(::pipe(pipe), 0);
    pid_t const child = ::fork();
    if (child == 0) {
      ::close(pipe[0]);
      write_forever(path, options, pipe[1]);
    }
    ::close(pipe[1]);
    for (auto acks = 1 + random() % 40; acks > 0; --acks) {
      ASSERT_EQ(::read(pipe[0], &acked, sizeof acked), static_cast<ssize_t>(sizeof acked));
    }
    ::usleep(static_cast<useconds_t>(random() % 3'000));
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    for (std::uint64_t more = 0; ::read(pipe[0], &more, sizeof more) == sizeof more;) acked = more;
    ::close(pipe[0]);
    std::uint64_t last = 0;
    {
      StoreWriter const writer(path);
      ASSERT_THAT(writer.ledger(), SizeIs(1));
      last = writer.ledger()[0].last;
    }
    ASSERT_GE(last, acked);
    expect_exactly(last);
  }
  EXPECT_FALSE(list_closed(path).empty());
}

}  // namespace
}  // namespace logboom::store
