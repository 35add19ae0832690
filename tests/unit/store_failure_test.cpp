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

    StoreWriter const writer(path);
    ASSERT_EQ(writer.ledger().size(), 1U);
    std::uint64_t const last = writer.ledger()[0].last;
    EXPECT_GE(last, acked);
    EXPECT_EQ(static_cast<std::uint64_t>(number("SELECT count(*) FROM record")), last);
    EXPECT_EQ(static_cast<std::uint64_t>(number("SELECT count(DISTINCT sequence) FROM record")), last);
    EXPECT_EQ(static_cast<std::uint64_t>(number("SELECT sum(n) FROM minute")), last);
    EXPECT_EQ(number("SELECT count(*) FROM record WHERE id <> sequence"), 0);
  }
  EXPECT_EQ(sqlite3("PRAGMA integrity_check"), "ok");
}

}  // namespace
}  // namespace logboom::store
