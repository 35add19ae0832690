// From the log call to the committed row, with real processes: a collector, and 1, 2, 4 and 8 workers that log as fast as they can. Beside it, in the same run and
// interleaved, one thread that inserts the same rows into a fresh file with one prepared statement, row by row, in transactions of 10,000 (no index, default page size,
// synchronous NORMAL, nothing else running). Then: log call to viewer at 1,000 records a second.
//
// What it does not show: a network between the two, several collectors, a disk slower than this one, records other than the kind below.
#include <logboom/logboom.hpp>
#include <logboom/subscriber.hpp>

#include <SQLiteCpp/SQLiteCpp.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

/// CPU seconds, user and system.
double wait_for(pid_t pid) {
  rusage usage{};
  int status = 0;
  if (wait4(pid, &status, 0, &usage) != pid || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    fmt::print(stderr, "end_to_end: process {} failed (status {})\n", pid, status);
    std::exit(1);
  }
  auto const seconds = [](timeval const& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

/// KiB, the highest so far. (What wait4() says begins with what the parent had when it forked.)
long resident_of(pid_t pid) {
  std::ifstream status(fmt::format("/proc/{}/status", pid));
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) return std::strtol(line.c_str() + 6, nullptr, 10);
  }
  std::exit(1);
}

template <class Main>
pid_t start(Main const& main) {
  pid_t const pid = fork();
  if (pid < 0) std::abort();
  if (pid == 0) {
    main();
    _exit(0);
  }
  return pid;
}

pid_t start_program(std::vector<std::string> arguments) {
  return start([&] {
    std::vector<char*> pointers;
    for (auto& argument : arguments) pointers.push_back(argument.data());
    pointers.push_back(nullptr);
    execv(pointers[0], pointers.data());
    _exit(127);
  });
}

/// The workload: two numbers and a 35-byte text, one field.
void work(std::uint64_t count) {
  logboom::PublisherOptions options;
  options.flush_timeout = 120s;
  options.block_timeout = 120s;
  logboom::Publisher bus(options);
  auto const log = bus.logger("bench.worker");
  std::string const text = "/srv/data/run-0017/part-000042.hdf5";
  for (std::uint64_t i = 0; i < count; ++i) {
    LOGBOOM_INFO(log, "wrote {rows} rows in {ms:.2f} ms to {file}", i, static_cast<double>(i % 1000) / 7,
                 text, logboom::field("step", i / 100));
  }
}

/// The interleaved yardstick: the rows that the collector has just stored.
struct Row {
  std::int64_t created;
  int level;
  std::int64_t site, source, sequence;
  std::string message, fields;
};

std::vector<Row> rows_of(std::string const& path) {
  SQLite::Database database(path, SQLite::OPEN_READONLY);
  SQLite::Statement query(database,
                          "SELECT created, level, site_id, source_id, ifnull(sequence, 0), message, "
                          "ifnull(fields, '') FROM record");
  std::vector<Row> rows;
  while (query.executeStep()) {
    rows.push_back({query.getColumn(0), query.getColumn(1), query.getColumn(2), query.getColumn(3),
                    query.getColumn(4), query.getColumn(5), query.getColumn(6)});
  }
  return rows;
}

