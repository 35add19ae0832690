// A writer that is killed at any step of going on in a new file, or anywhere: nothing that was acked is lost, nothing is there twice.
// ctest: timeout=180
#include "store_retention_fixture.hpp"

#include "store/next_file.hpp"

#include <gmock/gmock.h>

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <random>

namespace logboom::store {
namespace {

using testing::SizeIs;

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
  // On a busy machine a round may end before a file could be closed: without one they show nothing.
  for (int round = 0; round < 12 || (list_closed(path).empty() && round < 100); ++round) {
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
