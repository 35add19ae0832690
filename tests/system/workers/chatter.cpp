// Logs a debug and an info record in logger "app.part" every two milliseconds until SIGTERM. Prints "ready PID" when it has begun.
//
//   chatter [COUNT]      with COUNT: that many info records at once and no others, then waits for SIGTERM
#include <logboom/logboom.hpp>

#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>

int main(int argc, char** argv) {
  sigset_t terminate;
  sigemptyset(&terminate);
  sigaddset(&terminate, SIGTERM);
  sigprocmask(SIG_BLOCK, &terminate, nullptr);  // before there is any other thread
  logboom::Publisher bus;
  auto const log = bus.logger("app.part");
  std::uint64_t const count = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 0;
  for (std::uint64_t i = 0; i < count; ++i) LOGBOOM_INFO(log, "record {i}", i);
  std::printf("ready %d\n", getpid());
  std::fflush(stdout);
  timespec const pause{argc > 1 ? 3600 : 0, 2'000'000};
  while (sigtimedwait(&terminate, nullptr, &pause) != SIGTERM) {
    if (argc > 1) continue;
    LOGBOOM_DEBUG(log, "debug");
    LOGBOOM_INFO(log, "info");
  }
}
