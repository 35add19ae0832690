// Reading a store: round trip of every member, filters, ranges, `last`, pages, and files that are closed, live, read-only or not stores.
#include "store_fixture.hpp"

#include "store/store_reader.hpp"

#include <gmock/gmock.h>

#include <sys/wait.h>
#include <unistd.h>

#include <functional>
#include <set>
#include <stdexcept>

namespace logboom::store {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::int64_t kStart = 1'795'168'800'000'000'000;
constexpr std::int64_t kSecond = 1'000'000'000;

class StoreReaderTest : public StoreTest {
 protected:
  std::vector<std::int64_t> ids(Query const& query) const {
    std::vector<std::int64_t> found;
    logboom::query(path, query, [&](Record const& record) {
      found.push_back(record.id);
      return true;
    });
    return found;
  }

  std::vector<std::int64_t> ids(Filter const& filter) const {
    Query query;
    query.filter = filter;
    return ids(query);
  }

  /// Ids 1–12: loggers net, net.http, network in turn; levels 10, 20, 30, 40 in turn; host0 and host1; a second apart.
  void write_dozen(StoreWriter& writer) const {
    Blocks blocks;
    char const* const loggers[] = {"net", "net.http", "network"};
    for (unsigned i = 0; i < 12; ++i) {
      auto block = make_block(i % 2, i + 1, 1, kStart + i * kSecond);
      block->sites[0] = make_site(static_cast<Level>(i % 4 + 1) * 10, loggers[i % 3]);
      Source source = *block->sources[0];
      source.host = fmt::format("host{}", i % 2);
      source.process = fmt::format("worker-{}", i % 2);
      block->sources[0] = std::make_shared<Source const>(source);
      block->entries[0].fields_json = block->arena.copy(fmt::format(R"({{"step":{},"user":"u{}"}})", i, i % 3));
      if (i == 5) block->entries[0].exception = "boom (core)";
      blocks.push_back(std::move(block));
    }
    writer.write(blocks);
  }

  std::string refusal() const {
    try {
      StoreReader const reader(path);
    } catch (StoreError const& error) {
      EXPECT_THAT(error.what(), testing::AllOf(HasSubstr(path), testing::Not(HasSubstr("\n"))));
      return error.what();
    }
    return "accepted";
  }
};

TEST_F(StoreReaderTest, EveryMemberComesBack) {
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
                                                          .tid = 0xffff'ffff'ffff'fff0U,
                                                          .thread = "t1"})};
  Entry& entry = block->entries.emplace_back();
  entry.time = kStart + 123'456'789;
  entry.sequence = 9;
  entry.message = "it's \"7\"\n\x1b[31m ä %s ?1 :x";
  entry.fields_json = R"({"x":7,"s":"a\"b","n":null,"f":1.5,"a":[true,{"k":"v"}]})";
  entry.exception_type = "E";
  entry.exception = "trace";
  entry.stack = "stack";
  entry.task = "task";
  entry.attributes_json = R"({"k":"v"})";
  Blocks const blocks = blocks_of(std::move(block));
  StoreWriter writer(path);
  writer.write(blocks);

  auto const read = StoreReader(path).fetch(1);
  ASSERT_TRUE(read);
  Record const& record = *read;
  EXPECT_EQ(record.id, 1);
  EXPECT_EQ(record.time, kStart + 123'456'789);
  EXPECT_EQ(record.level, 30);
  EXPECT_EQ(record.level_name, "WARNING");
  EXPECT_EQ(record.logger, "solver.grid");
  EXPECT_EQ(record.message, "it's \"7\"\n\x1b[31m ä %s ?1 :x");
  EXPECT_EQ(record.template_text, "it's {x}");
  Fields const expected{
      {"x", Value(std::int64_t{7})},
      {"s", Value(std::string("a\"b"))},
      {"n", Value()},
      {"f", Value(1.5)},
      {"a", Value(Value::Array{Value(true), Value(Value::Map{{"k", Value(std::string("v"))}})})}};
  EXPECT_EQ(record.fields, expected);
  EXPECT_EQ(record.attributes, (Fields{{"k", Value(std::string("v"))}}));
  EXPECT_EQ(record.host, "h1");
  EXPECT_EQ(record.process, "p1");
  EXPECT_EQ(record.pid, 4321U);
  EXPECT_EQ(record.process_started, 77);
  EXPECT_EQ(record.thread, "t1");
  EXPECT_EQ(record.tid, 0xffff'ffff'ffff'fff0U);
  EXPECT_EQ(record.file, "g.cpp");
  EXPECT_EQ(record.line, 42U);
  EXPECT_EQ(record.function, "solve");
  EXPECT_EQ(record.exception_type, "E");
  EXPECT_EQ(record.exception, "trace");
  EXPECT_EQ(record.stack, "stack");
  EXPECT_EQ(record.task, "task");
  EXPECT_EQ(record.publisher, publisher_id(1));
  EXPECT_EQ(record.stream, 3U);
  EXPECT_EQ(record.sequence, 9U);
}

