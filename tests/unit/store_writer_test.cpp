// The store's writer: every column, ids, ledger, gaps, roll-up, bounds, the lock; read back by SQL.
#include "store_fixture.hpp"

#include "record/wire.hpp"
#include "store/inspection.hpp"
#include "store/ledger_reader.hpp"
#include "store/rollup.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <random>
#include <thread>

namespace logboom::store {
namespace {

using testing::Test;

class StoreWriterTest : public StoreTest {};

TEST_F(StoreWriterTest, EveryColumnReachesTheViews) {
  auto block = std::make_unique<Block>();
  block->sites = {std::make_shared<Site const>(Site{.level = 30,
                                                    .level_name = "WARNING",
                                                    .logger = "solver.grid",
                                                    .template_text = "it's {x}",
                                                    .file = "g.cpp",
                                                    .line = 42,
                                                    .function = "solve"})};
  block->sources = {std::make_shared<Source const>(Source{.publisher = publisher_id(1),
                                                          .host = "h1",
                                                          .process = "p1",
                                                          .pid = 4321,
                                                          .started = 77,
                                                          .stream = 3,
                                                          .tid = 8765,
                                                          .thread = "t1"})};
  Entry& entry = block->entries.emplace_back();
  entry.time = 1'795'168'800'123'456'789;
  entry.sequence = 9;
  entry.message = "it's \"7\"\n%s";
  entry.fields_json = R"({"x":7})";
  entry.exception_type = "E";
  entry.exception = "trace";
  entry.stack = "stack";
  entry.task = "task";
  entry.attributes_json = R"({"k":null})";
  Blocks const blocks = blocks_of(std::move(block));
  StoreWriter writer(path);
  writer.write(blocks);

  EXPECT_EQ(
      sqlite3(
          ".mode quote\nSELECT id, created, time, level, level_name, logger, message, fields, host, process, "
          "pid, "
          "thread, tid, file, line, function, template, exception_type, exception, stack, task, attributes, "
          "publisher, started, stream, sequence FROM records;"),
      "1,1795168800123456789,'2026-11-20T10:00:00.123456789Z',30,'WARNING','solver.grid','it''s "
      "\"7\"\n%s','{\"x\":7}',"
      "'h1','p1',4321,'t1',8765,'g.cpp',42,'solve','it''s {x}','E','trace','stack','task','{\"k\":null}',"
      "'ab000000000000000000000000000001',77,3,9");
  EXPECT_EQ(sqlite3("SELECT fields->>'x' FROM records"), "7");
}

TEST_F(StoreWriterTest, AbsentValuesAreNull) {
  auto block = std::make_unique<Block>();
  block->sites = {make_site(25, "")};
  block->sources = {std::make_shared<Source const>()};
  block->entries.emplace_back();
  Blocks const blocks = blocks_of(std::move(block));
  StoreWriter(path).write(blocks);
  EXPECT_EQ(sqlite3(".mode quote\nSELECT message, fields, exception_type, exception, stack, task, "
                    "attributes, publisher, "
                    "sequence, level_name FROM records;"),
            "'',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'Level 25'");
}

// Rows with something in the rare columns and rows without take different statements.
TEST_F(StoreWriterTest, OneTransactionTakesRareAndCommonRowsInOrder) {
  auto writer = std::make_unique<StoreWriter>(path);
  std::uint64_t next = 1;
  for (int transaction = 0; transaction < 3; ++transaction) {
    Blocks blocks;
    for (int i = 0; i < 5; ++i) {
      auto block = make_block(1, next, 2);
      if (i == 1 || i == 2 || i == 4) block->entries[1].task = "rare";
      if (i == 3) block->entries.clear();
      next += block->entries.size();
      blocks.push_back(std::move(block));
    }
    writer->write(blocks);
    EXPECT_EQ(blocks[4]->first_id, static_cast<std::int64_t>(next) - 2);
  }
  writer.reset();
  EXPECT_EQ(sqlite3("SELECT count(*), sum(id = sequence), sum(message = 'message ' || id) FROM records"),
            "24|24|24");
  EXPECT_EQ(sqlite3("SELECT group_concat(id) FROM records WHERE task = 'rare'"), "4,6,8,12,14,16,20,22,24");
  EXPECT_TRUE(inspect_file(path).whole());
}

// Each alone, and in rows that are not the first of their file: those take a statement of their own.
TEST_F(StoreWriterTest, NoRareColumnIsLeftOut) {
  StoreWriter writer(path);
  writer.write(blocks_of(make_block(1, 1, 1)));
  std::uint64_t next = 2;
  for (auto const column :
       {&Entry::exception_type, &Entry::exception, &Entry::stack, &Entry::task, &Entry::attributes_json}) {
    auto block = make_block(1, next++, 1);
    block->entries[0].*column = R"({"k":1})";
    writer.write(blocks_of(std::move(block)));
  }
  EXPECT_EQ(
      sqlite3("SELECT id, exception_type IS NOT NULL, exception IS NOT NULL, stack IS NOT NULL, task IS "
              "NOT NULL, attributes IS NOT NULL FROM records WHERE id > 1 ORDER BY id"),
      "2|1|0|0|0|0\n3|0|1|0|0|0\n4|0|0|1|0|0\n5|0|0|0|1|0\n6|0|0|0|0|1");
}

TEST_F(StoreWriterTest, LogsHasTheSevenColumnsInInsertionOrder) {
  StoreWriter writer(path);
  // Times run backwards, so that an order by time would show.
  for (int i = 0; i < 3; ++i) {
    Blocks const blocks =
        blocks_of(make_block(1, static_cast<unsigned>(i) + 1, 1, (1'795'168'800LL - i) * 1'000'000'000));
    writer.write(blocks);
  }
  ::setenv("TZ", "Etc/GMT-2", 1);
  EXPECT_EQ(sqlite3(".headers on\nSELECT * FROM logs"),
            "created|name|level|message|hostname|process|thread\n"
            "2026-11-20T12:00:00|app|INFO|message 1|host|101|200\n"
            "2026-11-20T11:59:59|app|INFO|message 2|host|101|200\n"
            "2026-11-20T11:59:58|app|INFO|message 3|host|101|200");
  EXPECT_EQ(sqlite3("SELECT created FROM logs LIMIT 1"), "2026-11-20T12:00:00");
  EXPECT_EQ(sqlite3("SELECT typeof(process), typeof(thread) FROM logs LIMIT 1"), "text|text");
  ::unsetenv("TZ");
}

TEST_F(StoreWriterTest, TimesBefore1970RoundDown) {
  Blocks const blocks = blocks_of(make_block(1, 1, 1, -1));
  StoreWriter(path).write(blocks);
  EXPECT_EQ(sqlite3("SELECT time FROM records"), "1969-12-31T23:59:59.999999999Z");
  EXPECT_EQ(sqlite3("SELECT minute FROM minute"), "-1");
}

TEST_F(StoreWriterTest, IdsAreContiguousAndGoOnAfterReopening) {
  {
    StoreWriter writer(path);
    EXPECT_EQ(writer.last_id(), 0);
    Blocks const blocks = blocks_of(make_block(1, 1, 3), make_block(2, 1, 0), make_block(2, 1, 2));
    writer.write(blocks);
    EXPECT_EQ(blocks[0]->first_id, 1);
    EXPECT_EQ(blocks[2]->first_id, 4);
    EXPECT_EQ(writer.last_id(), 5);
  }
  StoreWriter writer(path);
  EXPECT_EQ(writer.last_id(), 5);
  Blocks const blocks = blocks_of(make_block(1, 4, 1));
  writer.write(blocks);
  EXPECT_EQ(blocks[0]->first_id, 6);
  EXPECT_EQ(number("SELECT sequence FROM record WHERE id = 6"), 4);
}

TEST_F(StoreWriterTest, LedgerKeepsTheFurthestOfEachStream) {
  LedgerReader reader(path);
  StoreWriter writer(path);
  EXPECT_FALSE(reader.find(publisher_id(1), 0));
  writer.write(blocks_of(make_block(1, 1, 10), make_block(1, 11, 10), make_block(2, 1, 5)));
  writer.write(blocks_of(make_block(1, 3, 2)));  // what says less does not take it back
  auto ledger = writer.ledger();
  ASSERT_EQ(ledger.size(), 2U);
  for (Progress const& progress : ledger) {
    EXPECT_EQ(progress.stream, 0U);
    EXPECT_EQ(progress.last, progress.publisher == publisher_id(1) ? 20U : 5U);
  }
  EXPECT_EQ(reader.find(publisher_id(1), 0).value().last, 20U);
  EXPECT_FALSE(reader.find(publisher_id(1), 1));
  EXPECT_FALSE(reader.find(publisher_id(9), 0));
}

TEST_F(StoreWriterTest, WhatIsMissingIsKept) {
  LedgerReader reader(path);
  std::vector<Missing> const missing{{1, 10, false}, {31, 40, true}};
  {
    StoreWriter writer(path);
    Blocks blocks = blocks_of(std::make_unique<Block>());
    blocks[0]->progress.push_back({publisher_id(7), 2, 99, missing});
    writer.write(blocks);
    blocks[0]->progress[0] = {publisher_id(7), 2, 50, {}};  // what says less changes nothing
    writer.write(blocks);
  }
  EXPECT_EQ(reader.find(publisher_id(7), 2).value().missing, missing);
  StoreWriter writer(path);
  ASSERT_EQ(writer.ledger().size(), 1U);
  EXPECT_EQ(writer.ledger()[0].missing, missing);
  Blocks blocks = blocks_of(std::make_unique<Block>());
  blocks[0]->progress.push_back({publisher_id(7), 2, 99, {}});
  writer.write(blocks);
  EXPECT_TRUE(reader.find(publisher_id(7), 2).value().missing.empty());
  EXPECT_EQ(number("SELECT last FROM ledger"), 99);
}

TEST_F(StoreWriterTest, GapsOfWhatArrivedAfterAllShrink) {
  StoreWriter writer(path);
  Blocks blocks = blocks_of(std::make_unique<Block>());
  auto const source =
      std::make_shared<Source const>(Source{publisher_id(7), "host", "process", 1, 0, 2, 3, ""});
  for (auto const& [first, last] : {std::pair(11U, 20U), std::pair(31U, 40U)})
    wire::add_gap(*blocks[0], source, {publisher_id(7), 2, first, last, 5, "elsewhere"});
  writer.write(blocks);
  blocks = blocks_of(std::make_unique<Block>());
  wire::add_gap(*blocks[0], source, {publisher_id(7), 2, 51, 60, 5, "elsewhere"});
  wire::add_gap(*blocks[0], source, {publisher_id(7), 2, 31, 35, 5, "anew"});
  blocks[0]->arrivals = {{{publisher_id(7), 2, 14, 15}, 0},
                         {{publisher_id(7), 2, 31, 40}, 0},
                         {{publisher_id(7), 3, 11, 20}, 0},
                         {{publisher_id(7), 2, 51, 59}, 1}};
  writer.write(blocks);
  EXPECT_EQ(sqlite3("SELECT first, last, reason FROM gap ORDER BY first"),
            "11|13|elsewhere\n16|20|elsewhere\n31|35|anew\n60|60|elsewhere");
}

TEST_F(StoreWriterTest, ProgressAloneIsWritten) {
  Blocks blocks = blocks_of(std::make_unique<Block>());
  blocks[0]->progress.push_back({publisher_id(7), 2, 99});
  StoreWriter writer(path);
  writer.write(blocks);
  writer.write({});
  ASSERT_EQ(writer.ledger().size(), 1U);
  EXPECT_EQ(writer.ledger()[0].last, 99U);
  EXPECT_EQ(writer.last_id(), 0);
}

TEST_F(StoreWriterTest, GapsAreRows) {
  auto block = make_block(1, 1, 1);
  block->gaps.push_back({publisher_id(1), 4, 10, 19, 123, "spool full"});
  Blocks const blocks = blocks_of(std::move(block));
  StoreWriter(path).write(blocks);
  EXPECT_EQ(sqlite3("SELECT lower(hex(p.uuid)), stream, first, last, created, reason FROM gap JOIN publisher "
                    "p ON p.id = "
                    "publisher_id"),
            "ab000000000000000000000000000001|4|10|19|123|spool full");
}

TEST_F(StoreWriterTest, RollupEqualsCounting) {
  auto const seed = std::random_device{}();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  std::mt19937 random(seed);
  StoreWriter writer(path);
  for (unsigned round = 0; round < 5; ++round) {
    Blocks blocks;
    for (unsigned b = 0; b < 10; ++b) {
      auto block = make_block(b, round * 100 + 1, 100);
      block->sites.push_back(make_site(40, "other"));
      for (Entry& entry : block->entries) {
        entry.site = random() % 2;
        entry.time = (static_cast<std::int64_t>(random() % 8) - 4) * (kMinuteNs / 2) - 1;
      }
      blocks.push_back(std::move(block));
    }
    writer.write(blocks);
  }
  EXPECT_EQ(number("SELECT sum(n) FROM minute"), 5'000);
  EXPECT_EQ(number("SELECT count(*) FROM (SELECT * FROM minute EXCEPT SELECT CAST(floor(created / 60e9) AS "
                   "INTEGER), site_id, "
                   "count(*) FROM record GROUP BY 1, 2)"),
            0);
  EXPECT_EQ(number("SELECT sum(n) FROM minute_level"), 5'000);
  EXPECT_EQ(
      number("SELECT count(*) FROM (SELECT * FROM minute_level EXCEPT SELECT CAST(floor(created / 60e9) "
             "AS INTEGER), level, count(*) FROM record GROUP BY 1, 2)"),
      0);
}

// As docs/store.md has them. A sort would take longer than all the rest.
TEST_F(StoreWriterTest, CountsAMinuteNeedNoSorting) {
  StoreWriter writer(path);
  auto block = make_block(1, 1, 5, 90 * kMinuteNs);
  block->sites = {make_site(20, "app"), make_site(30, "app"), make_site(40, "app"), make_site(40, "other")};
  for (std::uint32_t i = 0; i < 5; ++i) block->entries[i].site = i % 4;
  block->entries[4].time += kMinuteNs;
  writer.write(blocks_of(std::move(block)));
  std::string const by_level = "SELECT minute, level, n FROM minute_level WHERE minute >= 90;";
  EXPECT_EQ(sqlite3(by_level), "90|20|1\n90|30|1\n90|40|2\n91|20|1");
  EXPECT_EQ(sqlite3("EXPLAIN QUERY PLAN " + by_level).find("TEMP B-TREE"), std::string::npos);
  std::string const of_a_logger =
      "SELECT minute, sum(n) FROM minute JOIN site ON site.id = site_id WHERE logger = 'app' AND minute >= "
      "90 "
      "GROUP BY minute;";
  EXPECT_EQ(sqlite3(of_a_logger), "90|3\n91|1");
  EXPECT_EQ(sqlite3("EXPLAIN QUERY PLAN " + of_a_logger).find("TEMP B-TREE"), std::string::npos);
}

TEST_F(StoreWriterTest, EqualNamesAreOneRow) {
  StoreWriter writer(path);
  for (int i = 0; i < 3; ++i) writer.write(blocks_of(make_block(1, 1, 1), make_block(1, 2, 1)));
  EXPECT_EQ(number("SELECT count(*) FROM site"), 1);
  EXPECT_EQ(number("SELECT count(*) FROM source"), 1);
  EXPECT_EQ(number("SELECT count(*) FROM publisher WHERE id > 0"), 1);
}

TEST_F(StoreWriterTest, MoreNamesThanAreHeldStayOneRowEach) {
  StoreWriter writer(path);
  auto const all = [] {
    auto block = std::make_unique<Block>();
    block->sources.push_back(std::make_shared<Source const>());
    for (std::uint32_t i = 0; i < 20'000; ++i) {
      block->sites.push_back(make_site(20, fmt::format("l{}", i)));
      block->entries.emplace_back().site = i;
    }
    return blocks_of(std::move(block));
  };
  writer.write(all());
  writer.write(all());
  EXPECT_EQ(number("SELECT count(*) FROM site"), 20'000);
  EXPECT_EQ(number("SELECT count(*) FROM record r JOIN site s ON s.id = r.site_id WHERE logger = 'l19999'"), 2);
}

TEST_F(StoreWriterTest, OverlongTextsAreCutAndSaySo) {
  std::string const word = "ä";
  std::string text;
  while (text.size() < (9U << 20U)) text += word;
  std::string const json = "{\"k\":\"" + std::string(9U << 20U, 'x') + "\"}";
  auto block = make_block(1, 1, 2);
  block->entries[0].message = text;
  block->entries[0].fields_json = json;
  Blocks const blocks = blocks_of(std::move(block));
  StoreWriter(path).write(blocks);
  EXPECT_EQ(number("SELECT count(*) FROM record"), 2);
  EXPECT_EQ(number("SELECT length(CAST(message AS BLOB)) FROM record WHERE id = 1"),
            (8 << 20) + static_cast<std::int64_t>(std::string("…[cut 1048576 bytes]").size()));
  EXPECT_EQ(sqlite3("SELECT substr(message, -22) FROM record WHERE id = 1"), "ää…[cut 1048576 bytes]");
  EXPECT_EQ(sqlite3("SELECT fields->>'…' FROM record WHERE id = 1"),
            fmt::format("[cut {} bytes]", json.size()));
}

TEST_F(StoreWriterTest, VeryLongTextBelowTheBoundIsWhole) {
  std::string const text(1U << 20U, 'q');
  auto block = make_block(1, 1, 1);
  block->entries[0].message = text;
  Blocks const blocks = blocks_of(std::move(block));
  StoreWriter(path).write(blocks);
  EXPECT_EQ(number("SELECT length(message) FROM record"), 1 << 20);
}

TEST_F(StoreWriterTest, SecondWriterIsRefusedInTheSameProcess) {
  StoreWriter writer(path);
  try {
    StoreWriter second((directory / "." / "logs.sqlite").string());
    FAIL();
  } catch (StoreError const& error) {
    EXPECT_EQ(error.kind(), StoreError::Kind::kLocked);
    EXPECT_FALSE(error.retryable());
    EXPECT_NE(std::string(error.what()).find(fmt::format("pid {}", ::getpid())), std::string::npos)
        << error.what();
  }
  writer.write(blocks_of(make_block(1, 1, 1)));  // the first one is unharmed
}

TEST_F(StoreWriterTest, SecondWriterIsRefusedInAnotherProcessAndNamesTheFirst) {
  std::string expected;
  {
    StoreWriter writer(path);
    expected = fmt::format("pid {};", ::getpid());
    pid_t const child = ::fork();
    if (child == 0) {
      try {
        StoreWriter second(path);
        ::_exit(1);
      } catch (StoreError const& error) {
        bool const right = error.kind() == StoreError::Kind::kLocked &&
                           std::string(error.what()).find(expected) != std::string::npos;
        ::_exit(right ? 0 : 2);
      }
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
  }
  StoreWriter(path).write(blocks_of(make_block(1, 1, 1)));  // free again
}

TEST_F(StoreWriterTest, ForkedChildDoesNotKeepTheLock) {
  int release[2];
  ASSERT_EQ(::pipe(release), 0);
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  pid_t const holder = ::fork();
  if (holder == 0) {
    auto* writer = new StoreWriter(path);
    writer->write(blocks_of(make_block(1, 1, 1)));
    if (::fork() == 0) {  // outlives the holder, with all its descriptors
      char byte = 0;
      ::close(release[1]);
      if (::write(ready[1], "r", 1) != 1 || ::read(release[0], &byte, 1) < 0) ::_exit(1);
      ::_exit(0);
    }
    ::pause();
  }
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  ::kill(holder, SIGKILL);
  ::waitpid(holder, nullptr, 0);
  EXPECT_EQ(StoreWriter(path).last_id(), 1);
  ::close(release[1]);
}

TEST_F(StoreWriterTest, ReadersSeeTheFileGrowWhileItIsWritten) {
  StoreWriter writer(path);
  std::atomic<bool> done{false};
  std::atomic<std::int64_t> torn{0};
  std::thread reader([&] {
    SQLite::Database db(path, SQLite::OPEN_READONLY, 5'000);
    while (!done) {
      SQLite::Statement counts(db, "SELECT (SELECT count(*) FROM record), (SELECT last FROM ledger)");
      counts.executeStep();
      if (counts.getColumn(0).getInt64() != counts.getColumn(1).getInt64()) ++torn;
    }
  });
  for (unsigned i = 0; i < 200; ++i) writer.write(blocks_of(make_block(1, i * 50 + 1, 50)));
  done = true;
  reader.join();
  EXPECT_EQ(torn, 0);
  EXPECT_EQ(sqlite3("SELECT count(*) FROM logs"), "10000");
}

TEST_F(StoreWriterTest, CheckpointsHappenWhileWriting) {
  StoreWriter writer(path);
  std::string const text(60'000, 'x');
  auto const size = [&] { return std::filesystem::file_size(path); };
  auto const before = size();
  // Well past a thousand pages; then until the checkpoint that was asked for shows.
  for (unsigned i = 0; i < 100'000 && size() <= before + (1U << 20U); ++i) {
    auto block = make_block(1, i * 10 + 1, 10);
    for (Entry& entry : block->entries) entry.message = text;
    writer.write(blocks_of(std::move(block)));
    ASSERT_LT(i, 2'000U);
  }
  EXPECT_GT(size(), before);
}

TEST_F(StoreWriterTest, TheLogIsBoundedWithoutAPauseAndGrowsBehindAReader) {
  constexpr std::int64_t kBound = 1 << 20;
  std::vector<std::string> told;
  StoreWriter writer(path,
                     {.log_bound = kBound, .notice = [&](std::string const& line) { told.push_back(line); }});
  std::uint64_t next = 1;
  auto const write_8_mib = [&] {
    for (int i = 0; i < 80; ++i, ++next) {
      auto block = make_block(1, next, 1);
      block->entries[0].message = block->arena.copy(std::string(100 << 10, 'x'));
      writer.write(blocks_of(std::move(block)));
    }
  };
  auto const log_size = [&] { return static_cast<std::int64_t>(std::filesystem::file_size(path + "-wal")); };
  write_8_mib();
  EXPECT_LE(log_size(), 2 * kBound);
  EXPECT_TRUE(told.empty());
  {
    SQLite::Database reader(path, SQLite::OPEN_READONLY);
    reader.exec("BEGIN; SELECT count(*) FROM record");
    write_8_mib();  // nobody waits for the reader
    EXPECT_GE(log_size(), 7 * kBound);
    ASSERT_FALSE(told.empty());
    EXPECT_NE(told.back().find("-wal has grown to"), std::string::npos);
  }
  auto const grown = log_size();
  write_8_mib();
  EXPECT_LE(log_size(), grown + kBound);
  EXPECT_EQ(number("SELECT count(*) FROM record"), 240);
}

TEST_F(StoreWriterTest, ClosingLeavesOneCompleteFile) {
  { StoreWriter(path).write(blocks_of(make_block(1, 1, 100))); }
  EXPECT_FALSE(std::filesystem::exists(path + "-wal"));
  EXPECT_FALSE(std::filesystem::exists(path + "-shm"));
  EXPECT_EQ(sqlite3("PRAGMA integrity_check; SELECT count(*) FROM record"), "ok\n100");
}

}  // namespace
}  // namespace logboom::store
