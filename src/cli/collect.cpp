// `logboom collect`: a collector until it is told to stop. Must not know how a collector works.
#include "cli/collect_flags.hpp"
#include "cli/commands.hpp"
#include "cli/descriptors.hpp"
#include "cli/hangup.hpp"
#include "config/config_text.hpp"

#include <logboom/collector.hpp>

#include "publisher/settings.hpp"
#include "spool/spool.hpp"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <unistd.h>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <stdexcept>
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
With --config or --authorized-keys, SIGHUP has the files read again and the sinks' files opened anew; without, it ends the
collector like SIGTERM.
Read the file with `logboom tail`, `logboom query`, or sqlite3 FILE "SELECT * FROM logs".)";

constexpr auto kExamples =
    R"(    logboom collect                                    the default address, into ./logs.sqlite
    logboom collect --db /var/log/app.sqlite --print   and show the records here
    logboom collect tcp://0.0.0.0:7514 --curve-secret collector.secret --authorized-keys keys.d
                                                       for other machines (ports 7514, 7515, 7516)
    logboom collect ipc:///run/logboom/bus --allow-user www-data
                                                       for another user of this machine
    logboom collect --keep 30d --max-size 20GiB        and no records older, nor more than that
    logboom collect --no-db --print=json | jq .        no store, one JSON object a line
    logboom collect --python-tcp                       also what Python's SocketHandler sends
    logboom collect --config /etc/logboom.toml         sinks and all else from a file
    logboom collect --until-idle --db run.sqlite       for the time of one job)";

std::atomic<Collector*> running{nullptr};
static_assert(std::atomic<Collector*>::is_always_lock_free);

void on_signal(int signal) {
  // The second one: the collector is being stopped already and takes too long for whoever sent it.
  auto* const collector = running.exchange(nullptr);
  if (collector == nullptr) ::_exit(128 + signal);
  collector->stop();
}

/// Unless somebody (nohup) has it ignored.
void end_at_hangup(struct sigaction const& action) {
  struct sigaction now {};
  ::sigaction(SIGHUP, nullptr, &now);
  if (now.sa_handler != SIG_IGN) ::sigaction(SIGHUP, &action, nullptr);
}

void handle_signals(Collector& collector, bool without_files) {
  running = &collector;
  struct sigaction action {};
  action.sa_handler = on_signal;
  ::sigemptyset(&action.sa_mask);
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
  if (without_files) end_at_hangup(action);
  std::signal(
      SIGPIPE,
      SIG_IGN);  // NOLINT(cert-err33-c): a reader of --print that goes away is not the end of the collector
}

/// At a limit of file size a write is to fail, as on a full disk, and not to be the end.
void outlive_file_size_limits() {
  std::signal(SIGXFSZ, SIG_IGN);  // NOLINT(cert-err33-c): it cannot fail
}

std::string joined(std::vector<std::string> const& parts) {
  return fmt::format("{}", fmt::join(parts, ", "));
}

CollectorOptions ready(config::Config config) {
  auto& options = config.options;
  if (config.adopt_default) {
    options.adopt_own.push_back(spool::default_root().native());
    // Where publishers keep their spools that cannot have one there.
    for (auto const& root : publisher::memory_roots()) options.adopt_own.push_back(root.native());
  }
  options.notice = tell;
  return std::move(config.options);
}

/// Every mistake a line; as editors understand it where that is all that was asked for.
void tell_mistakes(config::ConfigError const& error, bool only_checked) {
  for (auto const& line : error.lines()) only_checked ? fmt::print(stderr, "{}\n", line) : tell(line);
}

/// What is wrong as such is for the caller to tell.
void check(CollectFlags const& flags) {
  auto const config = flags.config(config::Look::kPaths);
  auto const text = config::config_text(config);
  // Flags are read as they would be in a file: their mistakes are found the same way.
  (void)config::read_config(text, "");
  auto mistakes = config::check_paths(config.options, config.paths);
  if (!mistakes.empty()) throw config::ConfigError(flags.file(), std::move(mistakes));
  Collector::check(config.options);
  fmt::print("{}", text);
}

void reload(CollectFlags const& flags, Collector& collector) {
  auto const from = flags.file().empty() ? std::string() : flags.file() + ": ";
  auto const refuse = [&](std::string const& line) {
    tell(line);
    collector.note(level::kError, line);
  };
  try {
    // A pipe, as of <(…), was read to its end at the start: it would be an empty configuration now.
    if (!std::filesystem::is_regular_file(flags.file()) && std::filesystem::exists(flags.file()))
      throw std::invalid_argument("it is no regular file, and can be read only once; name a file");
    auto const later = collector.reload(ready(flags.config()));
    std::string line = fmt::format("{}reloaded", from);
    if (!later.empty()) line += fmt::format("; with the next start takes effect: {}", joined(later));
    tell(line);
  } catch (config::ConfigError const& error) {
    for (auto const& line : error.lines()) refuse(line);
    refuse(fmt::format("{}nothing is changed, for the mistakes above", from));
  } catch (std::exception const& error) {
    refuse(fmt::format("{}nothing is changed: {}", from, error.what()));
  }
  collector.reopen();
}

void tell_end(CollectorStatus const& status) {
  for (auto const& sink : status.sinks) {
    if (sink.dropped == 0) continue;
    auto const reason = sink.last_error.empty() ? std::string("it was too slow") : sink.last_error;
    tell(fmt::format("sink {}: {} records were not written: {}", sink.name, sink.dropped, reason));
  }
  auto stopped = fmt::format("stopped: {} records, {} declared lost, {} bad frames", status.records,
                             status.gap_records, status.bad_frames);
  if (auto const refused = status.refused_keys + status.refused_users + status.refused_requests; refused > 0)
    stopped += fmt::format(", {} peers or messages not admitted", refused);
  if (status.input_refused > 0) stopped += fmt::format(", {} connections refused", status.input_refused);
  tell(stopped);
}

void collect(CollectFlags const& flags) {
  if (!flags.file().empty()) Hangup::expect();
  auto options = ready(flags.config());
  auto const database = options.database;
  raise_descriptor_limit();
  outlive_file_size_limits();
  Collector collector(std::move(options));
  handle_signals(collector, !flags.has_files());
  {
    std::optional<Hangup> hangup;
    if (flags.has_files()) hangup.emplace([&] { reload(flags, collector); });
    auto served = collector.endpoints();
    for (auto& input : collector.inputs()) served.push_back(std::move(input));
    if (auto const log = collector.zmq_log(); !log.empty()) served.push_back("zmq-log " + log);
    tell(fmt::format(
        "collecting on {} into {}", joined(served),
        database.empty() ? "no store" : std::filesystem::absolute(database).lexically_normal().native()));
    collector.run();
  }
  running = nullptr;
  tell_end(collector.status());
}

}  // namespace

void add_collect(CLI::App& app) {
  auto const flags = std::make_shared<CollectFlags>();
  auto* const command = app.add_subcommand("collect", "Run a collector: receive, store, serve viewers");
  command->footer(manual(kDescription, kExamples));
  flags->add_to(*command);
  command->callback([flags] {
    try {
      flags->check() ? check(*flags) : collect(*flags);
    } catch (config::ConfigError const& error) {
      tell_mistakes(error, flags->check());
      throw ExitWith{kUsage};
    }
  });
}

}  // namespace logboom::cli
