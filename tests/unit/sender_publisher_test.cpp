// A publisher as programs use it, with its sender thread, against a collector in the test's hands: flush, the end, what stays behind and who takes it.
#include "sender_fixture.hpp"
#include "spool/file_handle.hpp"

#include <logboom/logboom.hpp>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <fstream>
#include <functional>
#include <iterator>
#include <mutex>
#include <optional>
#include <thread>

// FileHandle::open(), as tests/unit/CMakeLists.txt tells the linker.
#pragma GCC visibility push(default)
namespace logboom::spool {
namespace {
std::atomic<bool> cannot_read = false;  // for want of descriptors
}
FileHandle real_open(std::filesystem::path path, int flags) __asm__(
    "__real__ZN7logboom5spool10FileHandle4openENSt10filesystem7__cxx114pathEi");
FileHandle wrap_open(std::filesystem::path path, int flags) __asm__(
    "__wrap__ZN7logboom5spool10FileHandle4openENSt10filesystem7__cxx114pathEi");
FileHandle wrap_open(std::filesystem::path path, int flags) {
  if (cannot_read && (flags & O_ACCMODE) == O_RDONLY) throw_system_error(EMFILE, "cannot open", path);
  return real_open(std::move(path), flags);
}
}  // namespace logboom::spool
#pragma GCC visibility pop

namespace logboom::publisher {
namespace {

using test::FakeCollector;
using test::Stored;

/// A collector on a thread of its own; what it holds is looked at under a lock.
class Collector {
 public:
  Collector(delivery::Endpoint const& endpoint, Stored& stored)
      : collector_(endpoint, stored), thread_([this] { run(); }) {}
  ~Collector() {
    running_ = false;
    thread_.join();
  }
  Collector(Collector const&) = delete;
  Collector& operator=(Collector const&) = delete;

  template <class Look>
  auto with(Look const& look) {
    std::lock_guard const lock(mutex_);
    return look(collector_);
  }

 private:
  void run() {
    while (running_) {
      {
        std::lock_guard const lock(mutex_);
        collector_.step();
      }
      std::this_thread::yield();
    }
  }
  std::mutex mutex_;
  FakeCollector collector_;
  std::atomic<bool> running_{true};
  std::thread thread_;
};

class SenderTest : public testing::Test {
 protected:
  PublisherOptions options(std::string const& bus = "bus") const {
    PublisherOptions chosen;
    chosen.endpoint = scratch.endpoint(bus).text;
    chosen.spool = root().string();
    chosen.name = "sender-test";
    chosen.levels = "info";
    chosen.flush_timeout = std::chrono::seconds(20);
    return chosen;
  }
  void collect(std::string const& bus = "bus") { collector.emplace(scratch.endpoint(bus), stored); }
  std::filesystem::path root() const { return scratch.path() / "spool"; }
  /// Whether the check of the first record in a ring covers its payload.
  static bool is_sealed(Publisher const& bus, char const* name) {
    constexpr std::streamoff kSeedAt = 32;
    std::ifstream ring(std::filesystem::path(bus.status().spool) / name, std::ios::binary);
    std::uint64_t seed = 0;
    detail::FrameHeader header{};
    ring.seekg(kSeedAt).read(reinterpret_cast<char*>(&seed), sizeof seed);
    ring.seekg(detail::kRingDataOffset).read(reinterpret_cast<char*>(&header), sizeof header);
    return header.sequence == 1 && header.check != detail::header_check(seed, 0, 1, header.size);
  }
  std::size_t spools() const { return spool::Spool::list(root()).size(); }
  template <class Condition>
  bool until(Condition const& condition) {
    return test::until(condition, [] { std::this_thread::yield(); });
  }