TEST_F(StoreReaderTest, JsonThatCannotBeReadIsShownAsItIs) {
  { StoreWriter(path).write(blocks_of(make_block(1, 1, 1))); }
  SQLite::Database(path, SQLite::OPEN_READWRITE).exec("UPDATE record SET fields = '{oops'");
  EXPECT_EQ(StoreReader(path).fetch(1)->fields, (Fields{{"…", Value(std::string("{oops"))}}));
}

TEST_F(StoreReaderTest, EachPartOfAFilterSelects) {
  StoreWriter writer(path);
  write_dozen(writer);
  EXPECT_THAT(ids(Filter{}), ElementsAre(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12));
  Filter level;
  level.level = 30;
  EXPECT_THAT(ids(level), ElementsAre(3, 4, 7, 8, 11, 12));
  Filter logger;
  logger.loggers = {"net"};
  EXPECT_THAT(ids(logger), ElementsAre(1, 2, 4, 5, 7, 8, 10, 11));
  logger.loggers = {"net*k", "nobody"};
  EXPECT_THAT(ids(logger), ElementsAre(3, 6, 9, 12));
  logger.loggers = {"nobody"};
  EXPECT_THAT(ids(logger), IsEmpty());
  Filter host;
  host.hosts = {"host1"};
  EXPECT_THAT(ids(host), ElementsAre(2, 4, 6, 8, 10, 12));
  Filter process;
  process.processes = {"*-0"};
  process.level = 30;
  EXPECT_THAT(ids(process), ElementsAre(3, 7, 11));
  Filter pid;
  pid.pids = {101};
  EXPECT_THAT(ids(pid), ElementsAre(2, 4, 6, 8, 10, 12));
  Filter time;
  time.since = kStart + 3 * kSecond;
  time.until = kStart + 6 * kSecond;
  EXPECT_THAT(ids(time), ElementsAre(4, 5, 6));
  time.level = 20;
  EXPECT_THAT(ids(time), ElementsAre(4, 6));
  Filter regex;
  regex.regex = "message 1[01]$";
  EXPECT_THAT(ids(regex), ElementsAre(10, 11));
  regex.regex = "message 1";
  EXPECT_THAT(ids(regex), ElementsAre(1, 10, 11, 12));
  regex.regex = "boom";
  EXPECT_THAT(ids(regex), ElementsAre(6));
  Filter field;
  field.fields = {parse_field_test("step>=9"), parse_field_test("user=u1")};
  EXPECT_THAT(ids(field), ElementsAre(11));
  field.fields = {parse_field_test("absent!=1"), parse_field_test("user!=u1"), parse_field_test("step<4")};
  EXPECT_THAT(ids(field), ElementsAre(1, 3, 4));
  field.fields = {parse_field_test("absent=1")};
  EXPECT_THAT(ids(field), IsEmpty());
}

TEST_F(StoreReaderTest, IdsBoundAndLastTakesTheNewestAscending) {
  StoreWriter writer(path);
  write_dozen(writer);
  Query query;
  query.after_id = 3;
  query.up_to_id = 6;
  EXPECT_THAT(ids(query), ElementsAre(4, 5, 6));
  query.last = 2;
  EXPECT_THAT(ids(query), ElementsAre(5, 6));
  query = {};
  query.last = 100;
  query.filter.level = 40;
  EXPECT_THAT(ids(query), ElementsAre(4, 8, 12));
  query.last = 2;
  EXPECT_THAT(ids(query), ElementsAre(8, 12));
  query.filter.fields = {parse_field_test("user=u1")};
  EXPECT_THAT(ids(query), ElementsAre(8));
  query.after_id = 12;
  EXPECT_THAT(ids(query), IsEmpty());
}

TEST_F(StoreReaderTest, TimesOutOfOrderAreFoundWithinBounds) {
  StoreWriter writer(path);
  for (std::int64_t const second : {100, 5, 200, 50, 150}) {
    writer.write(blocks_of(make_block(1, 1, 1, kStart + second * kSecond)));
  }
  Filter time;
  time.since = kStart + 50 * kSecond;
  time.until = kStart + 150 * kSecond;
  EXPECT_THAT(ids(time), ElementsAre(1, 4));
}

