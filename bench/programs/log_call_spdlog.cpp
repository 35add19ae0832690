// What a log call of spdlog's asynchronous logger costs, by the same samples, its thread running and writing a file.
#include "log_call_sampler.hpp"

#include <spdlog/async.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/spdlog.h>

namespace {

bench::Json measure(bench::LogCallPlan const& plan) {
  bench::run_on(0, plan.first_of_logging());
  spdlog::init_thread_pool(8192, 1);  // its defaults
  auto const log = spdlog::create_async<spdlog::sinks::basic_file_sink_mt>(
      "bench.call", plan.directory + "/spdlog.log", true);
  log->set_level(spdlog::level::info);
  std::string const& text = bench::text_argument();

  bench::LogCallSampler sampler(plan);
  sampler.loop("nothing", [](int i) { asm volatile("" : : "r"(i)); });
  sampler.loop("level off", [&](int i) { SPDLOG_LOGGER_CALL(log, spdlog::level::debug, "off {}", i); });
  sampler.calls("static text", [&](int) { SPDLOG_LOGGER_INFO(log, "a static text"); });
  sampler.calls("int and double", [&](int i) { SPDLOG_LOGGER_INFO(log, "{} cells in {:.1f} ms", i, 0.5 * i); });
  sampler.calls("two ints and a text",
                [&](int i) { SPDLOG_LOGGER_INFO(log, "{} of {} into {}", i, i + 1, text); });
  std::size_t const overrun = spdlog::thread_pool()->overrun_counter();
  spdlog::shutdown();
  return sampler.result({{"dropped", overrun}});
}

}  // namespace

int main(int argc, char** argv) {
  auto const plan = bench::LogCallPlan::parse(argc, argv, "What a log call of spdlog costs");
  return bench::print_result("log_call_spdlog", [&] { return measure(plan); });
}
