// ctest: timeout=240
// Loggers and levels, threads and their rings, full rings, and the ends of things: threads, publishers, the process.
#include "publisher_fixture.hpp"

#include <algorithm>
#include <atomic>
#include <barrier>
#include <cstdlib>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

namespace logboom::publisher::test {
namespace {

TEST(Loggers, AreOnePerName) {
  Bus bus;
  EXPECT_EQ(bus.logger("a.b"), bus.logger("a.b"));
  EXPECT_NE(bus.logger("a.b"), bus.logger("a"));
  EXPECT_EQ(bus.logger("a.b").name(), "a.b");
  EXPECT_EQ(bus.logger("").name(), "");
}

TEST(Loggers, CutLongNamesBetweenCharacters) {
  Bus bus;
  std::string name(254, 'n');
  EXPECT_EQ(bus.logger(name + "éx").name(), name);
}

TEST(Loggers, TakeTheirLevelFromTheRules) {
  Bus bus([](PublisherOptions& options) { options.levels = "warning,net=debug,net.http=off"; });
  EXPECT_EQ(bus.logger("db").level(), level::kWarning);
  EXPECT_EQ(bus.logger("net").level(), level::kDebug);
  EXPECT_EQ(bus.logger("net.tcp").level(), level::kDebug);
  EXPECT_EQ(bus.logger("network").level(), level::kWarning);
  EXPECT_FALSE(bus.logger("net.http.client").enabled(level::kCritical));
}

TEST(Loggers, FollowRulesOnTheFly) {
  Bus bus([](PublisherOptions& options) { options.levels = "info"; });
  Logger const log = bus.logger("net.http");
  bus.state().loggers().set_rules(LevelRules::parse("info,net=trace"));
  EXPECT_EQ(log.level(), level::kTrace);
  bus.engine().push_level_rules("net.http=error");
  EXPECT_EQ(log.level(), level::kError);
  EXPECT_EQ(bus.logger("net.tcp").level(), level::kTrace);
  bus.engine().push_level_rules("");
  EXPECT_EQ(log.level(), level::kTrace);
}

TEST(Loggers, BeyondTheBoundGetTheNearestAncestors) {
  Bus bus;
  Logger const parent = bus.logger("parent");
  for (int i = 0; bus.state().loggers().count() < 0xffff; ++i) bus.logger("n" + std::to_string(i));
  EXPECT_EQ(bus.logger("parent.one.more"), parent);
  EXPECT_EQ(bus.logger("one more"), bus.logger(""));
}

TEST(Threads, WriteARingEachUnderTheirName) {
  Bus bus;
  Logger const log = bus.logger();
  LOGBOOM_INFO(log, "main");
  std::thread([&] {
    pthread_setname_np(pthread_self(), "system name");
    LOGBOOM_INFO(log, "worker");
  }).join();
  std::thread([&] {
    set_thread_name("a name longer than the system's fifteen");
    LOGBOOM_INFO(log, "named");
  }).join();
  auto const records = bus.records();
  ASSERT_EQ(records.size(), 3U);
  EXPECT_NE(records[0].stream, records[1].stream);
  EXPECT_EQ(records[1].thread, "system name");
  EXPECT_EQ(records[2].thread, "a name longer than the system's fifteen");
  EXPECT_NE(records[0].tid, records[1].tid);
}

TEST(Threads, CanBeRenamed) {
  Bus bus;
  std::thread([&] {
    set_thread_name("before");
    LOGBOOM_INFO(bus.logger(), "1");
    set_thread_name("after");
    LOGBOOM_INFO(bus.logger(), "2");
  }).join();
  auto const records = bus.records();
  ASSERT_EQ(records.size(), 2U);
  EXPECT_EQ(records[0].thread, "before");
  EXPECT_EQ(records[1].thread, "after");
}

TEST(Threads, MayHaveANumberOfTheirOwn) {
  Bus bus;
  std::thread([&] {
    set_thread_identity(4'000'000'000'000U, "MainThread");
    LOGBOOM_INFO(bus.logger(), "1");
    set_thread_identity(7, "renamed");
    LOGBOOM_INFO(bus.logger(), "2");
    std::array<char, 16> system{};
    pthread_getname_np(pthread_self(), system.data(), system.size());
    EXPECT_STRNE(system.data(), "renamed");
  }).join();
  auto const records = bus.records();
  ASSERT_EQ(records.size(), 2U);
  EXPECT_EQ(records[0].tid, 4'000'000'000'000U);
  EXPECT_EQ(records[0].thread, "MainThread");
  EXPECT_EQ(records[1].tid, 7U);
  EXPECT_EQ(records[1].thread, "renamed");
}

TEST(Threads, GiveTheirRingBack) {
  Bus bus;
  std::thread([&] { LOGBOOM_INFO(bus.logger(), "x"); }).join();
  auto const slots = bus.engine().slots();
  ASSERT_EQ(slots.size(), 2U) << "the shared ring and the thread's";
  EXPECT_NE(slots[1]->state.load(), RingSlot::State::kOwned);
}

TEST(Threads, TakeOverAFreeRingAndGoOnCounting) {
  Bus bus;
  Engine& engine = bus.engine();
  auto const slot = engine.take_slot(1, "first");
  detail::RingProducer producer = slot->file.producer();
  for (int i = 0; i < 3; ++i) {
    std::byte* const at = detail::look_and_reserve(producer, 32).payload;
    detail::record_layout::store_header(at, 4, 0, 0, 0);
    at[detail::record_layout::kHeaderSize] = std::byte{0x90};
    detail::commit(producer, detail::record_layout::kHeaderSize + 1);
  }
  bus.engine().return_slot(*slot, producer);
  EXPECT_NE(engine.take_slot(2, "second"), slot) << "not drained yet";
  slot->file.release(slot->file.head(), slot->file.next_sequence());
  slot->state = RingSlot::State::kFree;
  EXPECT_EQ(engine.take_slot(3, "third"), slot);
  EXPECT_EQ(slot->file.thread_name(), "third");
  EXPECT_EQ(slot->file.producer().sequence, 4U);
}

// One thread, two publishers: each record goes where its logger belongs.
TEST(Threads, MayServeSeveralPublishers) {
  Bus one, two;
  Logger const first = one.logger("first"), second = two.logger("second");
  for (int i = 0; i < 100; ++i) {
    LOGBOOM_INFO(first, "{}", i);
    LOGBOOM_INFO(second, "{}", i);
  }
  for (Bus* const bus : {&one, &two}) {
    auto const records = bus->records();
    ASSERT_EQ(records.size(), 100U);
    for (std::size_t i = 0; i < records.size(); ++i) {
      EXPECT_EQ(records[i].message, std::to_string(i));
      EXPECT_EQ(records[i].logger, bus == &one ? "first" : "second");
    }
    EXPECT_EQ(bus->engine().slots().size(), 2U) << "one ring, not one a turn";
  }
}

TEST(Threads, BeyondTheBoundShareARing) {
  Bus bus([](PublisherOptions& options) { options.ring_capacity = 1; });
  Engine& engine = bus.engine();
  while (engine.take_slot(1, "taken") != nullptr) {
  }
  EXPECT_EQ(engine.slots().size(), wire::kMaxStreams);
  constexpr int kThreads = 4, kEach = 200;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&bus, t] {
      for (int i = 0; i < kEach; ++i) LOGBOOM_INFO(bus.logger(), "thread {t} record {i}", t, i);
    });
  }
  for (auto& thread : threads) thread.join();
  auto const shared = records_of(engine.shared()->slot->file, engine.identity(), engine.catalogue());
  std::vector<int> next(kThreads, 0);
  for (Record const& record : shared) {
    if (record.logger == "logboom.publisher") continue;
    int const t = std::stoi(field_text(record, "t"));
    EXPECT_EQ(field_text(record, "i"), std::to_string(next[static_cast<std::size_t>(t)]++));
  }
  EXPECT_EQ(next, std::vector<int>(kThreads, kEach));
}

