// ctest: timeout=240
// Forked children: a publisher of their own from their first record on, whoever forked them and whatever the parent's threads were at.
#include "publisher_fixture.hpp"

#include "publisher/registry.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace logboom::publisher::test {
namespace {

/// Whether all other threads of this process sleep.
bool others_sleep() {
  for (auto const& task : std::filesystem::directory_iterator("/proc/self/task")) {
    if (task.path().filename() == std::to_string(::gettid())) continue;
    std::ifstream stat(task.path() / "stat");
    std::string const text(std::istreambuf_iterator<char>(stat), {});
    auto const state = text.rfind(") ");
    if (state != std::string::npos && text.at(state + 2) != 'S') return false;
  }
  return true;
}

/// The C library's locks are in the child as they were: a thread that is in malloc just then leaves it locked for ever, which is not this library's doing. So it
/// is waited for, though not for long: some tests keep threads busy that use no malloc.
pid_t raw_clone() {
#if defined(__x86_64__)
  for (int i = 0; i < 50 && !others_sleep(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  return static_cast<pid_t>(::syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, 0));
#else
  return ::fork();
#endif
}

/// Runs `body` in a child, which ends without destructors, and gives its status; a child that hangs is killed by its alarm.
int in_child(pid_t (*fork)(), std::function<void()> const& body) {
  pid_t const child = fork();
  if (child == 0) {
    ::alarm(60);
    body();
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return status;
}

/// What dead and ended publishers left below a directory: messages by pid.
std::map<std::uint64_t, std::vector<std::string>> left_in(std::filesystem::path const& root) {
  std::map<std::uint64_t, std::vector<std::string>> found;
  for (auto const& path : spool::Spool::list(root)) {
    auto adopted = spool::Spool::adopt(path);
    if (!adopted) continue;
    auto const rings = adopted->open_rings();
    for (auto const& ring : rings.readable) {
      for (Record const& record : records_of(ring, adopted->publisher(), adopted->catalogue())) {
        found[adopted->publisher().pid].push_back(record.message);
      }
    }
    EXPECT_TRUE(rings.left_out.empty()) << rings.left_out.front();
  }
  return found;
}

class Fork : public testing::TestWithParam<pid_t (*)()> {};

TEST_P(Fork, GivesTheChildAPublisherOfItsOwn) {
  Bus bus;
  Logger const log = bus.logger("forked");
  LOGBOOM_INFO(log, "parent 1");
  wire::Publisher const parent = bus.engine().identity();
  int const status = in_child(GetParam(), [&] {
    for (int i = 0; i < 100; ++i) LOGBOOM_INFO(log, "child {}", i);
    Engine const& engine = bus.engine();
    if (engine.identity().id == parent.id) ::_exit(1);
    if (engine.identity().pid != static_cast<std::uint64_t>(::getpid())) ::_exit(2);
    if (engine.logged() != 100) ::_exit(3);
  });
  EXPECT_EQ(status, 0);
  LOGBOOM_INFO(log, "parent 2");
  EXPECT_EQ(bus.engine().identity().id, parent.id);
  std::vector<std::string> messages;
  for (Record const& record : bus.records()) messages.push_back(record.message);
  EXPECT_EQ(messages, (std::vector<std::string>{"parent 1", "parent 2"}))
      << "the parent's rings are untouched";
  auto const left = left_in(bus.directory() / "spool");
  ASSERT_EQ(left.size(), 1U) << "the child's, and not the parent's, which is locked";
  EXPECT_EQ(left.begin()->second.size(), 100U);
  EXPECT_EQ(left.begin()->second.back(), "child 99");
}

TEST_P(Fork, LeavesAloneWhoDoesNotLog) {
  Bus bus;
  LOGBOOM_INFO(bus.logger(), "parent");
  EXPECT_EQ(in_child(GetParam(), [] {}), 0);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(bus.directory() / "spool"), {}), 1);
}

TEST_P(Fork, ReachesGrandchildren) {
  Bus bus;
  Logger const log = bus.logger();
  LOGBOOM_INFO(log, "parent");
  int const status = in_child(GetParam(), [&] {
    LOGBOOM_INFO(log, "child");
    int const inner = in_child(GetParam(), [&] { LOGBOOM_INFO(log, "grandchild"); });
    LOGBOOM_INFO(log, "child again");
    if (inner != 0) ::_exit(1);
  });
  EXPECT_EQ(status, 0);
  std::vector<std::vector<std::string>> left;
  for (auto const& [pid, messages] : left_in(bus.directory() / "spool")) left.push_back(messages);
  std::sort(left.begin(), left.end());
  EXPECT_EQ(left, (std::vector<std::vector<std::string>>{{"child", "child again"}, {"grandchild"}}));
}

// Call sites and loggers that the child has not used itself are in its catalogue when it does; and new ones of its own.
TEST_P(Fork, GivesTheChildTheCatalogue) {
  Bus bus;
  auto const log_with = [](Logger log, int i) { LOGBOOM_INFO(log, "site of both {}", i); };
  log_with(bus.logger("old"), 1);
  int const status = in_child(GetParam(), [&] {
    log_with(bus.logger("old"), 2);
    LOGBOOM_INFO(bus.logger("new"), "site of the child");
  });
  EXPECT_EQ(status, 0);
  auto const left = left_in(bus.directory() / "spool");
  ASSERT_EQ(left.size(), 1U);
  EXPECT_EQ(left.begin()->second, (std::vector<std::string>{"site of both 2", "site of the child"}));
}

TEST_P(Fork, KeepsContextAndLevels) {
  Bus bus;
  bus.state().loggers().set_rules(LevelRules::parse("error"));
  Context const context{field("request", 5)};
  int const status = in_child(GetParam(), [&] {
    if (bus.logger("x").enabled(level::kWarning)) ::_exit(1);
    LOGBOOM_ERROR(bus.logger("x"), "with context");
    if (field_text(bus.last(), "request") != "5") ::_exit(2);
  });
  EXPECT_EQ(status, 0);
}

/// Forks again and again while `threads` are at work, and lets each child log.
void fork_amid(Bus& bus, pid_t (*fork)(), std::vector<std::function<void()>> const& works) {
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  for (auto const& work : works) {
    threads.emplace_back([&] {
      while (!stop) work();
    });
  }
  int hung = 0;
  for (int i = 0; i < 60 && hung == 0; ++i) {
    if (in_child(fork, [&, i] { LOGBOOM_INFO(bus.logger("forked"), "child {}", i); }) != 0) ++hung;
  }
  stop = true;
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(hung, 0);
}

TEST(AForkedChild, BeganWhenItLoggedFirst) {
  Bus bus([](PublisherOptions& options) { options.started = 5; });
  EXPECT_EQ(bus.engine().identity().started, 5);
  int const status = in_child(::fork, [&] {
    LOGBOOM_INFO(bus.logger(), "child");
    if (bus.engine().identity().started == 5) ::_exit(1);
  });
  EXPECT_EQ(status, 0);
}

// Threads hold every lock of the publisher, again and again, while the process forks. AddressSanitizer's allocator itself does not survive that.
TEST(AForkedChild, DoesNotHangOnWhatTheParentsThreadsDid) {
#ifdef LOGBOOM_SANITIZED
  GTEST_SKIP() << "not under a sanitizer";
#endif
  Bus bus([](PublisherOptions& options) { options.ring_capacity = 1; });
  int next = 0, turn = 0;
  fork_amid(bus, +[] { return ::fork(); },
            {[&] { bus.logger("logger " + std::to_string(next++ % 30'000)); },
             [&] { bus.state().loggers().set_rules(LevelRules::parse(turn++ % 2 == 0 ? "trace" : "debug")); },
             [&] { std::thread([&] { LOGBOOM_INFO(bus.logger(), "short-lived"); }).join(); }});
}

// A raw clone() leaves the C library's own locks as they were, malloc's among them, so that these threads use none of them; ours must be free.
TEST_P(Fork, FreesTheLocksThatTheParentsThreadsHeld) {
  Bus bus;
  Logger const log = bus.logger("known");
  LOGBOOM_INFO(log, "parent");
  SharedRing& shared = *bus.engine().shared();
  fork_amid(
      bus, GetParam(),
      {[&] { bus.logger("known"); }, [&] { std::lock_guard const guard(catalogue_lock()); },
       [&] { std::lock_guard const guard(shared.lock); }, [&] { static_cast<void>(bus.state().running()); }});
}

TEST_P(Fork, LetsTheChildEndAsAnyProcess) {
  TemporaryDirectory const directory;
  auto const status_of = [&](bool logs) {
    pid_t const child = ::fork();
    if (child == 0) {
      ::alarm(60);
      auto* const bus = new Publisher(private_options(directory.path()));
      LOGBOOM_INFO(bus->logger("x"), "parent");
      int const inner = in_child(GetParam(), [&] {
        if (logs) LOGBOOM_INFO(bus->logger("x"), "child");
        delete bus;  // as a destructor at exit does
      });
      ::_exit(inner == 0 ? 0 : 1);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return status;
  };
  EXPECT_EQ(status_of(true), 0);
  EXPECT_EQ(status_of(false), 0);
}

#ifdef LOGBOOM_SANITIZED  // whose allocator's locks a raw clone() leaves as they were
constexpr auto kWaysToFork = {+[] { return ::fork(); }};
#else
constexpr auto kWaysToFork = {+[] { return ::fork(); }, &raw_clone};
#endif
INSTANTIATE_TEST_SUITE_P(By, Fork, testing::ValuesIn(kWaysToFork),
                         [](auto const& parameter) { return parameter.index == 0 ? "fork" : "clone"; });

// The child's child threads, all new, find out at once that they are in a child.
TEST(AForkedChild, MayLogFromNewThreads) {
#ifdef LOGBOOM_SANITIZED
  GTEST_SKIP() << "not under a sanitizer, whose locks the parent's sender may hold when it forks";
#endif
  Bus bus;
  LOGBOOM_INFO(bus.logger(), "parent");
  int const status = in_child(
      +[] { return ::fork(); },
      [&] {
        std::vector<std::thread> threads;
        for (int t = 0; t < 4; ++t) {
          threads.emplace_back([&] {
            for (int i = 0; i < 100; ++i) LOGBOOM_INFO(bus.logger(), "{}", i);
          });
        }
        for (auto& thread : threads) thread.join();
        if (bus.records().size() != 400) ::_exit(1);
        if (bus.engine().slots().size() > 5) ::_exit(2);
      });
  EXPECT_EQ(status, 0);
}

TEST(AForkedChild, LeavesNothingOfTheParentToAnExecutedProgram) {
  auto const given = [] {
    std::FILE* const pipe = ::popen("ls /proc/self/fd | wc -l", "r");
    int count = -1;
    if (pipe == nullptr || std::fscanf(pipe, "%d", &count) != 1) count = -1;
    if (pipe != nullptr) ::pclose(pipe);
    return count;
  };
  int const before = given();
  Bus bus;
  LOGBOOM_INFO(bus.logger(), "parent");
  EXPECT_GT(before, 0);
  EXPECT_EQ(given(), before);
}

TEST(ForkLock, IsFreeInAChild) {
  ForkLock& lock = ForkLock::make();
  lock.lock();
  EXPECT_EQ(in_child(&raw_clone, [&] { ::_exit(lock.try_lock() ? 0 : 1); }), 0);
  EXPECT_FALSE(lock.try_lock());
  lock.unlock();
  EXPECT_TRUE(lock.try_lock());
  lock.unlock();
}

TEST(ForkLock, ExcludesThreads) {
  ForkLock& lock = ForkLock::make();
  int count = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 20'000; ++i) {
        std::lock_guard const guard(lock);
        ++count;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(count, 80'000);
}

TEST(ProcessGeneration, IsTheChildsOwn) {
  std::uint64_t const mine = process_generation();
  EXPECT_EQ(process_generation(), mine);
  EXPECT_EQ(in_child(&raw_clone, [&] { ::_exit(process_generation() == mine + 1 ? 0 : 1); }), 0);
  EXPECT_EQ(process_generation(), mine);
}

}  // namespace
}  // namespace logboom::publisher::test
