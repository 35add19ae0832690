// Logs one record every so many milliseconds, COUNT of them, each once the one before is committed, then waits for SIGTERM.
// Prints "ready PID" when the first is in, and "committed after N ms" of each, seen every few ms.
//
//   metronome LOGGER EVERY_MS COUNT
#include <logboom/logboom.hpp>

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  sigset_t terminate;
  sigemptyset(&terminate);
  sigaddset(&terminate, SIGTERM);
  sigprocmask(SIG_BLOCK, &terminate, nullptr);  // before there is any other thread
  std::chrono::milliseconds const every(std::strtoul(argv[2], nullptr, 10));
  std::uint64_t const count = std::strtoull(argv[3], nullptr, 10);
  logboom::Publisher bus;
  auto const log = bus.logger(argv[1]);
  std::vector<std::chrono::steady_clock::duration> delays;
  auto next = std::chrono::steady_clock::now();
  for (std::uint64_t i = 1; i <= count; ++i) {
    LOGBOOM_INFO(log, "tick {i}", i);
    if (i == 1) {
      std::printf("ready %d\n", getpid());
      std::fflush(stdout);
    }
    while (bus.statistics().acked < i) std::this_thread::sleep_for(std::chrono::milliseconds(2));
    delays.push_back(std::chrono::steady_clock::now() - next);
    next = std::max(next + every, std::chrono::steady_clock::now());
    std::this_thread::sleep_until(next);
  }
  for (auto const delay : delays)
    std::printf("committed after %.1f ms\n", std::chrono::duration<double, std::milli>(delay).count());
  std::printf("done\n");
  std::fflush(stdout);
  int signal = 0;
  sigwait(&terminate, &signal);
}