// A file system that is full for a while: no number of a stream is used up by it.
TEST(Threads, GetRingsAgainAfterTheSystemRefusedThem) {
  Bus bus;
  Engine& engine = bus.engine();
  auto const block = engine.spool()->directory() / "ring.1";
  std::filesystem::create_directory(block);
  for (std::uint32_t i = 0; i < 2 * wire::kMaxStreams; ++i)
    EXPECT_EQ(engine.take_slot(1, "refused"), nullptr);
  std::filesystem::remove(block);
  std::shared_ptr<RingSlot> slot;
  while (slot == nullptr) slot = engine.take_slot(1, "again");
  EXPECT_EQ(slot->file.stream(), 1U);
}

// Logs when the thread's other thread-locals, the publisher's own among them, are gone.
struct LateLogger {
  Logger log;
  ~LateLogger() { LOGBOOM_INFO(log, "from a destructor of the thread"); }
};
thread_local LateLogger t_late;

TEST(Threads, MayLogWhileTheyEnd) {
  Bus bus;
  std::thread([&] {
    t_late.log = bus.logger();  // made before the publisher's own thread-local, so destroyed after it
    LOGBOOM_INFO(bus.logger(), "before");
  }).join();
  auto const records = bus.records();
  ASSERT_EQ(records.size(), 2U);
  EXPECT_EQ(records[0].message, "from a destructor of the thread") << "the shared ring comes first";
}

