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
  bool const first = wait_for([&] { return collector.status().adopted_spools >= 1; });
  leave_a_spool();  // it is younger than the own one: when it is adopted, that one was looked at
  bool const second = wait_for([&] { return collector.status().adopted_spools >= 2; });
  auto const adopted = collector.status().adopted_spools;
  bool const there = std::filesystem::exists(own / "lock");
  for (int i = 1; i < 1000; ++i) LOGBOOM_INFO(log, "record {}", i);
  bool const flushed = bus.flush(60s);
  collector.stop();
  thread.join();
  if (!first || !second || adopted != 2) return fail("the dead workers' spools were not adopted");
  if (!there) return fail("the own spool is gone");
  if (!flushed) return fail("not everything was stored");
  return 0;
}
