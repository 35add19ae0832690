// A program that is collector and worker at once, with the two shared libraries: its collector adopts what dead workers left, and leaves its own worker alone.
// whole_bus DATABASE   (LOGBOOM_SPOOL and LOGBOOM_ENDPOINT say the rest). Exit code 0: as it should be.
#include <logboom/collector.hpp>
#include <logboom/logboom.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>

namespace {

using namespace std::chrono_literals;

/// Logs one record that nobody takes, and is killed.
void leave_a_spool() {
  pid_t const child = ::fork();
  if (child == 0) {
    logboom::Publisher bus;
    auto const log = bus.logger("dead");
    LOGBOOM_INFO(log, "left behind");
    ::kill(::getpid(), SIGKILL);
  }
  ::waitpid(child, nullptr, 0);
}

std::size_t spools() {
  std::size_t count = 0;
  for (auto const& entry : std::filesystem::directory_iterator(std::getenv("LOGBOOM_SPOOL")))
    count += entry.path().filename().native().size() == 32 ? 1U : 0U;
  return count;
}

bool wait_for(auto const& condition) {
  for (int i = 0; i < 12'000; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(10ms);
  }
  return false;
}

int fail(char const* what) {
  std::fprintf(stderr, "%s\n", what);
  return 1;
}

}  // namespace

int main(int, char** arguments) {
  leave_a_spool();
  logboom::Publisher bus;
  auto const log = bus.logger("alive");
  LOGBOOM_INFO(log, "record {}", 0);
  std::filesystem::path const own = bus.status().spool;

  logboom::CollectorOptions options;
  options.database = arguments[1];
  options.adopt = {std::getenv("LOGBOOM_SPOOL")};
  logboom::Collector collector(options);
  std::thread thread([&] { collector.run(); });
  // The own publisher adopts as well, and is often the first. What the collector adopted in the end is younger than the own spool, which it has looked at then.
  bool const first = wait_for([&] { return collector.status().adopted_spools >= 1 || spools() == 1; });
  auto const before = collector.status().adopted_spools;
  bool const second = wait_for([&] {
    if (spools() == 1) leave_a_spool();
    return collector.status().adopted_spools >= before + 2;  // one may be the first, not counted yet
  });
  bool const there = std::filesystem::exists(own / "lock");
  for (int i = 1; i < 1000; ++i) LOGBOOM_INFO(log, "record {}", i);
  bool const flushed = bus.flush(60s);
  collector.stop();
  thread.join();
  if (!first || !second) return fail("the dead workers' spools were not adopted");
  if (!there) return fail("the own spool is gone");
  if (!flushed) return fail("not everything was stored");
  return 0;
}
