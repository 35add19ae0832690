// `logboom demo`: a collector, four workers, one of which is killed and restarted, a live view, a query and a count. Everything is done with
// processes of this very command, as a user would do it; nothing is faked.
#include "cli/commands.hpp"
#include "cli/demo_worker.hpp"
#include "cli/output.hpp"

#include <logboom/query.hpp>
#include <logboom/subscriber.hpp>

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <CLI/CLI.hpp>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

extern char** environ;  // NOLINT(readability-redundant-declaration): POSIX declares it nowhere

namespace logboom::cli {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr auto kDescription =
    R"(Shows logboom at work: starts a collector and four worker processes that solve Laplace's equation and log every sweep; kills one of them
with SIGKILL amid its work and starts it again; shows the records live (INFO and above) meanwhile; then compares what was logged with what
is stored, and tells where to look. Takes about ten seconds. Exit code 1 if a single record is missing or there twice.)";

constexpr int kWorkers = 4;
constexpr int kVictim = 2;  // the worker that is killed

/// A counter in a mapped file, so that it outlives the process that counts.
class SharedCounter {
 public:
  explicit SharedCounter(std::filesystem::path const& path) {
    int const fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || ftruncate(fd, kSize) != 0)
      throw std::system_error(errno, std::generic_category(), path.string());
    void* const at = mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (at == MAP_FAILED) throw std::system_error(errno, std::generic_category(), path.string());
    count_ = new (at) std::atomic<std::uint64_t>(*static_cast<std::uint64_t*>(at));
  }
  ~SharedCounter() { munmap(count_, kSize); }
  SharedCounter(SharedCounter const&) = delete;
  SharedCounter& operator=(SharedCounter const&) = delete;

  std::atomic<std::uint64_t>& count() { return *count_; }

 private:
  static constexpr std::size_t kSize = 4096;
  std::atomic<std::uint64_t>* count_ = nullptr;
};

/// A process of this command, killed at the latest when the demo ends.
class Process {
 public:
  explicit Process(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "/proc/self/exe");
    std::vector<char*> pointers;
    pointers.reserve(arguments.size() + 1);
    for (auto& argument : arguments) pointers.push_back(argument.data());
    pointers.push_back(nullptr);
    int const error = posix_spawn(&pid_, "/proc/self/exe", nullptr, nullptr, pointers.data(), environ);
    if (error != 0) throw std::system_error(error, std::generic_category(), "demo: starting " + arguments[1]);
  }
  ~Process() {
    if (pid_ > 0) end(SIGKILL);
  }
  Process(Process&& other) noexcept : pid_(std::exchange(other.pid_, -1)) {}
  Process& operator=(Process&& other) noexcept {
    std::swap(pid_, other.pid_);
    return *this;
  }

  pid_t pid() const noexcept { return pid_; }

  void end(int signal) {
    kill(pid_, signal);
    wait();
  }
  void wait() {
    while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
  }
  bool ended() {
    if (pid_ > 0 && waitpid(pid_, nullptr, WNOHANG) == pid_) pid_ = -1;
    return pid_ < 0;
  }

 private:
  pid_t pid_ = -1;
};

class Demo {
 public:
  Demo() : directory_(make_directory()), database_(directory_ / "logs.sqlite") {
    set("LOGBOOM_ENDPOINT", "ipc://" + (directory_ / "bus").string());
    set("LOGBOOM_SPOOL", (directory_ / "spool").string());
    set("LOGBOOM_LEVEL", "debug");
  }

  int run() {
    headline("a collector");
    Process collector({"collect", "--db", database_.string()});
    SubscriberOptions options;
    options.filter.level = level::kInfo;
    Subscriber viewer(std::move(options));
    if (!viewer.wait_until_live(10s))
      throw Failure(kUnreachable, "demo: the collector did not come up; see its message above");

    headline("four workers, live at INFO and above");
    for (int number = 1; number <= kWorkers; ++number) start_worker(number, 5s);
    show(viewer, 2500ms);
    auto& victim = workers_[kVictim - 1];
    headline(fmt::format("SIGKILL for solver-{} (pid {}), and a new one in its place", kVictim, victim.pid()));
    killed_ = runs_[kVictim - 1];
    victim.end(SIGKILL);
    start_worker(kVictim, 2500ms);
    show_until_ended(viewer);

    headline("all workers have ended; the collector takes what is left in the killed one's spool");
    bool const complete = wait_for_all();
    collector.end(SIGTERM);
    report();
    return complete ? kOk : kFailed;
  }

 private:
  struct Run {
    std::string name;
    pid_t pid = 0;
    std::shared_ptr<SharedCounter> counter;
  };