  test::Scratch scratch;
  Stored stored;
  std::optional<Collector> collector;
};

constexpr auto kLong = std::chrono::seconds(20);

TEST_F(SenderTest, FlushReturnsWhenAllIsStored) {
  collect();
  Publisher bus(options());
  auto const log = bus.logger("test");
  for (int i = 0; i < 1000; ++i) LOGBOOM_INFO(log, "record {}", i);
  ASSERT_TRUE(bus.flush(kLong));
  EXPECT_EQ(collector->with([&](auto&) { return stored.records(); }), 1000U);
  EXPECT_EQ(bus.statistics().acked, 1000U);
  EXPECT_TRUE(bus.status().connected);
}

TEST_F(SenderTest, FlushOfManyThreadsRecordsIsStored) {
  collect();
  Publisher bus(options());
  auto const log = bus.logger("test");
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 5000; ++i) LOGBOOM_INFO(log, "record {}", i);
      EXPECT_TRUE(bus.flush(kLong));
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(collector->with([&](auto&) { return stored.records(); }), 20'000U);
  EXPECT_THAT(collector->with([&](auto&) { return stored.problems; }), testing::IsEmpty());
}

TEST_F(SenderTest, FlushGivesUpWhenNobodyStores) {
  auto chosen = options();
  chosen.flush_timeout = std::chrono::milliseconds(1);
  Publisher bus(chosen);
  LOGBOOM_INFO(bus.logger("test"), "alone");
  EXPECT_FALSE(bus.flush(std::chrono::milliseconds(10)));
  EXPECT_FALSE(bus.status().connected);
}

TEST_F(SenderTest, TheEndSendsTheRestSaysByeAndLeavesNothing) {
  collect();
  {
    Publisher bus(options());
    auto const log = bus.logger("test");
    for (int i = 0; i < 100; ++i) LOGBOOM_INFO(log, "record {}", i);
    EXPECT_EQ(spools(), 1U);
  }
  EXPECT_EQ(spools(), 0U);
  EXPECT_EQ(collector->with([&](auto& c) { return c.byes; }), 1U);
  EXPECT_EQ(collector->with([&](auto&) { return stored.records(); }), 100U);
}

TEST_F(SenderTest, WhatIsStoredEndsWithAByeHoweverShortTheTimeOut) {
  collect();
  auto chosen = options();
  chosen.flush_timeout = std::chrono::milliseconds(0);
  {
    Publisher bus(chosen);
    LOGBOOM_INFO(bus.logger("test"), "hello");
    ASSERT_TRUE(bus.flush(kLong));
  }
  EXPECT_EQ(spools(), 0U);
  EXPECT_EQ(collector->with([&](auto& c) { return c.byes; }), 1U);
}

TEST_F(SenderTest, WhatIsNotAckedStaysAndTheNextPublisherSendsIt) {
  auto chosen = options();
  chosen.flush_timeout = std::chrono::milliseconds(1);
  {
    Publisher bus(chosen);
    auto const log = bus.logger("test");
    for (int i = 0; i < 100; ++i) LOGBOOM_INFO(log, "record {}", i);
  }
  EXPECT_EQ(spools(), 1U);
  collect();
  Publisher next(options());
  ASSERT_TRUE(until([&] { return collector->with([&](auto&) { return stored.records(); }) == 100U; }));
  ASSERT_TRUE(until([&] { return spools() == 1U; })) << "only the living one's is left";
}

TEST_F(SenderTest, TheEndWithoutACollectorHasABound) {
  auto chosen = options();
  chosen.flush_timeout = std::chrono::milliseconds(100);
  auto const begun = monotonic_ms();
  {
    Publisher bus(chosen);
    LOGBOOM_INFO(bus.logger("test"), "alone");
  }
  auto const took = monotonic_ms() - begun;
  EXPECT_GE(took, 100);
  EXPECT_LT(took, 20'000) << "it would wait for ever";
  EXPECT_EQ(spools(), 1U);
}

TEST_F(SenderTest, AKilledProcessIsSpokenForByTheNextPublisher) {
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  auto const child = fork();
  if (child == 0) {
    auto* const bus = new Publisher(options());
    auto const log = bus->logger("test");
    for (int i = 0; i < 500; ++i) LOGBOOM_INFO(log, "record {}", i);
    char const done = 1;
    if (write(ready[1], &done, 1) != 1) _exit(1);
    for (;;) pause();
  }
  char done = 0;
  ASSERT_EQ(read(ready[0], &done, 1), 1);
  kill(child, SIGKILL);
  int status = 0;
  waitpid(child, &status, 0);
  close(ready[0]);
  close(ready[1]);
  collect();
  Publisher bus(options());
  EXPECT_TRUE(until([&] { return collector->with([&](auto&) { return stored.records(); }) == 500U; }));
  EXPECT_THAT(collector->with([&](auto&) { return stored.problems; }), testing::IsEmpty());
}

TEST_F(SenderTest, CollectorsThatDieLoseNothing) {
  collect();
  Publisher bus(options());
  auto const log = bus.logger("test");
  for (int life = 0; life < 5; ++life) {
    for (int i = 0; i < 2000; ++i) LOGBOOM_INFO(log, "record {} of life {}", i, life);
    collector.reset();
    for (int i = 0; i < 2000; ++i) LOGBOOM_INFO(log, "record {} after life {}", i, life);
    collect();
  }
  ASSERT_TRUE(bus.flush(kLong));
  EXPECT_EQ(collector->with([&](auto&) { return stored.records(); }), 20'000U);
  EXPECT_THAT(collector->with([&](auto&) { return stored.problems; }), testing::IsEmpty());
}

TEST_F(SenderTest, WithoutACollectorTheRingsOverflowInsteadOfBlocking) {
  auto chosen = options();
  chosen.ring_capacity = 128 << 10;
  chosen.block_timeout = std::chrono::seconds(20);
  Publisher bus(chosen);
  auto const log = bus.logger("test");
  for (int i = 0; i < 20'000; ++i) LOGBOOM_INFO(log, "record {} is some sixty bytes long, more or less", i);
  EXPECT_EQ(bus.statistics().dropped, 0U);
  EXPECT_GT(bus.statistics().spilled, 0U);
  collect();
  ASSERT_TRUE(bus.flush(kLong));
  EXPECT_EQ(collector->with([&](auto&) { return stored.records(); }), 20'000U);
  EXPECT_THAT(collector->with([&](auto&) { return stored.problems; }), testing::IsEmpty());
}

// Else the collector would wait for that publisher for ever, where it ends with the last of them.
TEST_F(SenderTest, AByeWithoutAnAnswerIsSaidAgainByWhoAdoptsTheSpool) {
  collect();
  {
    Publisher bus(options());
    LOGBOOM_INFO(bus.logger("test"), "one");
    ASSERT_TRUE(bus.flush(kLong));
    collector->with([](auto& c) { return c.answers = false; });
  }
  EXPECT_EQ(spools(), 1U);
  collect();
  Publisher const adopter(options());
  ASSERT_TRUE(until([&] { return collector->with([](auto& c) { return c.byes; }) == 1U; }));
  EXPECT_TRUE(until([&] { return spools() == 1U; })) << "only the living one's is left";
  EXPECT_EQ(collector->with([&](auto&) { return stored.records(); }), 1U);
}

// logged - acked is what is on the way: gaps of what was dropped and the publisher's own records are in both.
TEST_F(SenderTest, WhatIsLoggedIsAckedInTheEndDropsAndOwnRecordsIncluded) {
  auto chosen = options();
  chosen.ring_capacity = 128 << 10;
  chosen.overflow_bound = 256 << 10;
  chosen.when_full = FullPolicy::kDrop;
  setenv("LOGBOOM_LEVEL", "deafening", 1);  // the publisher has something to say
  chosen.levels.clear();
  Publisher bus(chosen);
  unsetenv("LOGBOOM_LEVEL");
  EXPECT_EQ(bus.statistics().logged, 1U);
  auto const log = bus.logger("test");
  for (int i = 0; i < 20'000; ++i) LOGBOOM_INFO(log, "record {} is some sixty bytes long, more or less", i);
  EXPECT_GT(bus.statistics().dropped, 0U);
  EXPECT_EQ(bus.statistics().logged, 20'001U);
  EXPECT_EQ(bus.statistics().acked, 0U);
  collect();
  ASSERT_TRUE(bus.flush(kLong));
  EXPECT_EQ(bus.statistics().acked, 20'001U);
  EXPECT_EQ(bus.statistics().logged, 20'001U);
  std::uint64_t lost = 0;
  for (auto const& [key, stream] : collector->with([&](auto&) { return stored.streams; }))
    lost += stream.lost();
  EXPECT_EQ(lost, bus.statistics().dropped);
}

TEST_F(SenderTest, ThreadsThatEndGiveTheirRingsBack) {
  collect();
  Publisher bus(options());
  auto const log = bus.logger("test");
  for (int t = 0; t < 10; ++t) {
    std::thread([&] { LOGBOOM_INFO(log, "thread {}", t); }).join();
    ASSERT_TRUE(bus.flush(kLong));
  }
  EXPECT_EQ(collector->with([&](auto&) { return stored.records(); }), 10U);
  EXPECT_LE(collector->with([&](auto&) { return stored.streams.size(); }), 4U);
}

TEST_F(SenderTest, WithoutACollectorEndedThreadsDoNotUseUpTheRings) {
  constexpr std::uint64_t kThreads = 200, kCrowd = 70;
  Publisher bus(options());
  auto const log = bus.logger("test");
  for (std::uint64_t t = 1; t <= kThreads; ++t) {
    std::thread([&] { LOGBOOM_INFO(log, "thread {}", t); }).join();
    if (t < kCrowd) continue;
    ASSERT_TRUE(until([&] { return bus.statistics().spilled == t; })) << t;
  }
  std::size_t rings = 0;
  for (auto const& entry : std::filesystem::directory_iterator(bus.status().spool))
    if (entry.path().filename().string().starts_with("ring.")) ++rings;
  EXPECT_LE(rings, kCrowd + 2);
  collect();
  ASSERT_TRUE(bus.flush(kLong));
  EXPECT_EQ(collector->with([&](auto&) { return stored.records(); }), kThreads);
}

// Else the records of a worker that finds no collector would count for nothing after a restart of the machine.
TEST_F(SenderTest, WithoutACollectorRecordsAreSealed) {
  auto chosen = options();
  chosen.flush_timeout = std::chrono::milliseconds(0);
  Publisher bus(chosen);
  LOGBOOM_INFO(bus.logger("test"), "one");
  EXPECT_TRUE(until([&] { return is_sealed(bus, "ring.1"); }));
}

// Where the overflow cannot be read for want of descriptors, rings are still moved there.
TEST_F(SenderTest, WhatFailsInSendingKeepsNoRingFull) {
  auto chosen = options();
  chosen.ring_capacity = 128 << 10;
  chosen.block_timeout = std::chrono::seconds(5);
  Publisher bus(chosen);
  auto const log = bus.logger("test");
  std::size_t logged = 0;
  auto const some = [&] {
    for (int i = 0; i < 5000; ++i)
      LOGBOOM_INFO(log, "record {} is some sixty bytes long, more or less", ++logged);
  };
  some();
  ASSERT_TRUE(until([&] { return bus.statistics().spilled > 0; }));
  std::ifstream ring(std::filesystem::path(bus.status().spool) / "ring.0");
  auto const said = [&] {
    std::string const bytes(std::istreambuf_iterator<char>(ring.seekg(0)), {});
    return bytes.find("sending failed: ") != std::string::npos;
  };
  spool::cannot_read = true;
  collect();
  bool const failed = until(said);
  for (int i = 0; i < 5; ++i) some();
  spool::cannot_read = false;
  ASSERT_TRUE(failed);
  EXPECT_EQ(bus.statistics().dropped, 0U);
  ASSERT_TRUE(bus.flush(kLong));
  collector->with([&](auto&) {
    std::size_t failures = 0;
    std::size_t records = 0;
    for (auto const& [key, stream] : stored.streams) {
      for (auto const& message : stream.messages) {
        failures += message.starts_with("sending failed: ") ? 1 : 0;
        records += message.starts_with("record ") ? 1 : 0;
      }
    }
    EXPECT_EQ(failures, 1U) << "told once";
    EXPECT_EQ(records, logged);
    return 0;
  });
}

/// While it lives no thread can be started.
class NoThreads {
 public:
  NoThreads() {
    pthread_getattr_default_np(&before_);
    auto huge = before_;
    pthread_attr_setstacksize(&huge, std::size_t{1} << 46U);
    pthread_setattr_default_np(&huge);
  }
  ~NoThreads() { pthread_setattr_default_np(&before_); }
  NoThreads(NoThreads const&) = delete;
  NoThreads& operator=(NoThreads const&) = delete;

 private:
  pthread_attr_t before_{};
};

// Nobody else seals them then, and after a restart of the machine they would count for nothing.
TEST_F(SenderTest, WithoutASenderTheThreadsSealTheirRecords) {
  std::optional<NoThreads> none(std::in_place);
  Publisher bus(options());
  none.reset();
  ASSERT_THAT(bus.status().problem, testing::HasSubstr("not sent"));
  auto const log = bus.logger("test");
  std::thread([&] { LOGBOOM_INFO(log, "one"); }).join();
  EXPECT_TRUE(is_sealed(bus, "ring.1"));
}

TEST_F(SenderTest, LevelRulesOfTheCollectorAreApplied) {
  collect();
  collector->with([](auto& c) {
    c.levels = "info,chatty=debug";
    return 0;
  });
  Publisher bus(options());
  auto const log = bus.logger("chatty");
  EXPECT_TRUE(until([&] { return log.enabled(level::kDebug); }));
}

TEST_F(SenderTest, ChangesOfTheRulesInForceAreTold) {
  collect();
  collector->with([](auto& c) {
    c.levels = "chatty=debug";
    return 0;
  });
  auto chosen = options();
  std::atomic<int> told = 0;
  chosen.levels_changed = [&] { ++told; };
  Publisher bus(chosen);
  EXPECT_TRUE(until([&] { return told > 0; }));
  EXPECT_EQ(bus.level_rules(), "info,chatty=debug");
  bus.level_rules("error,chatty.more=off");
  EXPECT_EQ(bus.level_rules(), "error,chatty=debug") << "the collector's stay on top";
  EXPECT_EQ(told, 1) << "who sets them himself need not be told";
}

TEST_F(SenderTest, RulesThatChangeNothingAreNotTold) {
  collect();
  collector->with([](auto& c) {
    c.levels = "info";
    return 0;
  });
  auto chosen = options();
  std::atomic<int> told = 0;
  chosen.levels_changed = [&] { ++told; };
  Publisher bus(chosen);
  LOGBOOM_INFO(bus.logger("test"), "hello");
  EXPECT_TRUE(bus.flush(kLong));
  EXPECT_EQ(told, 0);
}

TEST_F(SenderTest, ASecondAddressIsUsedWhenTheFirstIsSilent) {
  auto chosen = options();
  chosen.endpoint = scratch.endpoint("nobody").text + "," + scratch.endpoint("bus").text;
  collect();
  Publisher bus(chosen);
  LOGBOOM_INFO(bus.logger("test"), "hello");
  EXPECT_TRUE(bus.flush(kLong));
}

}  // namespace
}  // namespace logboom::publisher