constexpr std::size_t kSmallRing = 128U << 10U;

/// A bus without a sender's help: its ring fills and stays full, since the overflow has no room either.
Bus full_bus(FullPolicy policy, std::chrono::milliseconds timeout) {
  return Bus([&](PublisherOptions& options) {
    options.ring_capacity = kSmallRing;
    options.overflow_bound = 0;
    options.when_full = policy;
    options.block_timeout = timeout;
  });
}

TEST(AFullRing, DropsAndDeclaresHowMany) {
  Bus bus = full_bus(FullPolicy::kDrop, std::chrono::milliseconds(0));
  constexpr int kCalls = 10'000;
  Logger const log = bus.logger();
  for (int i = 0; i < kCalls; ++i)
    LOGBOOM_INFO(log, "{i} {}", i, std::string_view("a text of some length to fill the ring"));
  std::uint64_t const dropped = bus.engine().counters().dropped.load();
  EXPECT_GT(dropped, 0U);
  auto const before = bus.records();
  EXPECT_EQ(before.size() + dropped, kCalls);
  EXPECT_EQ(bus.engine().logged(), kCalls + bus.own_records().size());
  // Room again: the next record declares the gap, and the numbers go on behind it.
  auto const slot = bus.engine().slots().at(1);
  slot->file.release(slot->file.head(), before.back().sequence + 1);
  LOGBOOM_INFO(log, "again");
  auto const after = bus.records();
  ASSERT_EQ(after.size(), 2U);
  EXPECT_EQ(after[0].logger, "logboom.gap");
  EXPECT_EQ(field_text(after[0], "count"), std::to_string(dropped));
  EXPECT_EQ(after[1].message, "again");
  EXPECT_EQ(after[1].sequence, kCalls + 1U);
}

TEST(AFullRing, HoldsTheCallUntilThereIsRoom) {
#ifdef LOGBOOM_SANITIZED
  if (std::string_view(LOGBOOM_SANITIZED) == "thread")
    GTEST_SKIP() << "the test frees the ring while the sender seals it: two consumers, which only a test has";
#endif
  Bus bus = full_bus(FullPolicy::kBlock, std::chrono::hours(1));
  std::atomic<int> written{0};
  std::thread writer([&] {
    Logger const log = bus.logger();
    for (int i = 0; i < 5000; ++i) {
      LOGBOOM_INFO(log, "{i} {}", i, std::string_view("a text of some length to fill the ring"));
      ++written;
    }
  });
  // The test is the consumer: it gives room whenever the ring is full, and reads what it frees.
  std::vector<std::string> seen;
  while (seen.size() < 5000) {
    auto const slots = bus.engine().slots();
    if (slots.size() < 2) continue;
    spool::RingFile& ring = slots[1]->file;
    std::uint64_t const head = ring.head();
    std::uint64_t next = ring.base(), at = ring.tail();
    for (; at < head;) {
      auto const frame = ring.read(at);
      ASSERT_TRUE(frame);
      ASSERT_EQ(frame->sequence, seen.size() + 1) << "nothing is dropped";
      seen.emplace_back();
      next = frame->next;
      at = frame->end;
    }
    ring.release(at, next);
    std::this_thread::yield();
  }
  writer.join();
  EXPECT_EQ(bus.engine().counters().dropped.load(), 0U);
}

