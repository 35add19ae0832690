// The store's writer when the disk is full, the file goes away, or the process dies: nothing half written, nothing lost, and a clear word.
// ctest: timeout=180
#include "store_fixture.hpp"

#include <gmock/gmock.h>

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <random>
#include <utility>

namespace logboom::store {
namespace {

using testing::HasSubstr;

/// No file of this process can grow past `bytes` while it lives: writes fail with EFBIG, as they do with ENOSPC on a full disk.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    before_handler_ = std::signal(SIGXFSZ, SIG_IGN);
    rlimit const limit{bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, before_handler_);
  }
  FileSizeLimit(FileSizeLimit const&) = delete;
  FileSizeLimit& operator=(FileSizeLimit const&) = delete;

 private:
  rlimit before_{};
  void (*before_handler_)(int) = nullptr;
};

class StoreFailureTest : public StoreTest {};

Blocks large_blocks(unsigned publisher, std::uint64_t first) {
  auto block = make_block(publisher, first, 100);
  block->sites[0] = make_site(20, fmt::format("new.at.{}", first));
  for (Entry& entry : block->entries) entry.message = block->arena.copy(std::string(20'000, 'x'));
  return blocks_of(std::move(block));
}

TEST_F(StoreFailureTest, AFullDiskRollsBackAndTheSameCallSucceedsLater) {
  StoreWriter writer(path);
  writer.write(blocks_of(make_block(1, 1, 5)));
  Blocks const blocks = large_blocks(2, 1);
  {
    FileSizeLimit const limit(300'000);
    for (int attempt = 0; attempt < 3; ++attempt) {
      try {
        writer.write(blocks);
        FAIL() << "wrote 2 MB below a limit of 300 kB";
      } catch (StoreError const& error) {
        EXPECT_TRUE(error.retryable());
        EXPECT_THAT(error.what(), testing::AllOf(HasSubstr("cannot write to " + path),
                                                 HasSubstr("file system"), testing::Not(HasSubstr("\n"))));
      }
      EXPECT_EQ(blocks[0]->first_id, 0);
      EXPECT_EQ(writer.last_id(), 5);
    }
  }
  EXPECT_EQ(number("SELECT count(*) FROM record"), 5);
  EXPECT_EQ(number("SELECT count(*) FROM ledger"), 1);
  writer.write(blocks);
  EXPECT_EQ(blocks[0]->first_id, 6);
  EXPECT_EQ(number("SELECT count(*) FROM record"), 105);
  writer.write({});
  EXPECT_EQ(number("SELECT sum(n) FROM minute"), 105);
  // Names of the transactions that were rolled back were not taken for stored.
  EXPECT_EQ(number("SELECT count(*) FROM record r LEFT JOIN site s ON s.id = r.site_id LEFT JOIN source o ON "
                   "o.id = r.source_id "
                   "WHERE s.id IS NULL OR o.id IS NULL"),
            0);
  EXPECT_EQ(number("SELECT count(*) FROM records WHERE logger = 'new.at.1' AND publisher LIKE '%02'"), 100);
  EXPECT_EQ(sqlite3("PRAGMA integrity_check"), "ok");
}

TEST_F(StoreFailureTest, ALockedFileIsRetryable) {
  StoreWriter writer(path);
  SQLite::Database other(path, SQLite::OPEN_READWRITE);
  other.exec("BEGIN IMMEDIATE");
  Blocks const blocks = blocks_of(make_block(1, 1, 5));
  try {
    writer.write(blocks);  // after the busy time-out
    FAIL();
  } catch (StoreError const& error) {
    EXPECT_TRUE(error.retryable());
    EXPECT_THAT(error.what(), HasSubstr("locked"));
  }
  other.exec("ROLLBACK");
  writer.write(blocks);
  EXPECT_EQ(writer.last_id(), 5);
}

TEST_F(StoreFailureTest, AnUnlinkedFileIsNotWrittenTo) {
  StoreWriter writer(path);
  writer.write(blocks_of(make_block(1, 1, 5)));
  std::filesystem::remove(path);
  for (int attempt = 0; attempt < 2; ++attempt) {
    try {
      writer.write(blocks_of(make_block(1, 6, 5)));
      FAIL();
    } catch (StoreError const& error) {
      EXPECT_EQ(error.kind(), StoreError::Kind::kMoved);
      EXPECT_FALSE(error.retryable());
      EXPECT_THAT(error.what(), HasSubstr("was removed or replaced"));
    }
  }
  EXPECT_EQ(writer.last_id(), 5);
}

TEST_F(StoreFailureTest, AnUnlinkedLogIsNotWrittenTo) {
  StoreWriter writer(path);
  writer.write(blocks_of(make_block(1, 1, 5)));
  std::filesystem::remove(path + "-wal");
  try {
    writer.write(blocks_of(make_block(1, 6, 5)));
    FAIL();
  } catch (StoreError const& error) {
    EXPECT_EQ(error.kind(), StoreError::Kind::kMoved);
  }
}

TEST_F(StoreFailureTest, AReplacedFileIsLeftAlone) {
  auto writer = std::make_unique<StoreWriter>(path);
  writer->write(blocks_of(make_block(1, 1, 5)));
  std::filesystem::rename(path, path + ".old");
  std::filesystem::rename(path + "-wal", path + ".old-wal");
  SQLite::Database other(path, SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
  other.exec("PRAGMA journal_mode=WAL; CREATE TABLE t(x); INSERT INTO t VALUES(1);");
  EXPECT_THROW(writer->write(blocks_of(make_block(1, 6, 5))), StoreError);
  writer.reset();
  EXPECT_TRUE(std::filesystem::exists(path + "-wal"));  // the other one's
  EXPECT_EQ(number("SELECT count(*) FROM t"), 1);
  path += ".old";
  EXPECT_EQ(sqlite3("SELECT count(*) FROM record"), "5");
}

TEST_F(StoreFailureTest, ANewWriterTakesThePathOfAnUnlinkedFile) {
  auto writer = std::make_unique<StoreWriter>(path);
  for (char const* end : {"", "-wal", "-shm"}) std::filesystem::remove(path + end);
  EXPECT_THROW(writer->write(blocks_of(make_block(1, 1, 5))), StoreError);
  writer.reset();
  StoreWriter(path).write(blocks_of(make_block(1, 1, 5)));
  EXPECT_EQ(number("SELECT count(*) FROM record"), 5);
}

/// A store with records 1 … 5,000 of one stream, most of them in the log only, that is to lose some of its names.
class LeftFileTest : public StoreFailureTest {
 protected:
  static constexpr std::int64_t kRecords = 5'000;

  void SetUp() override {
    StoreFailureTest::SetUp();
    writer = std::make_unique<StoreWriter>(path);
    for (std::uint64_t first = 1; first <= kRecords; first += 100)
      writer->write(blocks_of(make_block(1, first, 100)));
  }
  void move(std::vector<char const*> const& ends) {
    for (char const* end : ends) std::filesystem::rename(path + end, old + end);
  }
  void remove(std::vector<char const*> const& ends) {
    for (char const* end : ends) std::filesystem::remove(path + end);
  }
  /// Goes on as the collector does, and says what leave() said.
  std::string go_on() {
    EXPECT_THROW(writer->write(blocks_of(make_block(1, kRecords + 1, 100))), StoreError);
    std::string const said = writer->leave();
    EXPECT_THROW(writer->write(blocks_of(make_block(1, kRecords + 1, 100))), StoreError) << "it was left";
    writer = nullptr;
    writer = std::make_unique<StoreWriter>(path);
    writer->write(blocks_of(make_block(1, kRecords + 1, 100)));
    writer = nullptr;
    return said;
  }
  std::string rescued() const {
    for (auto const& entry : std::filesystem::directory_iterator(directory)) {
      auto const name = entry.path().string();
      if (name.find(".rescued-") != std::string::npos && !name.ends_with("-wal") && !name.ends_with("-shm"))
        return name;
    }
    return {};
  }
  void expect_all(std::string const& file) {
    SQLite::Database db(file, SQLite::OPEN_READWRITE);
    auto const value = [&](char const* sql) { return db.execAndGet(sql).getInt64(); };
    EXPECT_EQ(value("SELECT count(*) FROM record"), kRecords) << file;
    EXPECT_EQ(value("SELECT count(*) FROM records WHERE id = sequence AND message = 'message ' || id"),
              kRecords);
    EXPECT_EQ(value("SELECT last FROM ledger"), kRecords);
    EXPECT_EQ(db.execAndGet("PRAGMA integrity_check").getString(), "ok");
  }
  void expect_fresh() {
    EXPECT_EQ(number("SELECT count(*) FROM record"), 100);
    EXPECT_EQ(number("SELECT min(sequence) FROM record"), kRecords + 1);
  }

  std::string const old_name = "old.sqlite";
  std::string old;
  std::unique_ptr<StoreWriter> writer;
};

TEST_F(LeftFileTest, AFileMovedAloneHoldsWhatItsLogHeld) {
  old = (directory / old_name).string();
  move({""});
  EXPECT_EQ(go_on(), "the records until now are in " + old);
  expect_all(old);
  expect_fresh();
}

TEST_F(LeftFileTest, AFileMovedWithItsLogIsWhole) {
  old = (directory / old_name).string();
  move({"", "-wal"});
  EXPECT_THAT(go_on(), HasSubstr(old));
  expect_all(old);
  expect_fresh();
}

TEST_F(LeftFileTest, AFileMovedWithLogAndIndexIsWhole) {
  old = (directory / old_name).string();
  move({"", "-wal", "-shm"});
  EXPECT_THAT(go_on(), HasSubstr(old));
  expect_all(old);
  expect_fresh();
}

TEST_F(LeftFileTest, AnotherFilePutInItsPlaceIsNotGivenItsLog) {
  old = (directory / old_name).string();
  StoreWriter((directory / "other.sqlite").string()).write(blocks_of(make_block(2, 1, 7)));
  move({""});
  std::filesystem::rename(directory / "other.sqlite", path);
  EXPECT_THAT(go_on(), HasSubstr(old));
  expect_all(old);
  EXPECT_EQ(number("SELECT count(*) FROM record"), 107);
  EXPECT_EQ(sqlite3("PRAGMA integrity_check"), "ok");
}

TEST_F(LeftFileTest, ADatabaseOpenedUnderItsNameThatTookItsIndexCostsNothing) {
  old = (directory / old_name).string();
  move({""});
  {
    SQLite::Database other(path, SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
    other.exec("PRAGMA journal_mode=WAL; CREATE TABLE t(x)");
    EXPECT_THROW(writer->write(blocks_of(make_block(1, kRecords + 1, 100))), StoreError);
    EXPECT_THAT(writer->leave(), HasSubstr("were rescued into " + path + ".rescued-"));
    writer = nullptr;
    EXPECT_EQ(other.execAndGet("SELECT count(*) FROM t").getInt(), 0);
  }
  expect_all(rescued());
}

TEST_F(LeftFileTest, AReaderThatKeepsTheLogFromBeingEmptiedCostsACopy) {
  old = (directory / old_name).string();
  SQLite::Database reader(path, SQLite::OPEN_READWRITE);
  SQLite::Statement reading(reader, "SELECT id FROM record");
  ASSERT_TRUE(reading.executeStep());
  writer->write(blocks_of(make_block(2, 1, 7)));
  move({""});
  EXPECT_THROW(writer->write(blocks_of(make_block(1, kRecords + 1, 100))), StoreError);
  EXPECT_THAT(writer->leave(), HasSubstr("rescued"));
  writer = nullptr;
  SQLite::Database copy(rescued(), SQLite::OPEN_READWRITE);
  EXPECT_EQ(copy.execAndGet("SELECT count(*) FROM record").getInt64(), kRecords + 7);
}

TEST_F(LeftFileTest, ARemovedFileIsRescued) {
  remove({""});
  EXPECT_THAT(go_on(), HasSubstr("were rescued into " + path + ".rescued-"));
  expect_all(rescued());
  EXPECT_FALSE(std::filesystem::exists(rescued() + "-wal"));
  expect_fresh();
}

TEST_F(LeftFileTest, ARemovedFileWithLogAndIndexIsRescued) {
  remove({"", "-wal", "-shm"});
  EXPECT_THAT(go_on(), HasSubstr("rescued"));
  expect_all(rescued());
  expect_fresh();
}

TEST_F(LeftFileTest, AFileWithoutItsLogHoldsEverythingAndGoesOn) {
  remove({"-wal"});
  EXPECT_EQ(go_on(), "the records until now are in " + path);
  EXPECT_EQ(number("SELECT count(*) FROM record"), kRecords + 100);
  EXPECT_EQ(sqlite3("PRAGMA integrity_check"), "ok");
}

TEST_F(LeftFileTest, AWriterThatEndsWithoutEverSeeingThatItsFileMovedSavesItToo) {
  old = (directory / old_name).string();
  move({""});
  writer = nullptr;
  expect_all(old);
  EXPECT_FALSE(std::filesystem::exists(path + "-wal"));
}

TEST_F(LeftFileTest, WhatCannotBeRescuedIsSaid) {
  remove({""});
  FileSizeLimit const limit(4'096);
  EXPECT_THROW(writer->write(blocks_of(make_block(1, kRecords + 1, 100))), StoreError);
  EXPECT_THAT(writer->leave(), testing::AllOf(HasSubstr("gone with it"), HasSubstr("could not be rescued"),
                                              HasSubstr("File too large")));
  EXPECT_EQ(rescued(), "") << "no half of a copy";
}

/// Writes until it is killed; tells through the pipe what was committed.
[[noreturn]] void write_forever(std::string const& path, int acks) {
  StoreWriter writer(path);
  std::uint64_t next = 1;
  for (Progress const& progress : writer.ledger()) next = progress.last + 1;
  for (;; next += 200) {
    writer.write(blocks_of(make_block(1, next, 120), make_block(1, next + 120, 80)));
    std::uint64_t const acked = next + 199;
    if (::write(acks, &acked, sizeof acked) != sizeof acked) ::_exit(1);
  }
}

TEST_F(StoreFailureTest, WhatWasAckedOutlivesSigkillAndTheLedgerEqualsTheRows) {
  auto const seed = std::random_device{}();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  std::mt19937 random(seed);
  std::uint64_t acked = 0;
  for (int round = 0; round < 10; ++round) {
    int pipe[2];
    ASSERT_EQ(::pipe(pipe), 0);
    pid_t const child = ::fork();
    if (child == 0) {
      ::close(pipe[0]);
      write_forever(path, pipe[1]);
    }
    ::close(pipe[1]);
    for (unsigned acks = 1 + random() % 8; acks > 0; --acks) {
      ASSERT_EQ(::read(pipe[0], &acked, sizeof acked), static_cast<ssize_t>(sizeof acked));
    }
    ::usleep(static_cast<useconds_t>(random() % 3'000));  // anywhere in the next transaction
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    for (std::uint64_t more = 0; ::read(pipe[0], &more, sizeof more) == sizeof more;) acked = more;
    ::close(pipe[0]);

    StoreWriter writer(path);
    ASSERT_EQ(writer.ledger().size(), 1U);
    std::uint64_t const last = writer.ledger()[0].last;
    EXPECT_GE(last, acked);
    EXPECT_EQ(static_cast<std::uint64_t>(number("SELECT count(*) FROM record")), last);
    EXPECT_EQ(static_cast<std::uint64_t>(number("SELECT count(DISTINCT sequence) FROM record")), last);
    EXPECT_EQ(number("SELECT sum(n) FROM minute"), number("SELECT max(last_id) FROM span"));
    writer.write({});
    EXPECT_EQ(static_cast<std::uint64_t>(number("SELECT sum(n) FROM minute")), last);
    EXPECT_EQ(number("SELECT count(*) FROM record WHERE id <> sequence"), 0);
  }
  EXPECT_EQ(sqlite3("PRAGMA integrity_check"), "ok");
}

}  // namespace
}  // namespace logboom::store
