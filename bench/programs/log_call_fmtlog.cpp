// What a log call of fmtlog costs, by the same samples, its polling thread running and writing a file.
#define FMTLOG_HEADER_ONLY
#include "log_call_sampler.hpp"

#include <fmtlog/fmtlog.h>

namespace {

constexpr std::int64_t kPoll = 100'000;  // ns, as often as quill's backend looks

bench::Json measure(bench::LogCallPlan const& plan) {
  bench::run_on(0, plan.first_of_logging());
  std::uint64_t full = 0;  // on logging threads; one call of it is one too many
  fmtlog::setLogQFullCB([](void* count) { ++*static_cast<std::uint64_t*>(count); }, &full);
  fmtlog::setLogFile((plan.directory + "/fmtlog.log").c_str(), true);
  fmtlog::setLogLevel(fmtlog::INF);
  fmtlog::startPollingThread(kPoll);
  std::string const& text = bench::text_argument();

  bench::LogCallSampler sampler(plan);
  auto const prepare = [] { fmtlog::preallocate(); };
  auto const finish = [] {};
  sampler.loop("nothing", [](int i) { asm volatile("" : : "r"(i)); });
  sampler.loop("level off", [&](int i) { logd("off {}", i); });
  sampler.calls(
      "static text", [&](int) { logi("a static text"); }, prepare, finish);
  sampler.calls(
      "int and double", [&](int i) { logi("{} cells in {:.1f} ms", i, 0.5 * i); }, prepare, finish);
  sampler.calls(
      "two ints and a text", [&](int i) { logi("{} of {} into {}", i, i + 1, text); }, prepare, finish);
  fmtlog::stopPollingThread();
  fmtlog::closeLogFile();
  return sampler.result({{"dropped", full}});
}

}  // namespace

int main(int argc, char** argv) {
  auto const plan = bench::LogCallPlan::parse(argc, argv, "What a log call of fmtlog costs");
  return bench::print_result("log_call_fmtlog", [&] { return measure(plan); });
}