double raw_inserts(std::vector<Row> const& rows, std::string const& path) {
  std::filesystem::remove(path);
  SQLite::Database database(path, SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
  database.exec(
      "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"
      "CREATE TABLE record(id INTEGER PRIMARY KEY, created INTEGER, level INTEGER, site_id INTEGER, "
      "source_id INTEGER, sequence INTEGER, message TEXT, fields TEXT)");
  SQLite::Statement insert(database,
                           "INSERT INTO record(created, level, site_id, source_id, sequence, message, "
                           "fields) VALUES(?,?,?,?,?,?,?)");
  auto const begin = Clock::now();
  for (std::size_t i = 0; i < rows.size();) {
    database.exec("BEGIN");
    for (std::size_t end = std::min(rows.size(), i + 10'000); i < end; ++i) {
      auto const& row = rows[i];
      insert.bind(1, row.created);
      insert.bind(2, row.level);
      insert.bind(3, row.site);
      insert.bind(4, row.source);
      insert.bind(5, row.sequence);
      insert.bindNoCopy(6, row.message);
      insert.bindNoCopy(7, row.fields);
      insert.exec();
      insert.reset();
    }
    database.exec("COMMIT");
  }
  return static_cast<double>(rows.size()) / seconds_since(begin);
}

struct Yardstick {
  std::size_t rows = 0;
  double rate = 0;  // rows a second
};

/// In a process of its own: workers are forked from this one, and a million rows in its memory would slow them down.
Yardstick raw_inserts_of(std::string const& stored, std::string const& path) {
  int ends[2];
  if (pipe(ends) != 0) std::abort();
  auto const child = start([&] {
    auto const rows = rows_of(stored);
    Yardstick const made{rows.size(), raw_inserts(rows, path)};
    if (write(ends[1], &made, sizeof made) != sizeof made) _exit(1);
  });
  wait_for(child);
  Yardstick made;
  if (read(ends[0], &made, sizeof made) != sizeof made) std::exit(1);
  close(ends[0]);
  close(ends[1]);
  return made;
}

struct Spread {
  double low, median, high;
};

Spread spread(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return {values.front(), values[values.size() / 2], values.back()};
}

class Bench {
 public:
  Bench(std::string command, std::filesystem::path directory)
      : command_(std::move(command)), directory_(std::move(directory)) {
    setenv("LOGBOOM_ENDPOINT", ("ipc://" + (directory_ / "bus").string()).c_str(), 1);
    setenv("LOGBOOM_SPOOL", (directory_ / "spool").c_str(), 1);
    database_ = directory_ / "logs.sqlite";
  }

  void throughput(int workers, std::uint64_t count, int rounds) {
    std::vector<double> logboom_rates;
    std::vector<double> raw_rates;
    std::vector<double> ratios;
    std::vector<double> collector_cpu;
    std::vector<double> worker_cpu;
    std::vector<double> bytes;
    long resident = 0;
    for (int round = 0; round < rounds; ++round) {
      for (auto const* suffix : {"", "-wal", "-shm", ".lock"}) std::filesystem::remove(database_ + suffix);
      auto const collector = start_collector();
      auto const begin = Clock::now();
      std::vector<pid_t> running;
      for (int i = 0; i < workers; ++i)
        running.push_back(start([&] { work(count / static_cast<std::uint64_t>(workers)); }));
      double cpu = 0;
      for (auto const pid : running) cpu += wait_for(pid);  // a worker ends when all it logged is committed
      double const rate = static_cast<double>(count) / seconds_since(begin);
      resident = std::max(resident, resident_of(collector));
      kill(collector, SIGTERM);
      auto const cost = wait_for(collector);
      auto const raw = raw_inserts_of(database_, directory_ / "raw.sqlite");
      double const million = static_cast<double>(count) / 1e6;
      logboom_rates.push_back(rate);
      raw_rates.push_back(raw.rate);
      ratios.push_back(rate / raw.rate);
      collector_cpu.push_back(cost / million);
      worker_cpu.push_back(cpu / million);
      bytes.push_back(static_cast<double>(std::filesystem::file_size(database_)) /
                      static_cast<double>(raw.rows));
    }
    auto const rate = spread(logboom_rates);
    auto const raw = spread(raw_rates);
    auto const ratio = spread(ratios);
    fmt::print(
        "{:>8} {:>9.0f} [{:.0f}–{:.0f}] {:>9.0f} [{:.0f}–{:.0f}]   {:.2f} [{:.2f}–{:.2f}] {:>10.2f} "
        "{:>10.2f} {:>9} {:>8.0f}\n",
        workers, rate.median / 1e3, rate.low / 1e3, rate.high / 1e3, raw.median / 1e3, raw.low / 1e3,
        raw.high / 1e3, ratio.median, ratio.low, ratio.high, spread(worker_cpu).median,
        spread(collector_cpu).median, resident / 1024, spread(bytes).median);
    std::fflush(stdout);
  }

  void live_latency(int records) {
    for (auto const* suffix : {"", "-wal", "-shm", ".lock"}) std::filesystem::remove(database_ + suffix);
    auto const collector = start_collector();
    logboom::SubscriberOptions options;
    options.filter.loggers = {"bench.live"};
    logboom::Subscriber viewer(options);
    if (!viewer.wait_until_live(10s)) std::exit(1);
    auto const publisher = start([&] {
      logboom::Publisher bus;
      auto const log = bus.logger("bench.live");
      auto next = Clock::now();
      for (int i = 0; i < records; ++i) {
        LOGBOOM_INFO(log, "tick {i}", i);
        std::this_thread::sleep_until(next += 1ms);
      }
    });
    std::vector<double> latencies;
    while (static_cast<int>(latencies.size()) < records) {
      auto const record = viewer.next(10s);
      if (!record) std::exit(1);
      auto const now = std::chrono::duration_cast<std::chrono::nanoseconds>(
                           std::chrono::system_clock::now().time_since_epoch())
                           .count();
      latencies.push_back(static_cast<double>(now - record->time) / 1e6);
    }
    wait_for(publisher);
    kill(collector, SIGTERM);
    wait_for(collector);
    std::sort(latencies.begin(), latencies.end());
    auto const at = [&](double part) {
      return latencies[static_cast<std::size_t>(part * static_cast<double>(latencies.size() - 1))];
    };
    fmt::print(
        "\nlive, 1,000 records/s, log call → commit → viewer, ms: p50 {:.2f}  p90 {:.2f}  p99 {:.2f}  p99.9 "
        "{:.2f}  max {:.2f}  ({} records)\n",
        at(0.5), at(0.9), at(0.99), at(0.999), at(1), latencies.size());
  }

 private:
  pid_t start_collector() {
    auto const pid = start_program({command_, "collect", "--db", database_, "--no-adopt"});
    for (auto const end = Clock::now() + 10s; !std::filesystem::exists(directory_ / "bus.push");) {
      if (Clock::now() > end) std::exit(1);
      std::this_thread::sleep_for(1ms);
    }
    return pid;
  }

  std::string command_;
  std::filesystem::path directory_;
  std::string database_;
};

std::string processor() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  }
  return "unknown processor";
}

}  // namespace

