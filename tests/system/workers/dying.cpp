// Logs numbered records and dies of its own in one of many ways, while its other threads, or its children, are amid their log calls.
// Counts in a mapped file the calls that have returned, as burst does: field `t` of a record is the place of its count.
//
//   dying COUNTER HOW COUNT [PLACES]
//
//   abort | segfault | throw | overflow | kill | _exit | quick_exit | exit
//           thread 0 logs COUNT records and dies right after the last; PLACES − 1 other threads (3) log until then
//   fork    logs, and forks children without end, each of which logs COUNT records and ends by _exit; up to PLACES − 1 of them. Somebody kills the process group
#include <logboom/logboom.hpp>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

using Count = std::atomic<std::uint64_t>;

Count* map_counters(char const* path, std::size_t places) {
  std::size_t const size = places * sizeof(Count);
  int const fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0 || ftruncate(fd, static_cast<off_t>(size)) != 0) std::exit(3);
  void* const at = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  if (at == MAP_FAILED) std::exit(3);
  return static_cast<Count*>(at);
}

/// Short pauses, so that a machine with few cores gets to all of them.
void log_records(logboom::Logger const& log, Count& counter, std::size_t place, std::uint64_t count) {
  for (std::uint64_t i = 1; i <= count; ++i) {
    LOGBOOM_INFO(log, "record {i} of thread {t}", i, place);
    counter.store(i, std::memory_order_release);
    if (i % 64 == 0) std::this_thread::sleep_for(std::chrono::microseconds(100));
  }
}

/// A page a call, and no end that the compiler could see.
[[gnu::noinline]] int overflow_stack(int volatile const* above, int volatile const& last) {
  int volatile page[1024] = {};
  page[0] = *above + 1;
  return *above == last ? 0 : overflow_stack(page, last) + page[0];
}

void die(std::string const& how) {
  if (how == "abort") std::abort();
  if (how == "segfault") *static_cast<int volatile*>(nullptr) = 1;
  if (how == "throw") throw std::runtime_error("nobody catches this");
  if (how == "overflow") {
    int volatile const bottom = 0;
    int volatile const never = -1;
    std::exit(overflow_stack(&bottom, never));
  }
  if (how == "kill") kill(getpid(), SIGKILL);
  if (how == "_exit") _exit(0);
  if (how == "quick_exit") std::quick_exit(0);
  if (how == "exit") std::exit(0);
  std::exit(2);
}

[[noreturn]] void fork_without_end(logboom::Logger const& log, Count* counters, std::size_t places,
                                   std::uint64_t count) {
  std::uint64_t own = 0;
  std::size_t next = 1;
  std::printf("ready %d\n", getpid());
  std::fflush(stdout);
  for (;;) {
    for (int i = 0; i < 50; ++i) {
      LOGBOOM_INFO(log, "record {i} of thread {t}", ++own, 0);
      counters[0].store(own, std::memory_order_release);
    }
    if (next < places) {
      auto const place = next++;
      pid_t const child = fork();
      if (child == 0) {
        log_records(log, counters[place], place, count);
        _exit(0);
      }
    }
    while (waitpid(-1, nullptr, WNOHANG) > 0) {
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) return 2;
  std::string const how = argv[2];
  std::uint64_t const count = std::strtoull(argv[3], nullptr, 10);
  std::size_t const places = argc > 4 ? std::strtoull(argv[4], nullptr, 10) : 4;
  auto* const counters = map_counters(argv[1], places);
  logboom::Publisher bus;
  auto const log = bus.logger("burst");
  if (how == "fork") fork_without_end(log, counters, places, count);
  std::vector<std::thread> others;
  for (std::size_t place = 1; place < places; ++place)
    others.emplace_back([&, place] { log_records(log, counters[place], place, UINT64_MAX); });
  log_records(log, counters[0], 0, count);
  die(how);
}
