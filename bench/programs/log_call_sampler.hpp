// How a log call is sampled, the same for every logger: single calls every 2 to 20 µs, bursts of 20, and a loop of calls for what is too short to be timed alone.
// Must not know any logger: each program log_call_NAME.cpp says what its calls are.
#pragma once

#include "measurement.hpp"

#include <CLI/CLI.hpp>

#include <barrier>
#include <map>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace bench {

/// Arguments that all these programs take.
struct LogCallPlan {
  std::vector<int> threads{1, 2};
  std::size_t samples = 20'000;  // of single calls, a thread; of bursts a quarter of them
  std::string directory;         // for what the logger writes

  /// Exits on --help and on arguments that cannot be read.
  static LogCallPlan parse(int argc, char** argv, char const* about) {
    LogCallPlan plan;
    CLI::App app(about);
    app.add_option("--threads", plan.threads, "Logging threads")->delimiter(',')->check(CLI::Range(1, 64));
    app.add_option("--samples", plan.samples, "Single calls of each kind and thread")
        ->check(CLI::Range(100, 100'000'000));
    app.add_option("--directory", plan.directory, "Where the logger writes its file")->required();
    try {
      app.parse(argc, argv);
    } catch (CLI::ParseError const& error) {
      std::exit(app.exit(error));
    }
    return plan;
  }

  /// The last processors belong to the logging threads, one each; backends have the others, if any are left.
  int first_of_logging() const { return processors() - *std::max_element(threads.begin(), threads.end()); }
};

class LogCallSampler {
 public:
  static constexpr int kBurst = 20;
  static constexpr int kLoop = 1000;
  static constexpr std::int64_t kLeastPause = 2'000, kLongestPause = 20'000;  // ns

  explicit LogCallSampler(LogCallPlan plan)
      : plan_(std::move(plan)), scale_(nanoseconds_a_tick()), empty_(ticks_of_nothing()) {}

  /// `prepare` and `finish` are called on each thread before its first and after its last call. `call` gets the number of the call.
  template <class Call, class Prepare, class Finish>
  void calls(std::string const& workload, Call const& call, Prepare const& prepare, Finish const& finish) {
    for (int const threads : plan_.threads) {
      std::vector<Samples> all(static_cast<std::size_t>(threads));
      std::barrier begin(threads);
      on_each_thread(threads, [&](int thread) {
        prepare();
        Samples& mine = all[static_cast<std::size_t>(thread)];
        mine.paced.assign(plan_.samples, 0);  // written now, so that no page is missing later
        mine.bursts.assign(std::max<std::size_t>(plan_.samples / 4, 100),
                           0);  // of which one takes as long as twenty
        for (int i = 0; i < 1000; ++i) call(i);
        begin.arrive_and_wait();
        std::mt19937_64 random(static_cast<std::uint64_t>(thread) + 1);
        sample(mine.paced, 1, random, call);
        sample(mine.bursts, kBurst, random, call);
        finish();
      });
      std::vector<double> paced, bursts;
      for (auto const& each : all) {
        paced.insert(paced.end(), each.paced.begin(), each.paced.end());
        bursts.insert(bursts.end(), each.bursts.begin(), each.bursts.end());
      }
      Json& made = workloads_[workload][std::to_string(threads)];
      made["paced"] = distribution(std::move(paced));
      made["burst"] = distribution(std::move(bursts));
    }
  }
  template <class Call>
  void calls(std::string const& workload, Call const& call) {
    calls(
        workload, call, [] {}, [] {});
  }

  /// For calls of less than the counter's step: means of a thousand.
  template <class Call>
  void loop(std::string const& workload, Call const& call) {
    on_each_thread(1, [&](int) {
      std::vector<double> means(std::max<std::size_t>(plan_.samples / 20, 50));
      for (double& mean : means) {
        std::uint64_t const begin = ticks();
        for (int i = 0; i < kLoop; ++i) call(i);
        mean = scaled(ticks() - begin) / kLoop;
      }
      workloads_[workload]["1"]["loop"] = distribution(std::move(means));
    });
  }

  /// The result; `more` says what became of the records.
  Json result(Json more) const {
    more["workloads"] = workloads_;
    more["step_ns"] = scale_;
    more["timer_ns"] = empty_ * scale_;
    return more;
  }

 private:
  struct Samples {
    std::vector<double> paced, bursts;
  };

  template <class Work>
  void on_each_thread(int threads, Work const& work) const {
    std::vector<std::thread> running;
    for (int i = 0; i < threads; ++i) {
      running.emplace_back([&, i] {
        int const mine = processors() - 1 - i;
        if (mine >= 0) run_on(mine, mine + 1);
        work(i);
      });
    }
    for (auto& thread : running) thread.join();
  }

  template <class Call>
  void sample(std::vector<double>& into, int calls, std::mt19937_64& random, Call const& call) const {
    std::uniform_int_distribution<std::int64_t> pause(kLeastPause, kLongestPause);
    int number = 0;
    for (double& sample : into) {
      // A call comes every 2 to 20 µs, and a burst as often a call as that.
      auto const wait = static_cast<std::uint64_t>(static_cast<double>(pause(random) * calls) / scale_);
      std::uint64_t const from = ticks();
      while (ticks() - from < wait) {
      }
      std::uint64_t const begin = ticks();
      for (int i = 0; i < calls; ++i) call(++number);
      sample = scaled(ticks() - begin) / calls;
    }
  }

  double scaled(std::uint64_t count) const {
    return std::max(static_cast<double>(count) - empty_, 0.0) * scale_;
  }

  LogCallPlan plan_;
  double scale_;
  double empty_;
  std::map<std::string, Json> workloads_;
};

/// The text of the workload "two ints and a text": 35 bytes.
inline std::string const& text_argument() {
  static std::string const text = "/srv/data/run-0017/part-00042.hdf5x";
  return text;
}

}  // namespace bench
