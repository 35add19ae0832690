// Logs numbered records as fast as it can, and counts in a mapped file the log calls that have returned: the count outlives a SIGKILL.
//
//   burst COUNTER COUNT [--threads T] [--pause-every N] [--ring BYTES] [--overflow BYTES] [--drop | --block-ms MS] [--text BYTES] [--hold]
//
// The file holds one 64-bit number a thread. `--hold`: stays until SIGTERM, then ends as it should. Prints "ready PID" when the first record of each thread is in.
#include <logboom/logboom.hpp>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string>
#include <thread>
#include <vector>

namespace {

struct Choices {
  char const* counter = nullptr;
  std::uint64_t count = 0;
  unsigned threads = 1;
  std::uint64_t pause_every = 0;
  std::size_t text = 0;
  bool hold = false;
  logboom::PublisherOptions publisher;
};

Choices parse(int argc, char** argv) {
  Choices choices;
  choices.counter = argv[1];
  choices.count = std::strtoull(argv[2], nullptr, 10);
  for (int i = 3; i < argc; ++i) {
    std::string const flag = argv[i];
    auto const number = [&] { return std::strtoull(argv[++i], nullptr, 10); };
    if (flag == "--threads")
      choices.threads = static_cast<unsigned>(number());
    else if (flag == "--pause-every")
      choices.pause_every = number();
    else if (flag == "--ring")
      choices.publisher.ring_capacity = number();
    else if (flag == "--overflow")
      choices.publisher.overflow_bound = number();
    else if (flag == "--drop")
      choices.publisher.when_full = logboom::FullPolicy::kDrop;
    else if (flag == "--block-ms")
      choices.publisher.block_timeout = std::chrono::milliseconds(number());
    else if (flag == "--text")
      choices.text = number();
    else if (flag == "--hold")
      choices.hold = true;
    else
      std::exit(2);
  }
  return choices;
}

std::atomic<std::uint64_t>* map_counters(char const* path, unsigned threads) {
  std::size_t const size = threads * sizeof(std::uint64_t);
  int const fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0 || ftruncate(fd, static_cast<off_t>(size)) != 0) std::exit(3);
  void* const at = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  if (at == MAP_FAILED) std::exit(3);
  return static_cast<std::atomic<std::uint64_t>*>(at);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  Choices const choices = parse(argc, argv);
  sigset_t terminate;
  sigemptyset(&terminate);
  sigaddset(&terminate, SIGTERM);
  if (choices.hold) sigprocmask(SIG_BLOCK, &terminate, nullptr);  // before there is any other thread
  auto* const counters = map_counters(choices.counter, choices.threads);
  logboom::Publisher bus(choices.publisher);
  auto const log = bus.logger("burst");
  std::string const text(choices.text, 'x');
  std::atomic<unsigned> begun{0};
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < choices.threads; ++t) {
    threads.emplace_back([&, t] {
      for (std::uint64_t i = 1; i <= choices.count; ++i) {
        LOGBOOM_INFO(log, "record {i} of thread {t}", i, t, logboom::field("text", text));
        counters[t].store(i, std::memory_order_release);
        if (i == 1) begun.fetch_add(1);
        if (choices.pause_every != 0 && i % choices.pause_every == 0)
          std::this_thread::sleep_for(std::chrono::milliseconds(1));
      }
    });
  }
  while (begun.load() < (choices.count == 0 ? 0 : choices.threads)) std::this_thread::yield();
  std::printf("ready %d\n", getpid());
  std::fflush(stdout);
  for (auto& thread : threads) thread.join();
  int signal = 0;
  if (choices.hold) sigwait(&terminate, &signal);
}
