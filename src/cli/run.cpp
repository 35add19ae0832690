// `logboom run`: the output of a command that knows nothing of logboom, as records. Must not know how records are delivered.
#include "cli/child_process.hpp"
#include "cli/commands.hpp"
#include "cli/delivery_wait.hpp"
#include "cli/key_options.hpp"
#include "cli/line_logger.hpp"
#include "cli/line_splitter.hpp"
#include "cli/write_all.hpp"

#include <logboom/log.hpp>
#include <logboom/publisher.hpp>

#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>
#include <CLI/CLI.hpp>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace logboom::cli {
namespace {

constexpr auto kDescription =
    R"(Runs a command; each line it writes becomes a record: stdout at INFO (logger NAME.stdout), stderr at WARNING (logger NAME.stderr).

The output still appears where it would have appeared (unless --quiet). Signals are passed on; the exit code is the
command's, or 128 + the signal that ended it. Lines over 60,000 bytes are cut and say so. The command never waits for a collector:
without one the records wait in the spool.)";

constexpr auto kExamples = R"(    logboom run -- ./simulate --steps 1000
    logboom run -n nightly.backup --quiet -- rsync -a /home /mnt/backup
    logboom run --json -- ./service        lines that are JSON objects become structured records)";

struct Choices {
  PublisherOptions publisher;
  std::string name;
  std::vector<std::string> command;
  bool json = false;
  bool quiet = false;
  double timeout = 2;
};

/// One of the command's two streams: passed through, and logged line by line.
class LoggedStream {
 public:
  LoggedStream(Publisher& bus, LineLogger::Defaults defaults, int pass_to)
      : logger_(bus, std::move(defaults)),
        lines_([this](std::string_view line) { logger_.log(line); }),
        pass_to_(pass_to) {}

  void add(std::string_view bytes) {
    lines_.add(bytes);
    // Whoever read it may be gone; the records go on.
    if (pass_to_ >= 0 && write_all(pass_to_, bytes) != 0) pass_to_ = -1;
  }
  void finish() { lines_.finish(); }

 private:
  LineLogger logger_;
  LineSplitter lines_;
  int pass_to_;
};

LineLogger::Defaults defaults_for(Choices const& choices, std::string const& stream, Level level, pid_t pid) {
  LineLogger::Defaults defaults;
  defaults.level = level;
  defaults.logger = choices.name + "." + stream;
  defaults.json = choices.json;
  defaults.fields.emplace_back("child", Value{std::int64_t{pid}});
  return defaults;
}

void log_end(Logger const& log, int status, double seconds) {
  if (WIFSIGNALED(status)) {
    LOGBOOM_ERROR(log, "killed by signal {signal} after {seconds:.3f} s", WTERMSIG(status), seconds);
  } else if (WEXITSTATUS(status) != 0) {
    LOGBOOM_WARNING(log, "exited with code {code} after {seconds:.3f} s", WEXITSTATUS(status), seconds);
  } else {
    LOGBOOM_INFO(log, "exited with code {code} after {seconds:.3f} s", 0, seconds);
  }
}

int run_child(ChildProcess& child, Choices const& choices, Publisher& bus) {
  auto const log = bus.logger(choices.name);
  auto const begin = std::chrono::steady_clock::now();
  child.start(choices.command);
  LOGBOOM_INFO(log, "started {command}", fmt::format("{}", fmt::join(choices.command, " ")),
               logboom::field("child", child.pid()));
  std::array<LoggedStream, 2> streams{
      LoggedStream(bus, defaults_for(choices, "stdout", level::kInfo, child.pid()),
                   choices.quiet ? -1 : STDOUT_FILENO),
      LoggedStream(bus, defaults_for(choices, "stderr", level::kWarning, child.pid()),
                   choices.quiet ? -1 : STDERR_FILENO)};
  int const status = child.wait([&streams](ChildProcess::Stream stream, std::string_view bytes) {
    streams[static_cast<std::size_t>(stream)].add(bytes);
  });
  for (auto& stream : streams) stream.finish();
  log_end(log, status, std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

void run(Choices choices) {
  if (choices.name.empty()) choices.name = std::filesystem::path(choices.command.front()).filename();
  choices.publisher.name = choices.name;
  choices.publisher.levels = "0";                                  // who calls `run` wants to see everything
  choices.publisher.flush_timeout = std::chrono::milliseconds{0};  // waited for below
  std::signal(SIGPIPE, SIG_IGN);                                   // the write tells
  ChildProcess child;  // blocks signals for the publisher's threads too
  Publisher bus(choices.publisher);
  int const code = run_child(child, choices, bus);
  try {
    wait_until_stored(bus, std::chrono::milliseconds(static_cast<std::int64_t>(choices.timeout * 1000)));
  } catch (Failure const& failure) {
    tell(failure.what());  // the exit code is the command's all the same
  }
  throw ExitWith{code};
}

}  // namespace

void add_run(CLI::App& app) {
  auto const choices = std::make_shared<Choices>();
  auto* const command = app.add_subcommand("run", "Run a command; its output lines become records");
  command->footer(manual(kDescription, kExamples));
  command
      ->add_option("-n,--name", choices->name, "Name of the logger and the process. Default: the program's")
      ->type_name("NAME");
  command->add_flag("--json", choices->json, "Lines that are JSON objects are structured records");
  command->add_flag("--quiet", choices->quiet, "Do not pass the output through");
  command
      ->add_option(
          "--endpoint", choices->publisher.endpoint,
          "The collector's address. Default: LOGBOOM_ENDPOINT, then ipc://$XDG_RUNTIME_DIR/logboom/bus")
      ->type_name("ADDRESS");
  command->add_option("--timeout", choices->timeout, "Seconds to wait at the end until all is stored")
      ->type_name("SECONDS")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command->add_option("COMMAND", choices->command, "After `--`: the command and its arguments")->required();
  add_key_options(*command, choices->publisher.curve_server_key, choices->publisher.curve_secret);
  command->callback([choices] { run(std::move(*choices)); });
}

}  // namespace logboom::cli
