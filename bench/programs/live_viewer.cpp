// A viewer that measures: from each record's log call to its arrival here, until so many have come or the publisher has left. The environment names the bus.
#include "measurement.hpp"

#include <logboom/subscriber.hpp>

#include <CLI/CLI.hpp>

#include <stdexcept>

namespace {

using namespace std::chrono_literals;

bench::Json view(std::string const& logger, std::uint64_t records) {
  logboom::SubscriberOptions options;
  options.filter.loggers = {logger};
  options.refetch = false;  // what is missed is counted, not read from the store
  options.until_idle = 1;
  logboom::Subscriber viewer(options);
  if (!viewer.wait_until_live(60s)) throw std::runtime_error("no collector answered");
  std::fputs("ready\n", stderr);
  double const cpu = bench::cpu_seconds();
  std::vector<double> latencies;
  latencies.reserve(records);
  while (latencies.size() < records) {
    auto const record = viewer.next(60s);
    if (!record) break;
    latencies.push_back(static_cast<double>(bench::real_time() - record->time) / 1e6);
  }
  auto const seen = latencies.size();
  return {{"seen", seen},
          {"missed", records - seen},
          {"cpu", bench::cpu_seconds() - cpu},
          {"peak_kib", bench::peak_kib()},
          {"ms", bench::distribution(std::move(latencies))}};
}

}  // namespace

int main(int argc, char** argv) {
  std::string logger = "bench";
  std::uint64_t records = 1000;
  CLI::App app("Views records live and measures their delay");
  app.add_option("--logger", logger, "Whose records");
  app.add_option("--records", records, "How many");
  CLI11_PARSE(app, argc, argv);
  return bench::print_result("live_viewer", [&] { return view(logger, records); });
}
