// Small transactions leave it to later ones to say what their records come to: until when, and that nothing is forgotten or counted twice, however the writer ends.
#include "store_fixture.hpp"

#include "store/file_writer.hpp"
#include "store/inspection.hpp"
#include "store/summaries.hpp"

#include <gmock/gmock.h>

#include <sys/wait.h>
#include <unistd.h>
#include <csignal>
#include <random>

namespace logboom::store {
namespace {

using testing::HasSubstr;

class StoreSummariesTest : public StoreTest {
 protected:
  WriterOptions at_this_second() {
    WriterOptions options;
    options.now = [this] { return second; };
    return options;
  }
  void put(StoreWriter& writer, std::size_t records) {
    writer.write(blocks_of(make_block(1, next, records)));
    next += records;
  }
  std::int64_t records() const { return static_cast<std::int64_t>(next) - 1; }

  /// That many in all three tables.
  void expect_summed(std::int64_t wanted) const {
    EXPECT_EQ(number("SELECT ifnull(sum(n), 0) FROM minute"), wanted);
    EXPECT_EQ(number("SELECT ifnull(sum(n), 0) FROM minute_level"), wanted);
    EXPECT_EQ(number("SELECT ifnull(max(last_id), 0) FROM span"), wanted);
    EXPECT_TRUE(inspect_file(path).whole());
  }

