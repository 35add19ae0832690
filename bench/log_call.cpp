// What a log call costs: nanoseconds at p50, p99, p99.9 of static text, two numbers, two numbers and a text, and a level that is off, with the publisher's
// sender running, first without a collector and then with one; and in bursts. Usage: log_call [SAMPLES]. Run it on a quiet machine; figures on a busy one say nothing.
#include <logboom/logboom.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#if defined(__x86_64__)
#include <x86intrin.h>
#endif

namespace {

constexpr int kCalls = 20;  // of which a sample is the mean, as in shared/MEASURED.md
constexpr long kPause = 200'000;

std::uint64_t cycles() {
#if defined(__x86_64__)
  unsigned processor = 0;
  return __rdtscp(&processor);
#else
  return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
#endif
}

double nanoseconds_a_cycle() {
  auto const begin = std::chrono::steady_clock::now();
  std::uint64_t const first = cycles();
  while (std::chrono::steady_clock::now() - begin < std::chrono::milliseconds(100)) {
  }
  auto const time = std::chrono::steady_clock::now() - begin;
  return static_cast<double>(std::chrono::nanoseconds(time).count()) / static_cast<double>(cycles() - first);
}

/// How the time between two samples passes. A spinning core stays awake and its caches warm, as in the benchmarks of other loggers;
/// a sleeping one is what the rest of the machine makes of it.
enum class Pause { kSpin, kSleep };

void pause_for(Pause how, long ns) {
  if (how == Pause::kSleep) {
    timespec const time{0, ns};
    nanosleep(&time, nullptr);
    return;
  }
  auto const end = std::chrono::steady_clock::now() + std::chrono::nanoseconds(ns);
  while (std::chrono::steady_clock::now() < end) {
  }
}

std::string processor_name() {
  std::ifstream in("/proc/cpuinfo");
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  }
  return "unknown processor";
}

double at(std::vector<double> const& sorted, double quantile) {
  return sorted[std::min(sorted.size() - 1,
                         static_cast<std::size_t>(quantile * static_cast<double>(sorted.size())))];
}

class Table {
 public:
  Table(int samples, Pause pause) : samples_(samples), pause_(pause), scale_(nanoseconds_a_cycle()) {
    std::uint64_t least = UINT64_MAX;
    for (int i = 0; i < 1000; ++i) {
      std::uint64_t const begin = cycles();
      least = std::min(least, cycles() - begin);
    }
    empty_ = least;
    fmt::print("{:<34}{:>28}{:>28}\n{:<34}", "ns", "mean of 20 calls", "single calls", "");
    for (int i = 0; i < 2; ++i) fmt::print("{:>10}{:>9}{:>9}", "p50", "p99", "p99.9");
    fmt::print("\n");
  }

  template <class Call>
  void row(std::string_view name, Call const& call) const {
    for (int i = 0; i < 100; ++i) call(i);
    std::vector<double> means, singles;
    means.reserve(static_cast<std::size_t>(samples_));
    singles.reserve(static_cast<std::size_t>(samples_));
    for (int sample = 0; sample < samples_; ++sample) {
      std::uint64_t const begin = cycles();
      for (int i = 0; i < kCalls; ++i) call(i);
      std::uint64_t const end = cycles();
      means.push_back(scaled(end - begin) / kCalls);
      std::uint64_t const single = cycles();
      call(sample);
      singles.push_back(scaled(cycles() - single));
      pause_for(pause_, kPause);
    }
    fmt::print("{:<34}", name);
    for (auto* const column : {&means, &singles}) {
      std::sort(column->begin(), column->end());
      fmt::print("{:>10.1f}{:>9.1f}{:>9.1f}", at(*column, 0.5), at(*column, 0.99), at(*column, 0.999));
    }
    fmt::print("\n");
    std::fflush(stdout);
  }

 private:
  double scaled(std::uint64_t count) const {
    return static_cast<double>(count - std::min(count, empty_)) * scale_;
  }

  int samples_;
  Pause pause_;
  double scale_;
  std::uint64_t empty_ = 0;
};

/// The calling thread, and those it starts, run on these processors only.
void run_on(std::vector<int> const& processors) {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (int const processor : processors) CPU_SET(static_cast<std::size_t>(processor), &set);
  ::sched_setaffinity(0, sizeof set, &set);
}

