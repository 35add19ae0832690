// What a log call of quill costs, by the same samples, its backend running and writing a file. Built three times: BENCH_QUILL_BOUNDED takes the bounded queue,
// BENCH_QUILL_SYSTEM_CLOCK the system's clock in place of the processor's counter.
#include "log_call_sampler.hpp"

#include <quill/Backend.h>
#include <quill/Frontend.h>
#include <quill/LogMacros.h>
#include <quill/Logger.h>
#include <quill/sinks/FileSink.h>

#include <atomic>

namespace {

struct Options : quill::FrontendOptions {
#if defined(BENCH_QUILL_BOUNDED)
  static constexpr quill::QueueType queue_type = quill::QueueType::BoundedDropping;
  static constexpr std::size_t initial_queue_capacity = std::size_t{1} << 20U;  // as large as our rings
#endif
};
using Frontend = quill::FrontendImpl<Options>;

#if defined(BENCH_QUILL_SYSTEM_CLOCK)
constexpr auto kClock = quill::ClockSourceType::System;
#else
constexpr auto kClock = quill::ClockSourceType::Tsc;  // its default
#endif

bench::Json measure(bench::LogCallPlan const& plan) {
  bench::run_on(0, plan.first_of_logging());
  std::atomic<int> notices{0};  // of the backend: among them, how much was dropped
  quill::BackendOptions backend;
  backend.error_notifier = [&](std::string const&) { ++notices; };
  quill::Backend::start(backend);
  quill::FileSinkConfig config;
  config.set_open_mode('w');
  auto sink = Frontend::create_or_get_sink<quill::FileSink>(plan.directory + "/quill.log", config,
                                                            quill::FileEventNotifier{});
  auto* const log =
      Frontend::create_or_get_logger("bench.call", std::move(sink), quill::PatternFormatterOptions{}, kClock);
  log->set_log_level(quill::LogLevel::Info);
  std::string const& text = bench::text_argument();

  bench::LogCallSampler sampler(plan);
  auto const prepare = [] { Frontend::preallocate(); };
  auto const finish = [] {};
  sampler.loop("nothing", [](int i) { asm volatile("" : : "r"(i)); });
  sampler.loop("level off", [&](int i) { LOG_DEBUG(log, "off {}", i); });
  sampler.calls(
      "static text", [&](int) { LOG_INFO(log, "a static text"); }, prepare, finish);
  sampler.calls(
      "int and double", [&](int i) { LOG_INFO(log, "{} cells in {:.1f} ms", i, 0.5 * i); }, prepare, finish);
  sampler.calls(
      "two ints and a text", [&](int i) { LOG_INFO(log, "{} of {} into {}", i, i + 1, text); }, prepare,
      finish);
  sampler.calls(
      "static text in a context", [&](int) { LOG_INFO(log, "a static text"); },
      [&] {
        Frontend::preallocate();
        log->set_mdc("request", 17, "user", text);
      },
      [&] { log->clear_mdc(); });
  log->flush_log();
  quill::Backend::stop();
  return sampler.result({{"notices", notices.load()}});
}

}  // namespace

int main(int argc, char** argv) {
  auto const plan = bench::LogCallPlan::parse(argc, argv, "What a log call of quill costs");
  return bench::print_result("log_call_quill", [&] { return measure(plan); });
}