  static std::filesystem::path make_directory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "logboom-demo-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) throw std::system_error(errno, std::generic_category(), pattern);
    return pattern;
  }

  static void set(char const* name, std::string const& value) { setenv(name, value.c_str(), 1); }

  static void headline(std::string const& text) {
    fmt::print("\n── {}\n", text);
    std::fflush(stdout);
  }

  void start_worker(int number, std::chrono::milliseconds duration) {
    auto const name = fmt::format("solver-{}", number);
    auto const counter = directory_ / fmt::format("count-{}", runs_.size() + ended_runs_.size());
    set("LOGBOOM_NAME", name);
    Process process({"demo-worker", std::to_string(32 + 16 * number), std::to_string(duration.count()),
                     counter.string()});
    Run run{name, process.pid(), std::make_shared<SharedCounter>(counter)};
    auto const index = static_cast<std::size_t>(number - 1);
    if (index < workers_.size()) {
      ended_runs_.push_back(std::exchange(runs_[index], run));
      workers_[index] = std::move(process);
    } else {
      runs_.push_back(run);
      workers_.push_back(std::move(process));
    }
  }

  void show(Subscriber& viewer, std::chrono::milliseconds duration) {
    for (auto const end = Clock::now() + duration; Clock::now() < end;) {
      if (auto const record = viewer.next(50ms)) output_.show(*record);
      output_.flush();
    }
  }

  void show_until_ended(Subscriber& viewer) {
    for (bool running = true; running;) {
      show(viewer, 100ms);
      running = false;
      for (auto& worker : workers_) running = !worker.ended() || running;
    }
  }

  std::map<pid_t, std::uint64_t> stored() const {
    std::map<pid_t, std::uint64_t> counts;
    Query query;
    query.filter.loggers = {"solver"};
    logboom::query(database_, query,
                   [&counts](Record const& record) { return ++counts[static_cast<pid_t>(record.pid)] > 0; });
    return counts;
  }

  bool is_complete(Run const& run, std::uint64_t stored) const {
    auto const returned = run.counter->count().load();
    bool const killed = run.pid == killed_.pid;
    return stored == returned ||
           (killed && stored == returned + 1);  // killed between the record's end and the counting
  }

  bool wait_for_all() {
    for (auto const end = Clock::now() + 20s; Clock::now() < end;) {
      auto const counts = stored();
      bool complete = true;
      for (auto const& run : all_runs()) {
        auto const found = counts.find(run.pid);
        complete = complete && found != counts.end() && is_complete(run, found->second);
      }
      if (complete) return true;
      usleep(100'000);
    }
    return false;
  }

  std::vector<Run> all_runs() const {
    auto all = runs_;
    all.insert(all.end(), ended_runs_.begin(), ended_runs_.end());
    return all;
  }

  void report() {
    auto const counts = stored();
    fmt::print("\n{:<12}{:>8}{:>12}{:>12}\n", "worker", "pid", "logged", "stored");
    for (auto const& run : all_runs()) {
      auto const found = counts.find(run.pid);
      auto const number = found == counts.end() ? 0 : found->second;
      fmt::print("{:<12}{:>8}{:>12}{:>12}  {}\n", run.name, run.pid, run.counter->count().load(), number,
                 !is_complete(run, number) ? "MISMATCH"
                 : run.pid == killed_.pid  ? "killed; nothing lost"
                                           : "");
    }
    headline("the last warnings, from the store");
    Query query;
    query.filter.level = level::kWarning;
    query.last = 5;
    logboom::query(database_, query, [this](Record const& record) {
      output_.show(record);
      return true;
    });
    output_.flush();
    headline("look for yourself");
    fmt::print(
        "  sqlite3 {0} \"SELECT * FROM logs LIMIT 5\"\n  logboom query --db {0} --last 10 -w 'sweep>100'\n",
        database_.string());
  }

  std::filesystem::path directory_;
  std::filesystem::path database_;
  Output output_{OutputOptions{}};
  std::vector<Process> workers_;
  std::vector<Run> runs_;
  std::vector<Run> ended_runs_;
  Run killed_;
};

}  // namespace

void add_demo(CLI::App& app) {
  auto* const command =
      app.add_subcommand("demo", "See it work: collector, workers, a kill, a live view, a query");
  command->footer(manual(kDescription));
  command->callback([] { throw ExitWith{Demo().run()}; });

  struct WorkerChoices {
    std::size_t side = 0;
    std::int64_t milliseconds = 0;
    std::string counter;
  };
  auto const choices = std::make_shared<WorkerChoices>();
  auto* const worker = app.add_subcommand("demo-worker", "A worker of the demo");
  worker->group("");  // not in the help
  worker->add_option("SIDE", choices->side)->required();
  worker->add_option("MILLISECONDS", choices->milliseconds)->required();
  worker->add_option("COUNTER", choices->counter)->required();
  worker->callback([choices] {
    SharedCounter counter(choices->counter);
    solve_plates(choices->side, std::chrono::milliseconds(choices->milliseconds), counter.count());
  });
}

}  // namespace logboom::cli
