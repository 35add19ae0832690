// A process that logs: as fast as it can, or at a rate. Waits for a line on stdin when it is ready, so that many begin together, and prints when it began, when the last log
// call returned and when all was committed (CLOCK_MONOTONIC). The environment names the bus.
#include "measurement.hpp"

#include <logboom/logboom.hpp>

#include <CLI/CLI.hpp>

#include <chrono>
#include <iostream>
#include <stdexcept>
#include <thread>

namespace {

using namespace std::chrono_literals;

struct Plan {
  std::uint64_t records = 100'000;
  int threads = 1;
  double rate = 0;
  std::string logger = "bench.worker";
  bool leave = false;
};

/// The workload of all sections: two numbers, a 35-byte text, and a field.
void log_records(logboom::Logger log, std::uint64_t count, double rate) {
  std::string const text = "/srv/data/run-0017/part-00042.hdf5x";
  bench::Pace const pace(rate);
  for (std::uint64_t i = 0; i < count; ++i) {
    pace.wait_for(i);
    LOGBOOM_INFO(log, "wrote {rows} rows in {ms:.2f} ms to {file}", i, static_cast<double>(i % 1000) / 7,
                 text, logboom::field("step", i / 100));
  }
}

bench::Json work(Plan const& plan) {
  logboom::PublisherOptions options;
  options.flush_timeout = 0ms;  // flush() below has waited
  options.block_timeout = 600s;
  logboom::Publisher bus(options);
  auto const log = bus.logger(plan.logger);
  bench::wait_for_start();
  double const cpu = bench::cpu_seconds();
  auto const count = plan.records / static_cast<std::uint64_t>(plan.threads);
  std::int64_t const begin = bench::monotonic();
  if (plan.threads == 1) {
    log_records(log, count, plan.rate);
  } else {
    std::vector<std::thread> running;
    for (int i = 0; i < plan.threads; ++i)
      running.emplace_back([&] { log_records(log, count, plan.rate / plan.threads); });
    for (auto& thread : running) thread.join();
  }
  std::int64_t const logged = bench::monotonic();
  if (!plan.leave && !bus.flush(3600s)) throw std::runtime_error("the collector did not store everything");
  std::int64_t const stored = bench::monotonic();
  auto const numbers = bus.statistics();
  bench::Json result{{"records", count * static_cast<std::uint64_t>(plan.threads)},
                     {"begin", begin},
                     {"logged", logged},
                     {"stored", stored},
                     {"cpu", bench::cpu_seconds() - cpu},
                     {"dropped", numbers.dropped},
                     {"sent", numbers.sent},
                     {"resent", numbers.resent},
                     {"spilled", numbers.spilled},
                     {"overflow_bytes", numbers.overflow_bytes},
                     {"peak_kib", bench::peak_kib()},
                     {"spool", bus.status().spool}};
  if (plan.leave) {  // as a process that is killed leaves it
    std::cout << result.dump() << std::endl;
    std::_Exit(0);
  }
  return result;
}

}  // namespace

int main(int argc, char** argv) {
  Plan plan;
  CLI::App app("Logs records, and says when they were stored");
  app.add_option("--records", plan.records, "Records of all threads together");
  app.add_option("--threads", plan.threads, "Logging threads")->check(CLI::Range(1, 64));
  app.add_option("--rate", plan.rate, "Records a second; 0: as fast as it can");
  app.add_option("--logger", plan.logger, "Name of the logger");
  app.add_flag("--leave", plan.leave, "End at once when all is logged, without waiting or cleaning up");
  CLI11_PARSE(app, argc, argv);
  return bench::print_result("worker", [&] { return work(plan); });
}