TEST_F(StoreReaderTest, ManyPagesComeInOrderAndOnce) {
  StoreWriter writer(path);
  writer.write(blocks_of(make_block(1, 1, 1'000), make_block(2, 1, 1'500)));
  std::vector<std::int64_t> const all = ids(Filter{});
  ASSERT_EQ(all.size(), 2'500U);
  EXPECT_TRUE(std::is_sorted(all.begin(), all.end()));
  EXPECT_EQ(std::set<std::int64_t>(all.begin(), all.end()).size(), 2'500U);
  Query query;
  query.last = 1'000;
  EXPECT_EQ(ids(query).front(), 1'501);
  EXPECT_EQ(ids(query).size(), 1'000U);
}

TEST_F(StoreReaderTest, VisitorsEndItAndThrowThroughIt) {
  StoreWriter writer(path);
  writer.write(blocks_of(make_block(1, 1, 1'000)));
  int seen = 0;
  logboom::query(path, {}, [&](Record const&) { return ++seen < 3; });
  EXPECT_EQ(seen, 3);
  EXPECT_THROW(logboom::query(path, {}, [](Record const&) -> bool { throw std::runtime_error("mine"); }),
               std::runtime_error);
}

TEST_F(StoreReaderTest, WhatIsCommittedAfterTheCallBeganIsNotSeenAndTheVisitorHoldsNoTransaction) {
  StoreWriter writer(path);
  writer.write(blocks_of(make_block(1, 1, 600)));
  std::int64_t last = 0;
  StoreReader const reader(path);
  reader.query({}, [&](Record const& record) {
    last = record.id;
    if (record.id == 1) {
      writer.write(blocks_of(make_block(1, 601, 600)));
      // Everything can be moved out of the log while a visitor is at work: no reader is in the way.
      SQLite::Database db(path, SQLite::OPEN_READWRITE);
      EXPECT_EQ(db.execAndGet("PRAGMA wal_checkpoint(TRUNCATE)").getInt(), 0);
    }
    return true;
  });
  EXPECT_EQ(last, 600);
  EXPECT_EQ(reader.last_id(), 1'200);
}

TEST_F(StoreReaderTest, RangesAndSingleRecords) {
  StoreWriter writer(path);
  StoreReader const reader(path);
  EXPECT_EQ(reader.last_id(), 0);
  EXPECT_FALSE(reader.fetch(1));
  write_dozen(writer);
  EXPECT_EQ(reader.last_id(), 12);
  EXPECT_EQ(reader.fetch(12)->message, "message 12");
  std::vector<std::int64_t> seen;
  auto const note = [&](Record const& record) {
    seen.push_back(record.id);
    return seen.size() < 4;
  };
  reader.range(-5, 2, note);
  EXPECT_THAT(seen, ElementsAre(1, 2));
  reader.range(11, 9'999, note);
  EXPECT_THAT(seen, ElementsAre(1, 2, 11, 12));
}

TEST_F(StoreReaderTest, MalformedFiltersAreTheCallersMistake) {
  StoreWriter const writer(path);
  Query query;
  query.filter.regex = "(";
  EXPECT_THROW(ids(query), std::invalid_argument);
}

TEST_F(StoreReaderTest, ClosedFilesAreRead) {
  { StoreWriter(path).write(blocks_of(make_block(1, 1, 5))); }
  EXPECT_EQ(ids(Filter{}).size(), 5U);
}

TEST_F(StoreReaderTest, TheLogOfAKilledWriterIsRead) {
  pid_t const child = ::fork();
  if (child == 0) {
    (new StoreWriter(path))->write(blocks_of(make_block(1, 1, 5)));
    ::_exit(0);
  }
  ::waitpid(child, nullptr, 0);
  ASSERT_TRUE(std::filesystem::exists(path + "-wal"));
  EXPECT_EQ(ids(Filter{}).size(), 5U);
}

/// Runs `work` as a user who may write nothing of ours. True if it returned true.
bool as_nobody(std::function<bool()> const& work) {
  pid_t const child = ::fork();
  if (child == 0) {
    if (::getuid() == 0 && (::setgid(65'534) != 0 || ::setuid(65'534) != 0)) ::_exit(3);
    try {
      ::_exit(work() ? 0 : 1);
    } catch (std::exception const& error) {
      fmt::print(stderr, "{}\n", error.what());
      ::_exit(2);
    }
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return status == 0;
}

TEST_F(StoreReaderTest, AClosedFileInAReadOnlyDirectoryIsRead) {
  path = (directory / "odd name?#%.sqlite").string();
  { StoreWriter(path).write(blocks_of(make_block(1, 1, 5))); }
  std::filesystem::permissions(directory, std::filesystem::perms{0555});
  EXPECT_TRUE(as_nobody([&] { return ids(Filter{}).size() == 5; }));
  std::filesystem::permissions(directory, std::filesystem::perms{0755});
}

TEST_F(StoreReaderTest, ALiveFileInAReadOnlyDirectoryIsRead) {
  StoreWriter writer(path);
  writer.write(blocks_of(make_block(1, 1, 5)));
  std::filesystem::permissions(directory, std::filesystem::perms{0555});
  EXPECT_TRUE(as_nobody([&] { return ids(Filter{}).size() == 5; }));
  std::filesystem::permissions(directory, std::filesystem::perms{0755});
}

TEST_F(StoreReaderTest, ALogThatCannotBeReadIsNotPassedOver) {
  pid_t const child = ::fork();
  if (child == 0) {
    (new StoreWriter(path))->write(blocks_of(make_block(1, 1, 5)));
    ::_exit(0);
  }
  ::waitpid(child, nullptr, 0);
  std::filesystem::remove(path + "-shm");
  std::filesystem::permissions(directory, std::filesystem::perms{0555});
  EXPECT_TRUE(as_nobody([&] { return refusal().find("copy both files") != std::string::npos; }));
  std::filesystem::permissions(directory, std::filesystem::perms{0755});
}

TEST_F(StoreReaderTest, WhatIsNoStoreIsRefused) {
  EXPECT_THAT(refusal(), HasSubstr("does not exist"));
  EXPECT_FALSE(std::filesystem::exists(path));
  std::ofstream(path).flush();
  EXPECT_THAT(refusal(), HasSubstr("not a logboom store yet"));
  std::ofstream(path) << std::string(5'000, 'x');
  EXPECT_THAT(refusal(), HasSubstr("no SQLite file"));
  std::filesystem::remove(path);
  SQLite::Database(path, SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE).exec("CREATE TABLE t(x)");
  EXPECT_THAT(refusal(), HasSubstr("not a logboom store"));
  std::filesystem::remove(path);
  { StoreWriter const writer(path); }
  SQLite::Database(path, SQLite::OPEN_READWRITE).exec("PRAGMA user_version=99");
  EXPECT_THAT(refusal(), HasSubstr("newer"));
  SQLite::Database(path, SQLite::OPEN_READWRITE)
      .exec("PRAGMA user_version=0; DELETE FROM meta WHERE key = 'schema'");
  EXPECT_THAT(refusal(), HasSubstr("older schema version"));
  path = directory.string();
  EXPECT_THAT(refusal(), HasSubstr("is a directory"));
}

TEST_F(StoreReaderTest, ASearchThatFindsNothingInMuchCanBeStopped) {
  {
    StoreWriter writer(path);
    Blocks blocks;
    blocks.push_back(make_block(0, 1, 5'000));
    writer.write(blocks);
  }
  StoreReader reader(path);
  int asked = 0;
  reader.stop_when([&asked] { return ++asked > 1; });
  Query query;
  query.filter.regex = "no such text at all";
  EXPECT_THROW(reader.query(query, [](Record const&) { return true; }), StoreError);
  EXPECT_EQ(asked, 2);
}

/// Reads while a writer writes and its log is being emptied at every step, and counts how often the emptying came further, which it does once for
/// each read transaction that begins.
class ReadTransactionsTest : public StoreReaderTest {
 protected:
  static constexpr int kRows = 60'000;

  int steps_of_the_log(Query const& query) {
    StoreWriter writer(path);
    writer.write(blocks_of(make_block(1, 1, kRows)));
    SQLite::Database emptying(path, SQLite::OPEN_READWRITE);
    std::int64_t emptied = -1;
    int steps = 0;
    std::uint64_t next = kRows;
    StoreReader reader(path);
    reader.stop_when([&] {
      writer.write(blocks_of(make_block(1, ++next, 1)));
      SQLite::Statement checkpoint(emptying, "PRAGMA wal_checkpoint(PASSIVE)");
      checkpoint.executeStep();
      if (std::exchange(emptied, checkpoint.getColumn(2).getInt64()) != emptied) ++steps;
      return false;
    });
    reader.query(query, [](Record const&) { return true; });
    return steps;
  }
};

TEST_F(ReadTransactionsTest, ARareMatchIsSearchedInManyShortOnes) {
  Query query;
  query.filter.regex = "message (59000|59001)$";
  EXPECT_GE(steps_of_the_log(query), kRows / 4'096);
}

TEST_F(ReadTransactionsTest, TheNewestOfARareMatchToo) {
  Query query;
  query.filter.regex = "message 17$";
  query.last = 5;
  EXPECT_GE(steps_of_the_log(query), kRows / 4'096);
}

}  // namespace
}  // namespace logboom::store
