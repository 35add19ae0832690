// `logboom collect`: a collector until it is told to stop. Must not know how a collector works.
#include "cli/commands.hpp"
#include "cli/descriptors.hpp"
#include "cli/retention_flags.hpp"

#include <logboom/collector.hpp>

#include "publisher/settings.hpp"
#include "spool/spool.hpp"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <unistd.h>
#include <atomic>
#include <csignal>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace logboom::cli {
namespace {

constexpr auto kDescription =
    R"(Collects the records of every publisher that connects, stores them, and serves live viewers.

It prints one line on stderr when it is ready,
    logboom: collecting on ADDRESS[, ADDRESS…] into FILE
and runs until SIGINT or SIGTERM: then it takes what has arrived, commits, acknowledges and exits 0.
A second signal ends it at once; publishers keep what was not acknowledged and send it to the next collector.

One collector has one address and one file: a second one on either refuses to start.
A disk that is full, or a file that cannot be written for another reason, loses nothing: the collector
says so, tries again, and publishers keep their records in the meantime.
Read the file with `logboom tail`, `logboom query`, or sqlite3 FILE "SELECT * FROM logs".)";

constexpr auto kExamples =
    R"(    logboom collect                                    the default address, into ./logs.sqlite
    logboom collect --db /var/log/app.sqlite --print   and show the records here
    logboom collect tcp://0.0.0.0:7514 --db all.sqlite for other machines (ports 7514, 7515, 7516)
    logboom collect --keep 30d --max-size 20GiB        and no records older, nor more than that
    logboom collect --no-db --print=json | jq .        no store, one JSON object a line
    logboom collect --python-tcp 0.0.0.0:9020          also what Python's SocketHandler sends
    logboom collect --until-idle --db run.sqlite       for the time of one job)";

struct Choices {
  CollectorOptions options;
  std::string print;
  std::string level;
  bool no_db = false;
  bool no_publish = false;
  bool no_adopt = false;
};

std::atomic<Collector*> running{nullptr};
static_assert(std::atomic<Collector*>::is_always_lock_free);

void on_signal(int signal) {
  // The second one: the collector is being stopped already and takes too long for whoever sent it.
  auto* const collector = running.exchange(nullptr);
  if (collector == nullptr) ::_exit(128 + signal);
  collector->stop();
}

void handle_signals(Collector& collector) {
  running = &collector;
  struct sigaction action {};
  action.sa_handler = on_signal;
  ::sigemptyset(&action.sa_mask);
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
  std::signal(
      SIGPIPE,
      SIG_IGN);  // NOLINT(cert-err33-c): a reader of --print that goes away is not the end of the collector
}

std::string joined(std::vector<std::string> const& parts) {
  return fmt::format("{}", fmt::join(parts, ", "));
}

void collect(Choices choices) {
  auto& options = choices.options;
  if (choices.no_db) options.database.clear();
  if (!choices.print.empty()) options.print = choices.print;
  if (!choices.no_adopt) {
    options.adopt_own.push_back(spool::default_root().native());
    // Where publishers keep their spools that cannot have one there.
    for (auto const& root : publisher::memory_roots()) options.adopt_own.push_back(root.native());
  }
  options.publish = !choices.no_publish;
  options.level_rules = choices.level;
  options.notice = tell;

  auto const database = options.database;
  raise_descriptor_limit();
  Collector collector(std::move(options));
  handle_signals(collector);
  auto served = collector.endpoints();
  for (auto& input : collector.inputs()) served.push_back(std::move(input));
  if (auto const log = collector.zmq_log(); !log.empty()) served.push_back("zmq-log " + log);
  tell(fmt::format(
      "collecting on {} into {}", joined(served),
      database.empty() ? "no store" : std::filesystem::absolute(database).lexically_normal().native()));
  collector.run();
  running = nullptr;
  auto const status = collector.status();
  auto stopped = fmt::format("stopped: {} records, {} declared lost, {} bad frames", status.records,
                             status.gap_records, status.bad_frames);
  if (status.input_refused > 0) stopped += fmt::format(", {} connections refused", status.input_refused);
  tell(stopped);
}

}  // namespace