  std::int64_t second = 1'000;
  std::uint64_t next = 1;
};

TEST_F(StoreSummariesTest, AreLeftToALaterTransactionForASecond) {
  StoreWriter writer(path, at_this_second());
  put(writer, 1);
  expect_summed(1);
  put(writer, 1);
  put(writer, 7);
  expect_summed(1);
  EXPECT_EQ(number("SELECT count(*) FROM record"), 9);
  ++second;
  put(writer, 1);
  expect_summed(10);
}

TEST_F(StoreSummariesTest, AreLeftToALaterTransactionForSomeRecords) {
  StoreWriter writer(path, at_this_second());
  put(writer, 1);
  for (int i = 0; i < 256; ++i) put(writer, 1);
  expect_summed(1);
  put(writer, 1);
  expect_summed(258);
  put(writer, 300);
  expect_summed(558);
}

TEST_F(StoreSummariesTest, AreWrittenWhenNothingComes) {
  StoreWriter writer(path, at_this_second());
  put(writer, 1);
  put(writer, 5);
  writer.write({});
  expect_summed(6);
  writer.write({});
  expect_summed(6);
}

TEST_F(StoreSummariesTest, AreWrittenAtTheEnd) {
  for (std::int64_t i = 1; i <= 3; ++i) {
    StoreWriter writer(path, at_this_second());
    put(writer, 1);
    put(writer, 1);
    EXPECT_EQ(number("SELECT sum(n) FROM minute"), 2 * i - 1);
  }
  expect_summed(6);
}

TEST_F(StoreSummariesTest, AreInAFileThatWasMovedAway) {
  StoreWriter writer(path, at_this_second());
  put(writer, 1);
  put(writer, 5);
  std::filesystem::rename(path, path + ".old");
  EXPECT_THROW(put(writer, 1), StoreError);
  EXPECT_THAT(writer.leave(), HasSubstr(path + ".old"));
  path += ".old";
  expect_summed(6);
}

TEST_F(StoreSummariesTest, OfATransactionThatWasRolledBackAreNot) {
  StoreWriter writer(path, at_this_second());
  put(writer, 1);
  put(writer, 5);
  SQLite::Database other(path, SQLite::OPEN_READWRITE);
  other.exec("CREATE TRIGGER full BEFORE INSERT ON minute BEGIN SELECT RAISE(ABORT, 'full'); END");
  EXPECT_THROW(writer.write(blocks_of(make_block(1, 7, 300))), StoreError);
  EXPECT_THROW(writer.write({}), StoreError);
  other.exec(
      "DROP TRIGGER full; CREATE TRIGGER full BEFORE UPDATE ON ledger BEGIN SELECT RAISE(ABORT, 'full'); "
      "END");
  EXPECT_THROW(writer.write(blocks_of(make_block(1, 7, 2))), StoreError);
  other.exec("DROP TRIGGER full");
  put(writer, 2);
  expect_summed(1);
  writer.write({});
  expect_summed(8);
}

TEST_F(StoreSummariesTest, AreNotLeftToALaterTransactionWhereNobodyCouldTellThatTheyAreOwed) {
  { StoreWriter(path).write(blocks_of(make_block(1, 1, 10))); }
  SQLite::Database(path, SQLite::OPEN_READWRITE).exec("UPDATE span SET max_created = 0");
  FileWriter writer(path, kLogBound, false);
  writer.write(blocks_of(make_block(1, 11, 1)), Summarize::kMayWait);
  EXPECT_EQ(number("SELECT sum(n) FROM minute_level"), 11);
}

// What is read by time does not wait for spans.
TEST_F(StoreSummariesTest, WhatTheyDoNotKnowIsFoundAllTheSame) {
  StoreWriter writer(path, at_this_second());
  put(writer, 1);
  put(writer, 5);
  Query asked;
  asked.filter.since = 0;
  std::int64_t found = 0;
  query(path, asked, [&](Record const&) { return ++found > 0; });
  EXPECT_EQ(found, 6);

  // Nor in the plain SQL of docs/store.md.
  auto block = make_block(1, next, 1);
  auto const later = block->entries.front().time += 3 * kMinuteNs;
  writer.write(blocks_of(std::move(block)));
  EXPECT_EQ(number(fmt::format("SELECT count(*) FROM records WHERE id >= ifnull((SELECT min(first_id) FROM "
                               "span WHERE max_created >= {0}), (SELECT max(last_id) FROM span)) AND "
                               "created >= {0}",
                               later)),
            1);
}

/// Small transactions of any size, and now and then a pause, until it is killed.
[[noreturn]] void write_until_killed(std::string const& path, std::uint64_t next, std::uint_fast32_t seed,
                                     int acks) {
  std::mt19937 random(seed);
  std::int64_t second = 0;
  WriterOptions options;
  options.now = [&] { return second; };
  StoreWriter writer(path, options);
  for (;;) {
    std::size_t const records = 1 + random() % 40;
    writer.write(blocks_of(make_block(1, next, records)));
    next += records;
    if (random() % 30 == 0) writer.write({});
    if (random() % 20 == 0) ++second;
    if (::write(acks, &next, sizeof next) != sizeof next) ::_exit(1);
  }
}

TEST_F(StoreSummariesTest, WhatAKilledWriterOwedTheNextOneWrites) {
  auto const seed = std::random_device{}();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  std::mt19937 random(seed);
  int owing = 0;
  for (int round = 0; round < 20; ++round) {
    int pipe[2];
    ASSERT_EQ(::pipe(pipe), 0);
    auto const child_seed = random();
    pid_t const child = ::fork();
    if (child == 0) {
      ::close(pipe[0]);
      write_until_killed(path, next, child_seed, pipe[1]);
    }
    ::close(pipe[1]);
    for (auto acks = 1 + random() % 40; acks > 0; --acks)
      ASSERT_EQ(::read(pipe[0], &next, sizeof next), static_cast<ssize_t>(sizeof next));
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    ::close(pipe[0]);
    next = static_cast<std::uint64_t>(number("SELECT max(sequence) FROM record")) + 1;

    auto const summed = number("SELECT max(last_id) FROM span");
    owing += summed < records() ? 1 : 0;
    expect_summed(summed);
  }
  EXPECT_GT(owing, 0);
  { StoreWriter const writer(path); }
  expect_summed(records());
}

}  // namespace
}  // namespace logboom::store
