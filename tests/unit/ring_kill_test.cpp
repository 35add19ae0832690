// SIGKILL at every instruction of a log call: a process is single-stepped into one and killed there. What is found in its ring then is the records before, and this one whole or not at all.
// ctest: timeout=240
#include "publisher_fixture.hpp"

#include "spool/spool.hpp"

#include <gtest/gtest.h>

#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <string>

namespace logboom {
namespace {

constexpr int kBefore = 3;  // records whose calls return before

[[noreturn]] void log_and_be_stepped(std::filesystem::path const& root) {
  PublisherOptions options;
  options.endpoint = "ipc://" + (root / "nobody").string();
  options.spool = root.string();
  options.ring_capacity = std::size_t{1} << 17U;
  Publisher bus(options);
  auto const log = bus.logger("stepped");
  std::string const text = "a text of some length";
  // The same call site, so that its first time is over.
  for (int i = 1; i <= kBefore + 1; ++i) {
    if (i == kBefore + 1) {
      ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
      ::raise(SIGSTOP);
    }
    LOGBOOM_INFO(log, "record {i} of {text}", i, text);
  }
  ::raise(SIGUSR1);
  ::_exit(1);
}

/// Into the call by `steps` instructions, then SIGKILL. @return whether it was still in the call
bool step_and_kill(pid_t child, int steps) {
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSTOPPED(status)) << "ptrace is not permitted here?";
  bool inside = true;
  for (int i = 0; i < steps && inside; ++i) {
    ::ptrace(PTRACE_SINGLESTEP, child, nullptr, nullptr);
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    inside = WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP;
  }
  ::kill(child, SIGKILL);
  ::waitpid(child, &status, __WALL);
  return inside;
}

/// What a dead process left: numbers of whole records; anything else fails the test.
int records_in(std::filesystem::path const& root) {
  auto const spools = spool::Spool::list(root);
  EXPECT_EQ(spools.size(), 1U);
  auto spool = spool::Spool::adopt(spools.at(0));
  EXPECT_TRUE(spool) << "its lock went with the process";
  auto const rings = spool->open_rings();
  EXPECT_TRUE(rings.damage.empty());
  EXPECT_TRUE(rings.left_out.empty());
  // Another one is kept ready for the next thread.
  auto const by_number = [](auto const& a, auto const& b) { return a.next_sequence() < b.next_sequence(); };
  auto const& ring = *std::max_element(rings.readable.begin(), rings.readable.end(), by_number);
  int found = 0;
  for (auto at = ring.tail(); at < ring.head();) {
    auto const frame = ring.read(at);
    if (!frame) {
      ADD_FAILURE() << "nothing at " << at;
      break;
    }
    EXPECT_TRUE(wire::whole_record(frame->payload));
    EXPECT_EQ(frame->sequence, static_cast<std::uint64_t>(++found));
    at = frame->end;
  }
  EXPECT_EQ(ring.next_sequence(), static_cast<std::uint64_t>(found) + 1) << "a number without its record";
  EXPECT_EQ(ring.pending_drops().count, 0U);
  (void)spool->remove();
  return found;
}

TEST(RingKill, AtEveryInstructionOfALogCall) {
#ifdef LOGBOOM_SANITIZED
  GTEST_SKIP() << "what a sanitizer adds to a call is ten times the call";
#endif
  publisher::test::TemporaryDirectory const root;
  int without = 0;
  int with = 0;
  for (int steps = 0;; ++steps) {
    pid_t const child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) log_and_be_stepped(root.path());
    bool const inside = step_and_kill(child, steps);
    int const found = records_in(root.path());
    ASSERT_GE(found, kBefore) << steps;
    ASSERT_LE(found, kBefore + 1) << steps;
    ++(found == kBefore ? without : with);
    if (testing::Test::HasFailure()) FAIL() << "after " << steps << " instructions";
    if (!inside) break;
    // The call is over when the next signal is raised; stepping through that is not of interest.
    if (with > 60) break;
  }
  std::printf("killed after each of %d instructions: %d times before the record was in, %d times after\n",
              without + with, without, with);
  EXPECT_GT(without, 20);
  EXPECT_GT(with,
            0);  // few where the clock is the system's: how many instructions that takes differs from call to call
}

}  // namespace
}  // namespace logboom