pid_t start_collector(std::string const& directory) {
  std::string const command =
      std::filesystem::read_symlink("/proc/self/exe").parent_path().parent_path() / "logboom";
  pid_t const pid = ::fork();
  if (pid == 0) {
    ::execl(command.c_str(), "logboom", "collect", ("ipc://" + directory + "/bus").c_str(), "--db",
            (directory + "/logs.sqlite").c_str(), "--no-adopt", static_cast<char*>(nullptr));
    ::_exit(127);
  }
  return pid;
}

/// The last processor is the logging thread's alone; sender and collector have the others.
void measure(std::string const& directory, int samples, Pause pause) {
  int const last = static_cast<int>(::sysconf(_SC_NPROCESSORS_ONLN)) - 1;
  logboom::PublisherOptions options;
  options.endpoint = "ipc://" + directory + "/bus";
  options.spool = directory + "/spool";
  options.levels = "info";
  options.when_full = logboom::FullPolicy::kDrop;
  options.flush_timeout = std::chrono::milliseconds(0);
  logboom::Publisher bus(options);
  logboom::Logger const log = bus.logger("bench");
  std::string const text = "a text that is thirty-five bytes...";
  LOGBOOM_INFO(log, "the first record starts the sender");
  run_on({last});

  Table const table(samples, pause);
  table.row("nothing", [](int i) { asm volatile("" : : "r"(i)); });
  // What no logger can be faster than, and what the machine adds to a stretch of that length.
  table.row("the time-stamp counter read", [](int) { asm volatile("" : : "r"(logboom::detail::ticks())); });
  table.row("level off", [&](int i) { LOGBOOM_DEBUG(log, "off {}", i); });
  table.row("suppressed by EVERY_N", [&](int i) { LOGBOOM_INFO_EVERY_N(1 << 30, log, "of many {}", i); });
  table.row("suppressed by EVERY",
            [&](int i) { LOGBOOM_INFO_EVERY(std::chrono::hours(1), log, "an hour {}", i); });
  table.row("suppressed by ONCE", [&](int i) { LOGBOOM_INFO_ONCE(log, "once {}", i); });
  table.row("static text", [&](int) { LOGBOOM_INFO(log, "a static text"); });
  table.row("int and double", [&](int i) { LOGBOOM_INFO(log, "{cells} in {ms:.1f}", i, 0.5 * i); });
  table.row("two ints and 35 bytes", [&](int i) { LOGBOOM_INFO(log, "{} {} {}", i, i + 1, text); });
  table.row("int, and a field", [&](int i) { LOGBOOM_INFO(log, "{}", i, logboom::field("step", i)); });
  logboom::Context const context{logboom::field("request", 17), logboom::field("user", text)};
  table.row("static text, context of two", [&](int) { LOGBOOM_INFO(log, "a static text"); });
  logboom::Statistics const numbers = bus.statistics();
  fmt::print("{} records, {} dropped, {} spilled\n", numbers.logged, numbers.dropped, numbers.spilled);
}

}  // namespace

int main(int argc, char** argv) {
  int const samples = argc > 1 ? std::atoi(argv[1]) : 5000;
  if (samples < 1000) {
    fmt::print(stderr, "usage: log_call [SAMPLES], at least 1000\n");
    return 2;
  }
  std::string directory = (std::filesystem::temp_directory_path() / "logboom-log-call-XXXXXX").native();
  if (::mkdtemp(directory.data()) == nullptr) return 1;
  std::vector<int> others;
  for (int i = 0; i + 1 < ::sysconf(_SC_NPROCESSORS_ONLN); ++i) others.push_back(i);
  if (others.empty()) others.push_back(0);
  fmt::print("{}, {} processors; spool in {}\n", processor_name(), ::sysconf(_SC_NPROCESSORS_ONLN), directory);
  run_on(others);
  fmt::print("\nwithout a collector (the sender spills); the core stays awake between samples\n");
  measure(directory, samples, Pause::kSpin);
  run_on(others);
  pid_t const collector = start_collector(directory);
  fmt::print("\nwith a collector; the core stays awake between samples\n");
  measure(directory, samples, Pause::kSpin);
  run_on(others);
  fmt::print("\nwith a collector; the thread sleeps between samples\n");
  measure(directory, samples, Pause::kSleep);
  ::kill(collector, SIGTERM);
  ::waitpid(collector, nullptr, 0);
  std::filesystem::remove_all(directory);
  return 0;
}
