// What the programs of bench/ share: clocks, the processor a thread runs on, percentiles, and the one JSON object that each prints.
// Must not know a logger, a socket or a store. Who runs the programs, in what order and beside what: bench/harness/.
#pragma once

#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <numeric>
#include <string>
#include <string_view>
#include <vector>

#include <sched.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>
#if defined(__x86_64__)
#include <x86intrin.h>
#endif

namespace bench {

using Json = nlohmann::ordered_json;

inline std::int64_t nanoseconds(clockid_t clock) {
  timespec time{};
  ::clock_gettime(clock, &time);
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}
/// The same for all processes of the machine, so that one may begin what another one ends.
inline std::int64_t monotonic() { return nanoseconds(CLOCK_MONOTONIC); }
inline std::int64_t real_time() { return nanoseconds(CLOCK_REALTIME); }

/// The time-stamp counter, once what stands before has been done.
inline std::uint64_t ticks() {
#if defined(__x86_64__)
  unsigned processor = 0;
  return __rdtscp(&processor);
#else
  return static_cast<std::uint64_t>(monotonic());
#endif
}

inline double nanoseconds_a_tick() {
  std::int64_t const begin = monotonic();
  std::uint64_t const first = ticks();
  while (monotonic() - begin < 100'000'000) {
  }
  std::uint64_t const last = ticks();
  return static_cast<double>(monotonic() - begin) / static_cast<double>(last - first);
}

/// What two readings of the counter cost with nothing between them, in ticks: the mean of the nine tenths that were the quickest. The least would be a matter of luck
/// where the counter goes in steps, as on machines that make it from a slower one.
inline double ticks_of_nothing() {
  std::vector<std::uint64_t> taken(10'000);
  for (auto& each : taken) {
    std::uint64_t const begin = ticks();
    each = ticks() - begin;
  }
  std::sort(taken.begin(), taken.end());
  auto const quick = taken.begin() + static_cast<std::ptrdiff_t>(taken.size() * 9 / 10);
  return std::accumulate(taken.begin(), quick, 0.0) / static_cast<double>(quick - taken.begin());
}

inline int processors() { return static_cast<int>(::sysconf(_SC_NPROCESSORS_ONLN)); }

/// The calling thread, and those it starts, run on the processors from `first` up to before `end`. Without any, nothing changes.
inline void run_on(int first, int end) {
  if (first >= end) return;
  cpu_set_t set;
  CPU_ZERO(&set);
  for (int i = first; i < end; ++i) CPU_SET(static_cast<std::size_t>(i), &set);
  ::sched_setaffinity(0, sizeof set, &set);
}

/// Of this process and all its threads, user and system.
inline double cpu_seconds() { return static_cast<double>(nanoseconds(CLOCK_PROCESS_CPUTIME_ID)) / 1e9; }

/// KiB of memory that this process held at most. (What getrusage() says begins with what the parent had.)
inline long peak_kib() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) return std::strtol(line.c_str() + 6, nullptr, 10);
  }
  return 0;
}

/// When the next of many is due, at an even rate from its construction on; late ones follow at once. Rate 0: always at once.
class Pace {
 public:
  explicit Pace(double rate) : interval_(rate > 0 ? 1e9 / rate : 0), begin_(monotonic()) {}

  void wait_for(std::uint64_t number) const {
    if (interval_ == 0) return;
    std::int64_t const due = begin_ + static_cast<std::int64_t>(static_cast<double>(number) * interval_);
    if (due <= monotonic()) return;
    timespec const time{due / 1'000'000'000, due % 1'000'000'000};
    ::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, nullptr);
  }

 private:
  double interval_;  // ns
  std::int64_t begin_;
};

/// Says that all is prepared and waits for the word to begin (a line on stdin), so that several processes begin together.
inline void wait_for_start() {
  std::fputs("ready\n", stderr);
  for (int c = std::getchar(); c != '\n' && c != EOF; c = std::getchar()) {
  }
}

/// By nearest rank, but told finer than the steps in which a clock counts: all samples of one value stand for the span up to half the way to the nearest other one.
/// `sorted` is not empty; 0 ≤ part ≤ 1.
inline double quantile(std::vector<double> const& sorted, double part) {
  double const rank = part * static_cast<double>(sorted.size());
  auto const index = static_cast<std::size_t>(std::max(std::ceil(rank) - 1, 0.0));
  double const value = sorted[std::min(sorted.size() - 1, index)];
  auto const [first, last] = std::equal_range(sorted.begin(), sorted.end(), value);
  double span = 0;
  if (first != sorted.begin()) span = value - *(first - 1);
  if (last != sorted.end()) span = span > 0 ? std::min(span, *last - value) : *last - value;
  double const within =
      (rank - static_cast<double>(first - sorted.begin())) / static_cast<double>(last - first);
  return std::clamp(value + span * (within - 0.5), sorted.front(), sorted.back());
}

/// p50 … max, and the curve from which a plot is drawn: [part of the samples, value].
inline Json distribution(std::vector<double> samples) {
  if (samples.empty()) return nullptr;
  std::sort(samples.begin(), samples.end());
  double sum = 0;
  for (double const sample : samples) sum += sample;
  Json made{{"count", samples.size()},        {"mean", sum / static_cast<double>(samples.size())},
            {"p50", quantile(samples, 0.5)},  {"p90", quantile(samples, 0.9)},
            {"p99", quantile(samples, 0.99)}, {"p99.9", quantile(samples, 0.999)},
            {"max", samples.back()}};
  Json curve = Json::array();
  for (int i = 0; i <= 18; ++i) curve.push_back({0.05 * i, quantile(samples, 0.05 * i)});
  // Beyond nine tenths in steps that a plot by nines shows evenly, as far as there are samples.
  for (double rest = 0.08; rest * static_cast<double>(samples.size()) >= 1; rest /= 1.25)
    curve.push_back({1 - rest, quantile(samples, 1 - rest)});
  made["curve"] = std::move(curve);
  return made;
}

/// What main() is made of: `work` gives the result; an exception becomes one line on stderr and exit code 1.
template <class Work>
int print_result(std::string_view program, Work const& work) {
  try {
    std::string const text = Json(work()).dump();
    std::printf("%s\n", text.c_str());
    return std::fflush(stdout) == 0 ? 0 : 1;
  } catch (std::exception const& error) {
    std::fprintf(stderr, "%.*s: %s\n", static_cast<int>(program.size()), program.data(), error.what());
    return 1;
  }
}

}  // namespace bench