TEST(AFullRing, IsWaitedForOnceOnly) {
  Bus bus = full_bus(FullPolicy::kBlock, std::chrono::milliseconds(50));
  Logger const log = bus.logger();
  // 10,000 calls of which most find no room: waiting for each would take minutes, more than the test has.
  for (int i = 0; i < 10'000; ++i)
    LOGBOOM_INFO(log, "{i} {}", i, std::string_view("a text of some length to fill the ring"));
  EXPECT_EQ(bus.records().size() + bus.engine().counters().dropped.load(), 10'000U);
}

TEST(APublisher, LeavesItsLoggersHarmless) {
  Bus bus;
  Logger const log = bus.logger();
  LOGBOOM_INFO(log, "before");
  State& state = bus.state();
  bus.close();
  LOGBOOM_INFO(log, "after");
  LOGBOOM_INFO(log, "after");
  std::thread([&] { LOGBOOM_INFO(log, "after, from a thread that never had a ring"); }).join();
  EXPECT_EQ(state.too_late(), 3U);
}

TEST(APublisher, LeavesItsRecordsInTheSpool) {
  TemporaryDirectory const directory;
  std::filesystem::path spool;
  {
    Publisher bus(private_options(directory.path()));
    LOGBOOM_INFO(bus.logger("left"), "behind {}", 1);
    spool = bus.status().spool;
    EXPECT_EQ(bus.statistics().logged, 1U);
    EXPECT_FALSE(bus.flush(std::chrono::milliseconds(1)));
  }
  auto adopted = spool::Spool::adopt(spool);
  ASSERT_TRUE(adopted) << "its lock is free";
  std::vector<std::string> messages;
  auto const rings = adopted->open_rings();
  for (auto const& ring : rings.readable) {
    for (Record const& record : records_of(ring, adopted->publisher(), adopted->catalogue()))
      messages.push_back(record.message);
  }
  EXPECT_EQ(messages, std::vector<std::string>{"behind 1"});
}

TEST(APublisher, MayEndWhileThreadsLog) {
  for (int round = 0; round < 20; ++round) {
    Bus bus;
    Logger const log = bus.logger();
    std::atomic<bool> stop{false};
    std::barrier started(3);
    std::vector<std::thread> threads;
    for (int t = 0; t < 2; ++t) {
      threads.emplace_back([&] {
        LOGBOOM_INFO(log, "first");
        started.arrive_and_wait();
        while (!stop) LOGBOOM_INFO(log, "{}", std::string_view("on and on"));
      });
    }
    started.arrive_and_wait();
    bus.close();
    stop = true;
    for (auto& thread : threads) thread.join();
  }
}

// In a process of its own: what runs after main().
int exit_status_of(std::function<void()> const& body) {
  pid_t const child = ::fork();
  if (child == 0) {
    body();
    std::exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return status;
}

struct AtExit {
  std::function<void()> action;
  ~AtExit() {
    if (action) action();
  }
};
AtExit g_first_made;  // so destroyed after every static of the tests' functions

TEST(Statics, MayLogBeforeAndAfterTheEndOfAStaticPublisher) {
  TemporaryDirectory const directory;
  int const status = exit_status_of([&] {
    static Publisher bus(private_options(directory.path()));
    static AtExit before;  // destroyed before the publisher
    Logger const log = bus.logger("static");
    LOGBOOM_INFO(log, "in main");
    before.action = [log] { LOGBOOM_INFO(log, "at exit"); };
    g_first_made.action = [log] { LOGBOOM_INFO(log, "too late"); };
  });
  EXPECT_EQ(status, 0);
  std::vector<std::string> messages;
  for (auto const& path : spool::Spool::list(directory.path() / "spool")) {
    auto adopted = spool::Spool::adopt(path);
    ASSERT_TRUE(adopted);
    auto const rings = adopted->open_rings();
    for (auto const& ring : rings.readable) {
      for (Record const& record : records_of(ring, adopted->publisher(), adopted->catalogue()))
        messages.push_back(record.message);
    }
  }
  std::sort(messages.begin(), messages.end());
  EXPECT_EQ(messages, (std::vector<std::string>{"at exit", "in main"}));
}

}  // namespace
}  // namespace logboom::publisher::test