int main(int argc, char** argv) {
  // Usage: end_to_end [RECORDS [ROUNDS [WORKERS…]]]; the command measured is the one of this build.
  std::string const command =
      std::filesystem::read_symlink("/proc/self/exe").parent_path().parent_path() / "logboom";
  std::uint64_t const count = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1'000'000;
  int const rounds = argc > 2 ? std::atoi(argv[2]) : 3;
  std::string pattern = (std::filesystem::temp_directory_path() / "logboom-bench-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) return 1;
  utsname system{};
  uname(&system);
  fmt::print("{}, {} processors, Linux {}, g++ {}\n", processor(), std::thread::hardware_concurrency(),
             system.release, __VERSION__);
  fmt::print(
      "{} records a round, {} rounds, median [lowest–highest]; \"wrote {{rows}} rows in {{ms:.2f}} ms to "
      "{{file}}\" + one field; store on {}\n\n",
      count, rounds, pattern);
  fmt::print("{:>8} {:>22} {:>22} {:>18} {:>12} {:>10} {:>9} {:>8}\n", "workers", "logboom, k rec/s",
             "raw inserts, k rows/s", "ratio", "worker", "collector", "collector", "store");
  fmt::print("{:>8} {:>22} {:>22} {:>18} {:>12} {:>10} {:>9} {:>8}\n", "", "", "", "", "CPU s/M", "CPU s/M",
             "RSS MiB", "B/rec");
  Bench bench(command, pattern);
  std::vector<int> workers;
  for (int i = 3; i < argc; ++i) workers.push_back(std::atoi(argv[i]));
  if (workers.empty()) workers = {1, 2, 4, 8};
  for (int const each : workers) bench.throughput(each, count, rounds);
  bench.live_latency(5000);
  std::filesystem::remove_all(pattern);
}
