// What a log call costs here. The environment names the bus (LOGBOOM_ENDPOINT); the harness has a collector on it, or none.
#include "log_call_sampler.hpp"

#include <logboom/logboom.hpp>

#include <chrono>

namespace {

bench::Json measure(bench::LogCallPlan const& plan) {
  bench::run_on(0, plan.first_of_logging());
  logboom::PublisherOptions options;
  options.spool = plan.directory;
  options.levels = "info";
  options.when_full = logboom::FullPolicy::kDrop;  // what would wait is counted instead
  logboom::Publisher bus(options);
  logboom::Logger const log = bus.logger("bench.call");
  std::string const& text = bench::text_argument();
  LOGBOOM_INFO(log, "the first record starts the sender");
  bool const collected =
      bus.flush(std::chrono::seconds(2));  // whether somebody collects is the harness's choice

  bench::LogCallSampler sampler(plan);
  sampler.loop("nothing", [](int i) { asm volatile("" : : "r"(i)); });
  sampler.loop("level off", [&](int i) { LOGBOOM_DEBUG(log, "off {}", i); });
  sampler.loop("suppressed by EVERY_N", [&](int i) { LOGBOOM_INFO_EVERY_N(1 << 30, log, "of many {}", i); });
  sampler.loop("suppressed by EVERY",
               [&](int i) { LOGBOOM_INFO_EVERY(std::chrono::hours(1), log, "an hour {}", i); });
  sampler.loop("suppressed by ONCE", [&](int i) { LOGBOOM_INFO_ONCE(log, "once {}", i); });
  // What no logger that takes the time can be faster than.
  sampler.calls("counter read", [](int) { asm volatile("" : : "r"(logboom::detail::ticks())); });
  sampler.calls("static text", [&](int) { LOGBOOM_INFO(log, "a static text"); });
  sampler.calls("int and double",
                [&](int i) { LOGBOOM_INFO(log, "{cells} cells in {ms:.1f} ms", i, 0.5 * i); });
  sampler.calls("two ints and a text", [&](int i) { LOGBOOM_INFO(log, "{} of {} into {}", i, i + 1, text); });
  sampler.calls("int and a field", [&](int i) { LOGBOOM_INFO(log, "{}", i, logboom::field("step", i)); });
  static thread_local std::unique_ptr<logboom::Context> context;
  sampler.calls(
      "static text in a context", [&](int) { LOGBOOM_INFO(log, "a static text"); },
      [&] {
        context =
            std::make_unique<logboom::Context>(logboom::field("request", 17), logboom::field("user", text));
      },
      [] { context.reset(); });
  bool const stored = collected && bus.flush(std::chrono::seconds(60));
  logboom::Statistics const numbers = bus.statistics();
  bool const counter = logboom::detail::tick_source() == logboom::detail::TickSource::kTsc;
  return sampler.result({{"clock", counter ? "the processor's counter" : "the system's clock"},
                         {"logged", numbers.logged},
                         {"dropped", numbers.dropped},
                         {"spilled", numbers.spilled},
                         {"stored", stored}});
}

}  // namespace

int main(int argc, char** argv) {
  auto const plan = bench::LogCallPlan::parse(argc, argv, "What a log call of logboom costs");
  return bench::print_result("log_call_logboom", [&] { return measure(plan); });
}
