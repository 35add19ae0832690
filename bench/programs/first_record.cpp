// How long a process takes from its start to its first record in the ring and in the store, and from the last record to its end. It starts itself: the parent's clock is the one
// that sees the beginning and the end. The environment names the bus.
#include "measurement.hpp"

#include <logboom/logboom.hpp>

#include <sys/wait.h>
#include <CLI/CLI.hpp>

#include <cerrno>
#include <memory>
#include <system_error>

namespace {

using namespace std::chrono_literals;

struct Stamps {
  std::int64_t main, constructed, first, second, stored, logged, flushed, destroyed;
};

Stamps live_once(std::uint64_t records) {
  Stamps at{};
  at.main = bench::monotonic();
  logboom::PublisherOptions options;
  options.flush_timeout = 60s;
  options.block_timeout = 60s;
  auto bus = std::make_unique<logboom::Publisher>(options);
  at.constructed = bench::monotonic();
  auto const log = bus->logger("bench.start");
  LOGBOOM_INFO(log, "the first record");
  at.first = bench::monotonic();
  LOGBOOM_INFO(log, "the second record");
  at.second = bench::monotonic();
  if (!bus->flush(60s)) std::_Exit(3);
  at.stored = bench::monotonic();
  for (std::uint64_t i = 0; i < records; ++i) LOGBOOM_INFO(log, "record {}", i);
  at.logged = bench::monotonic();
  if (!bus->flush(60s)) std::_Exit(3);
  at.flushed = bench::monotonic();
  bus.reset();
  at.destroyed = bench::monotonic();
  return at;
}

[[noreturn]] void be_child(int out, std::uint64_t records) {
  Stamps const at = live_once(records);
  if (::write(out, &at, sizeof at) != sizeof at) std::_Exit(4);
  std::exit(0);
}

double milliseconds(std::int64_t begin, std::int64_t end) { return static_cast<double>(end - begin) / 1e6; }

bench::Json measure(char const* program, std::uint64_t records) {
  int ends[2];
  if (::pipe(ends) != 0) throw std::system_error(errno, std::generic_category(), "pipe");
  std::string const out = std::to_string(ends[1]), count = std::to_string(records);
  std::int64_t const begin = bench::monotonic();
  pid_t const child = ::fork();
  if (child < 0) throw std::system_error(errno, std::generic_category(), "fork");
  if (child == 0) {
    ::execl("/proc/self/exe", program, "--child", out.c_str(), "--records", count.c_str(),
            static_cast<char*>(nullptr));
    std::_Exit(127);
  }
  ::close(ends[1]);
  int status = 0;
  if (::waitpid(child, &status, 0) != child || status != 0)
    throw std::runtime_error("the child failed; is there a collector?");
  std::int64_t const end = bench::monotonic();
  Stamps at{};
  if (::read(ends[0], &at, sizeof at) != sizeof at) throw std::runtime_error("the child said nothing");
  return {{"process to main, ms", milliseconds(begin, at.main)},
          {"construction, ms", milliseconds(at.main, at.constructed)},
          {"construction to first record in the ring, ms", milliseconds(at.main, at.first)},
          {"second log call, ms", milliseconds(at.first, at.second)},
          {"process start to first record stored, ms", milliseconds(begin, at.stored)},
          {"flush, ms", milliseconds(at.logged, at.flushed)},
          {"destructor, ms", milliseconds(at.flushed, at.destroyed)},
          {"destructor to process end, ms", milliseconds(at.destroyed, end)}};
}

}  // namespace

int main(int argc, char** argv) {
  int child = -1;
  std::uint64_t records = 1000;
  CLI::App app("Measures the start and the end of a process that logs");
  app.add_option("--child", child)->group("");
  app.add_option("--records", records, "Logged before the flush that is measured");
  CLI11_PARSE(app, argc, argv);
  if (child >= 0) be_child(child, records);
  return bench::print_result("first_record", [&] { return measure(argv[0], records); });
}