void add_collect(CLI::App& app) {
  auto const choices = std::make_shared<Choices>();
  auto& options = choices->options;
  auto* const command = app.add_subcommand("collect", "Run a collector: receive, store, serve viewers");
  command->footer(manual(kDescription, kExamples));
  command->add_option(
      "ENDPOINT", options.endpoints,
      "Addresses to serve: ipc://PATH, or tcp://HOST:PORT (takes PORT, PORT+1 and PORT+2; 0: any free ones). "
      "Default: LOGBOOM_ENDPOINT, then ipc://$XDG_RUNTIME_DIR/logboom/bus");
  auto* const db = command->add_option("--db", options.database, "SQLite file of the store; made if missing")
                       ->type_name("FILE")
                       ->capture_default_str();
  command->add_flag("--no-db", choices->no_db, "Store nothing: only --print and live viewers")->excludes(db);
  add_retention_flags(*command, options.retention);
  command->add_flag("--no-publish", choices->no_publish, "Serve no live viewers");
  command
      ->add_flag("--print{pretty}", choices->print,
                 "Print records to stdout once they are stored; FORMAT is pretty, json, csv, logfmt or a "
                 "Python logging "
                 "format. Output that nobody reads fast enough is dropped, and counted")
      ->type_name("[=FORMAT]");
  command
      ->add_option(
          "--adopt", options.adopt,
          "Also store what dead publishers left below this spool directory, whatever collector it was for "
          "(repeatable). In the default one, LOGBOOM_SPOOL or ~/.local/state/logboom/spool, what was for "
          "this collector is always looked for")
      ->type_name("DIR")
      ->allow_extra_args(false);
  command
      ->add_option(
          "--max-connections", options.max_connections,
          "Connections at a time (a publisher has two, a viewer one); whoever comes then waits until some "
          "have left. Default: what the limit of open files allows, 16384 at most")
      ->type_name("N")
      ->check(CLI::PositiveNumber);
  command->add_flag("--no-adopt", choices->no_adopt, "Do not watch the default spool directory");
  auto const python = [&](char const* name, auto& member, char const* usual, char const* what) {
    auto* const option = command->add_option_function<std::string>(
        name, [&member, usual](std::string const& value) { member = value.empty() ? usual : value; }, what);
    if (*usual != '\0')
      option->expected(0, 1)->type_name("[[HOST:]PORT]");
    else
      option->type_name("PATH");
    option->group("Inputs: programs with Python's stock handlers");
  };
  python("--python-tcp", options.python_tcp, "9020",
         "Take records of logging.handlers.SocketHandler; 127.0.0.1:9020 unless given, * is all hosts");
  python("--python-udp", options.python_udp, "9021", "Of DatagramHandler; 127.0.0.1:9021 unless given");
  python("--python-unix", options.python_unix, "", "Of SocketHandler(PATH, None)");
  python("--python-unix-datagram", options.python_unix_datagram, "", "Of DatagramHandler(PATH, None)");
  command
      ->add_option("--subscribe", options.subscribe,
                   "Take what a program publishes on a PUB socket of its own: pyzmq's PUBHandler, logbook's "
                   "ZeroMQHandler (repeatable)")
      ->type_name("ENDPOINT")
      ->allow_extra_args(false)
      ->group("Inputs: programs with Python's stock handlers");
  command
      ->add_option("--zmq-log", options.zmq_log,
                   "Publish records as pyzmq's PUBHandler does, for python -m zmq.log ENDPOINT")
      ->type_name("ENDPOINT");
  command->add_flag("--until-idle", options.until_idle,
                    "Exit once every publisher that came has left (at least one did). One that died counts "
                    "as gone when its "
                    "spool was read");
  command
      ->add_option("--level", choices->level,
                   "Level rules for all publishers, such as info,solver=debug,net=off")
      ->type_name("RULES");
  command->callback([choices] { collect(*choices); });
}

}  // namespace logboom::cli
