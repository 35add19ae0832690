// Times: the table of spans, and that whoever asks for a time finds what has it, whatever the order of times and the state of the table.
#include "store_fixture.hpp"

#include "store/id_ranges.hpp"
#include "store/inspection.hpp"
#include "store/repair.hpp"
#include "store/span_table.hpp"
#include "store/store_reader.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <random>

namespace logboom::store {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::int64_t kStart = 1'795'168'800'000'000'000;
constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kHour = 3'600 * kSecond;

class StoreSpanTest : public StoreTest {
 protected:
  std::vector<TimeSpan> spans() const {
    std::vector<TimeSpan> found;
    SQLite::Database db(path, SQLite::OPEN_READWRITE);
    SQLite::Statement select(db, fmt::format("SELECT {} FROM span ORDER BY first_id", kSpanColumns));
    while (select.executeStep()) {
      auto const span = span_of(select);
      EXPECT_TRUE(span) << "its checksum";
      if (span) found.push_back(*span);
    }
    return found;
  }
  void run(std::string const& sql) const { SQLite::Database(path, SQLite::OPEN_READWRITE).exec(sql); }

  std::vector<std::int64_t> ids(Query const& asked) const {
    std::vector<std::int64_t> found;
    query(path, asked, [&](Record const& record) {
      found.push_back(record.id);
      return true;
    });
    return found;
  }
  std::vector<std::int64_t> ids_since(std::int64_t since) const {
    Query asked;
    asked.filter.since = since;
    return ids(asked);
  }
  std::vector<IdRange> ranges(TimeAndLevel const& asked) const {
    SQLite::Database db(path, SQLite::OPEN_READWRITE);
    return ranges_with(db, asked, {1, db.execAndGet("SELECT ifnull(max(id), 0) FROM record").getInt64()});
  }
};

TEST_F(StoreSpanTest, AtALowRateOneRowGrows) {
  StoreWriter writer(path);
  for (std::uint64_t i = 0; i < 50; ++i)
    writer.write(blocks_of(make_block(1, i + 1, 1, kStart + static_cast<std::int64_t>(i) * kHour)));
  writer.write({});
  EXPECT_THAT(spans(), ElementsAre(TimeSpan{1, 50, kStart, kStart + 49 * kHour}));
}

TEST_F(StoreSpanTest, AFullOneIsFollowedByAnother) {
  StoreWriter writer(path);
  for (std::uint64_t first = 1; first <= 9'000; first += 1'000)
    writer.write(blocks_of(make_block(1, first, 1'000, kStart + static_cast<std::int64_t>(first))));
  EXPECT_THAT(spans(), ElementsAre(TimeSpan{1, 5'000, kStart + 1, kStart + 5'000},
                                   TimeSpan{5'001, 9'000, kStart + 5'001, kStart + 9'000}));
}

TEST_F(StoreSpanTest, OtherTimesBeginTheirOwn) {
  StoreWriter writer(path);
  writer.write(blocks_of(make_block(1, 1, 1'000, kStart), make_block(2, 1, 500, kStart - kHour),
                         make_block(1, 1'001, 1'000, kStart + kSecond)));
  EXPECT_THAT(spans(), ElementsAre(TimeSpan{1, 1'000, kStart, kStart + 999},
                                   TimeSpan{1'001, 1'500, kStart - kHour, kStart - kHour + 499},
                                   TimeSpan{1'501, 2'500, kStart + kSecond, kStart + kSecond + 999}));
  EXPECT_THAT(ranges({kStart - kHour, kStart - kHour}), ElementsAre(IdRange{1'001, 1'500}));
  EXPECT_THAT(ranges({kStart, kStart + kHour}), ElementsAre(IdRange{1, 1'000}, IdRange{1'501, 2'500}));
  EXPECT_THAT(ranges({kStart + kHour, INT64_MAX}), IsEmpty());
}

// Two clocks, a record at a time: a row for each would be as large as an index.
TEST_F(StoreSpanTest, HoweverTimesAreMixedThereAreFew) {
  StoreWriter writer(path);
  std::mt19937 random(7);
  std::uint64_t next = 1;
  while (next <= 40'000) {
    Blocks blocks;
    for (int i = 0; i < 20; ++i) {
      std::size_t const count = 1 + random() % 300;
      blocks.push_back(make_block(1, next, count, kStart + static_cast<std::int64_t>(random() % 3) * kHour));
      next += count;
    }
    writer.write(blocks);
  }
  auto const found = spans();
  for (std::size_t i = 1; i < found.size(); ++i)
    EXPECT_GE(found[i - 1].records() + found[i].records(), SpanTable::kFewRecords);
  EXPECT_GT(found.size(), 5U);
  EXPECT_TRUE(inspect_file(path).whole());
}

TEST_F(StoreSpanTest, TheNextWriterGoesOnWithTheLastOne) {
  for (std::uint64_t i = 1; i <= 3; ++i) StoreWriter(path).write(blocks_of(make_block(1, i, 1, kStart)));
  EXPECT_THAT(spans(), ElementsAre(TimeSpan{1, 3, kStart, kStart}));
}

TEST_F(StoreSpanTest, WhatWasRolledBackIsInNone) {
  std::int64_t seconds = 0;
  WriterOptions options;
  options.now = [&] { return ++seconds; };  // so that no transaction leaves it to a later one
  StoreWriter writer(path, options);
  writer.write(blocks_of(make_block(1, 1, 10, kStart)));
  run("CREATE TRIGGER full BEFORE INSERT ON minute BEGIN SELECT RAISE(ABORT, 'full'); END");
  EXPECT_THROW(writer.write(blocks_of(make_block(1, 11, 10, kStart + kHour))), StoreError);
  run("DROP TRIGGER full");
  writer.write(blocks_of(make_block(1, 11, 1, kStart + 1)));
  EXPECT_THAT(spans(), ElementsAre(TimeSpan{1, 11, kStart, kStart + 9}));
}

TEST_F(StoreSpanTest, AllTimesThereAreAreTimes) {
  StoreWriter writer(path);
  writer.write(blocks_of(make_block(1, 1, 1, INT64_MIN), make_block(1, 2, 1'100, kStart),
                         make_block(1, 1'102, 1, INT64_MAX)));
  EXPECT_EQ(spans().size(), 3U);
  EXPECT_THAT(ids_since(INT64_MAX), ElementsAre(1'102));
  Query asked;
  asked.filter.until = INT64_MIN + 1;
  EXPECT_THAT(ids(asked), ElementsAre(1));
  asked.filter.until = INT64_MIN;
  EXPECT_THAT(ids(asked), IsEmpty());
}

TEST_F(StoreSpanTest, WhatNoSoundRowSpeaksOfIsLookedAt) {
  {
    StoreWriter writer(path);
    for (std::uint64_t i = 0; i < 5; ++i)
      writer.write(
          blocks_of(make_block(1, 5'000 * i + 1, 5'000, kStart + static_cast<std::int64_t>(i) * kHour)));
  }
  ASSERT_EQ(spans().size(), 5U);
  run("UPDATE span SET max_created = 0 WHERE first_id = 5001; DELETE FROM span WHERE first_id IN (1, 20001)");
  EXPECT_THAT(ranges({kStart + 2 * kHour, kStart + 2 * kHour}),
              ElementsAre(IdRange{1, 15'000}, IdRange{20'001, 25'000}));
  EXPECT_EQ(ids_since(kStart + kHour).size(), 20'000U);
}

TEST_F(StoreSpanTest, VerifyTellsAndRepairMakesThemAnew) {
  for (char const* damage :
       {"UPDATE span SET max_created = 0", "DELETE FROM span", "UPDATE span SET last_id = 99"}) {
    std::filesystem::remove(path);
    { StoreWriter(path).write(blocks_of(make_block(1, 1, 100, kStart))); }
    EXPECT_TRUE(inspect_file(path).whole());
    run(damage);
    EXPECT_FALSE(inspect_file(path).whole()) << damage;
    Repair const repair = repair_file(path);
    EXPECT_EQ(repair.salvaged->records, 100U);
    EXPECT_TRUE(inspect_file(path).whole()) << damage;
    EXPECT_THAT(spans(), ElementsAre(TimeSpan{1, 100, kStart, kStart + 99}));
  }
}

// Checksums are no help against who sets them right.
TEST_F(StoreSpanTest, VerifyTellsOfASpanOfOtherTimes) {
  { StoreWriter(path).write(blocks_of(make_block(1, 1, 100, kStart))); }
  TimeSpan const wrong{1, 100, kStart, kStart + 98};
  run(fmt::format("UPDATE span SET max_created = {}, checksum = {}", wrong.max_created, wrong.checksum()));
  Inspection const found = inspect_file(path);
  ASSERT_EQ(found.places.size(), 1U);
  EXPECT_THAT(found.places[0].what, HasSubstr("1 records are in no row of span"));
}

TEST_F(StoreSpanTest, VerifyTellsOfASpanOfRecordsThatAreNotThere) {
  { StoreWriter(path).write(blocks_of(make_block(1, 1, 100, kStart))); }
  TimeSpan const wrong{1, 105, kStart, kStart + 99};
  run(fmt::format("UPDATE span SET last_id = {}, checksum = {}", wrong.last_id, wrong.checksum()));
  Inspection const found = inspect_file(path);
  ASSERT_EQ(found.places.size(), 1U);
  EXPECT_THAT(found.places[0].what, HasSubstr("speaks of records up to 105, and the last is 100"));
}

// The page where the table ends may be another table's.
TEST_F(StoreSpanTest, ADamagedEndIsNotWrittenTo) {
  { StoreWriter(path).write(blocks_of(make_block(1, 1, 10, kStart))); }
  run("UPDATE span SET max_created = 0");
  {
    std::vector<std::string> said;
    WriterOptions options;
    options.damage = [&](std::string const& line) { said.push_back(line); };
    StoreWriter writer(path, options);
    EXPECT_THAT(said, ElementsAre(HasSubstr("its table span is damaged")));
    writer.write(blocks_of(make_block(1, 11, 10, kStart + kHour)));
  }
  EXPECT_EQ(number("SELECT last_id FROM span"), 10);
  EXPECT_EQ(ids_since(kStart + kHour).size(), 10U);
  EXPECT_EQ(ids_since(kStart).size(), 20U);
}

/// Many blocks of any size at any of some times, a fifth of the records warnings, some of them errors; and what there is, to be held against.
class AnyTimesTest : public StoreSpanTest {
 protected:
  struct Kept {
    std::int64_t id, time;
    Level level;
  };

  void fill() {
    StoreWriter writer(path);
    while (kept.size() < 30'000) {
      Blocks blocks;
      for (std::size_t i = below(5); i < 5; ++i) blocks.push_back(any_block());
      writer.write(blocks);
    }
  }

  std::unique_ptr<Block> any_block() {
    auto block = make_block(1, kept.size() + 1, 1 + below(below(3) == 0 ? 3'000 : 50));
    for (Level const level : {level::kWarning, level::kError})
      block->sites.push_back(make_site(level, "app"));
    std::int64_t time =
        kStart + (below(4) == 0 ? any_time() : static_cast<std::int64_t>(kept.size()) * kSecond);
    for (Entry& entry : block->entries) {
      entry.site = below(5) > 0 ? 0 : below(100) > 0 ? 1 : 2;
      entry.time = time;
      time += static_cast<std::int64_t>(below(kSecond));
      kept.push_back({static_cast<std::int64_t>(kept.size()) + 1, entry.time, block->sites[entry.site]->level});
    }
    return block;
  }

  std::int64_t any_time() { return static_cast<std::int64_t>(below(35'000)) * kSecond; }

  Query any_query() {
    Query asked;
    if (below(4) > 0) asked.filter.since = kStart + any_time();
    if (below(3) > 0)
      asked.filter.until =
          asked.filter.since.value_or(kStart) + any_time() / static_cast<std::int64_t>(1 + below(1'000));
    if (below(2) == 0) asked.filter.level = below(2) == 0 ? level::kWarning : level::kError;
    if (below(3) == 0) asked.last = 1 + below(500);
    if (below(5) == 0) asked.after_id = static_cast<std::int64_t>(below(kept.size()));
    return asked;
  }

  std::vector<std::int64_t> expected(Query const& asked) const {
    std::vector<std::int64_t> found;
    for (Kept const& record : kept) {
      if (record.id > asked.after_id && (!asked.filter.level || record.level >= *asked.filter.level) &&
          (!asked.filter.since || record.time >= *asked.filter.since) &&
          (!asked.filter.until || record.time < *asked.filter.until))
        found.push_back(record.id);
    }
    if (asked.last > 0 && found.size() > asked.last)
      found.erase(found.begin(), found.end() - static_cast<std::ptrdiff_t>(asked.last));
    return found;
  }

  void ask() {
    for (int i = 0; i < 150; ++i) {
      Query const asked = any_query();
      ASSERT_EQ(ids(asked), expected(asked))
          << "since " << asked.filter.since.value_or(0) << ", until " << asked.filter.until.value_or(0)
          << ", level " << asked.filter.level.value_or(0) << ", last " << asked.last << ", after "
          << asked.after_id;
    }
  }

  std::size_t below(std::size_t bound) { return random() % bound; }

  std::mt19937 random{20'261'126};
  std::vector<Kept> kept;
};

TEST_F(AnyTimesTest, AnswersAreExactInAnyOrderOfTimes) {
  fill();
  EXPECT_GT(spans().size(), 5U);
  EXPECT_TRUE(inspect_file(path).whole());
  ask();
}

TEST_F(AnyTimesTest, AnswersAreExactWithDamagedSpans) {
  fill();
  for (int i = 0; i < 4 && !HasFatalFailure(); ++i) {
    run(below(2) == 0
            ? "UPDATE span SET min_created = max_created + 1 WHERE first_id = (SELECT first_id FROM "
              "span ORDER BY random() LIMIT 1)"
            : "DELETE FROM span WHERE first_id = (SELECT first_id FROM span ORDER BY random() LIMIT 1)");
    ask();
  }
}

}  // namespace
}  // namespace logboom::store
