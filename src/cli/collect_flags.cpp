// The flags of `logboom collect`. Must not know how a collector works.
#include "cli/collect_flags.hpp"

#include "record/quantity.hpp"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <stdexcept>

namespace logboom::cli {
namespace {

/// Names the flag in what is wrong with its text.
template <typename Read>
auto read_flag(char const* flag, std::string const& text, Read read) {
  try {
    return read(text);
  } catch (std::invalid_argument const& error) {
    throw std::invalid_argument(fmt::format("{}: {}", flag, error.what()));
  }
}

template <typename Duration>
void apply_duration(char const* flag, std::string const& text, Duration& out) {
  if (text.empty()) return;
  auto const length = read_flag(flag, text, parse_duration);
  out = std::chrono::duration_cast<Duration>(length);
  if (out != length) throw std::invalid_argument(fmt::format("{} {}: finer than it is measured", flag, text));
}

template <typename Size>
void apply_size(char const* flag, std::string const& text, Size& out) {
  if (!text.empty()) out = static_cast<Size>(read_flag(flag, text, parse_size));
}

}  // namespace

void CollectFlags::add_to(CLI::App& command) {
  command
      .add_option(
          "--config", file_,
          "Configuration file (TOML; docs/config.md): sinks, and all that the flags say, which win over "
          "it. SIGHUP has it read again")
      ->type_name("FILE");
  command.add_flag(
      "--check", check_,
      "Only look whether the configuration is right: print what is in effect, as a file that --config "
      "takes, or each mistake with its place");
  add_bus(command);
  add_access(command);
  add_store(command);
  add_inputs(command);
  add_upstream(command);
}

void CollectFlags::add_bus(CLI::App& command) {
  command.add_option(
      "ENDPOINT", endpoints_,
      "Addresses to serve: ipc://PATH, or tcp://HOST:PORT (takes PORT, PORT+1 and PORT+2; 0: any free ones). "
      "Default: LOGBOOM_ENDPOINT, then ipc://$XDG_RUNTIME_DIR/logboom/bus");
  command.add_flag("--no-publish", no_publish_, "Serve no live viewers");
  command
      .add_flag(
          "--print{pretty}", print_,
          "Print records to stdout once they are stored; FORMAT is pretty, json, csv, logfmt or a Python "
          "logging format. Output that nobody reads fast enough is dropped, and counted")
      ->type_name("[=FORMAT]");
  command
      .add_option(
          "--adopt", adopt_,
          "Also store what dead publishers left below this spool directory, whatever collector it was for "
          "(repeatable). In the default one, LOGBOOM_SPOOL or ~/.local/state/logboom/spool, what was for "
          "this collector is always looked for")
      ->type_name("DIR")
      ->allow_extra_args(false);
  command.add_flag("--no-adopt", no_adopt_, "Do not watch the default spool directory");
  command
      .add_option(
          "--max-connections", max_connections_,
          "Connections at a time (a publisher has two, a viewer one); whoever comes then waits until some "
          "have left. Default: what the limit of open files allows, 16384 at most")
      ->type_name("N")
      ->check(CLI::PositiveNumber);
  command
      .add_option("--queue", queue_, "Records waiting for the store; beyond it publishers wait. Default: 8MiB")
      ->type_name("SIZE");
  command
      .add_option(
          "--commit-interval", commit_interval_,
          "Longest time from a record's arrival to its commit, while others keep arriving. Default: 50ms")
      ->type_name("TIME");
  command
      .add_option("--zmq-log", zmq_log_,
                  "Publish records as pyzmq's PUBHandler does, for python -m zmq.log ENDPOINT")
      ->type_name("ENDPOINT");
  command.add_flag("--until-idle", until_idle_,
                   "Exit once every publisher that came has left (at least one did). One that died counts "
                   "as gone when its "
                   "spool was read");
  command.add_option("--level", level_, "Level rules for all publishers, such as info,solver=debug,net=off")
      ->type_name("RULES");
}

void CollectFlags::add_store(CLI::App& command) {
  auto const group = "The store";
  auto* const db = command.add_option("--db", database_, "SQLite file of the store; made if missing")
                       ->type_name("FILE")
                       ->default_str("logs.sqlite")
                       ->group(group);
  command.add_flag("--no-db", no_db_, "Store nothing: only sinks and live viewers")->excludes(db)->group(group);
  auto const retention = "Retention: the store becomes many files, and the oldest go";
  auto const more = [&](char const* name, std::string& text, char const* type, char const* what) {
    command.add_option(name, text, what)->type_name(type)->group(retention);
  };
  more("--keep", keep_, "TIME", "Remove records that were stored longer ago, such as 30d, 12h, 90m or 2w");
  more("--max-size", max_size_, "SIZE",
       "Remove the oldest records when the store's files are larger together, such as 20GiB or 500MB");
  more("--file-size", file_size_, "SIZE",
       "Begin a new file at this size. Default: a sixteenth of --max-size, 1GiB at most");
  more("--file-period", file_period_, "TIME",
       "Begin a new file each so often, counted from midnight UTC. Default with --keep: 1d, or an eighth of "
       "it");
  command.add_flag("--compress", compress_, "Compress files when they are full; `logboom query` reads them")
      ->group(retention);
  command
      .add_flag("--full-text", full_text_,
                "Give files an index of their words when they are full, for `logboom query --text`")
      ->group(retention);
}

void CollectFlags::add_access(CLI::App& command) {
  constexpr auto kGroup = "Who may talk (docs/security.md)";
  command
      .add_option("--curve-secret", curve_secret_,
                  "Ask every peer for its key, and encrypt: the file of the collector's own secret key "
                  "(`logboom keygen -o FILE`)")
      ->type_name("FILE")
      ->group(kGroup);
  command
      .add_option("--authorized-keys", authorized_keys_,
                  "Who is let in: a file of lines `publish,view,control KEY NAME`, or a directory of such "
                  "files. SIGHUP has it read "
                  "again; who lost a right is cut off")
      ->type_name("PATH")
      ->group(kGroup);
  command
      .add_option("--allow-user", allow_users_,
                  "On ipc addresses let in this user as well (repeatable; NAME or a number, =publish,view "
                  "for some rights only). "
                  "Without it the directory's mode lets in nobody else")
      ->type_name("NAME[=RIGHTS]")
      ->allow_extra_args(false)
      ->group(kGroup);
  command
      .add_flag(
          "--insecure", insecure_,
          "Serve addresses that others than this machine reach although nobody there is asked who they are")
      ->group(kGroup);
}

void CollectFlags::add_inputs(CLI::App& command) {
  constexpr auto kGroup = "Inputs: programs with Python's stock handlers";
  auto const python = [&](char const* name, auto& member, char const* usual, char const* what) {
    auto* const option = command.add_option_function<std::string>(
        name, [&member, usual](std::string const& value) { member = value.empty() ? usual : value; }, what);
    if (*usual != '\0')
      option->expected(0, 1)->type_name("[[HOST:]PORT]");
    else
      option->type_name("PATH");
    option->group(kGroup);
  };
  python("--python-tcp", python_tcp_, "9020",
         "Take records of logging.handlers.SocketHandler; 127.0.0.1:9020 unless given, * is all hosts");
  python("--python-udp", python_udp_, "9021", "Of DatagramHandler; 127.0.0.1:9021 unless given");
  python("--python-unix", python_unix_, "", "Of SocketHandler(PATH, None)");
  python("--python-unix-datagram", python_unix_datagram_, "", "Of DatagramHandler(PATH, None)");
  command
      .add_option("--subscribe", subscribe_,
                  "Take what a program publishes on a PUB socket of its own: pyzmq's PUBHandler, logbook's "
                  "ZeroMQHandler (repeatable)")
      ->type_name("ENDPOINT")
      ->allow_extra_args(false)
      ->group(kGroup);
  command
      .add_option("--subscribe-server-key", subscribe_server_key_,
                  "Their public key, or a file of it, if they speak CURVE; with commas one for each")
      ->type_name("KEY")
      ->group(kGroup);
  command.add_option("--subscribe-curve-secret", subscribe_secret_, "And this collector's secret key there")
      ->type_name("FILE")
      ->group(kGroup);
}

void CollectFlags::add_upstream(CLI::App& command) {
  constexpr auto kGroup = "Forwarding to another collector";
  auto* const upstream = command
                             .add_option("--upstream", upstream_,
                                         "Forward every record to the collector at this address as well "
                                         "(tcp://HOST:PORT), exactly once: "
                                         "what it has not stored waits on disk")
                             ->type_name("ENDPOINT")
                             ->group(kGroup);
  auto const more = [&](char const* name, std::string& text, char const* type, char const* what) {
    command.add_option(name, text, what)->type_name(type)->group(kGroup)->needs(upstream);
  };
  more("--upstream-level", upstream_level_, "LEVEL", "Forward only records of this level or above");
  more("--upstream-server-key", upstream_server_key_, "KEY",
       "Its public key, or a file of it, if it asks for keys");
  more("--upstream-curve-secret", upstream_secret_, "FILE", "And this collector's secret key there");
  more("--upstream-spool", upstream_spool_, "DIR",
       "Directory of what waits; beside the publishers' spools unless given");
  more("--upstream-size", upstream_size_, "SIZE",
       "Bound of it. What finds no room is declared lost to the other collector; without a store publishers "
       "wait "
       "instead. Default: 1GiB");
}

config::Config CollectFlags::config(config::Look look) const {
  auto config = file_.empty() ? config::Config{} : config::read_config_file(file_, look);
  apply_bus(config);
  apply_access(config.options);
  apply_store(config.options);
  apply_print(config.options);
  apply_upstream(config.options);
  return config;
}

void CollectFlags::apply_bus(config::Config& config) const {
  auto& options = config.options;
  if (!endpoints_.empty()) options.endpoints = endpoints_;
  if (no_publish_) options.publish = !*no_publish_;
  if (!adopt_.empty()) options.adopt = adopt_;
  if (no_adopt_) config.adopt_default = !*no_adopt_;
  if (until_idle_) options.until_idle = *until_idle_;
  if (max_connections_) options.max_connections = *max_connections_;
  apply_size("--queue", queue_, options.queue_bytes);
  apply_duration("--commit-interval", commit_interval_, options.commit_interval);
  if (level_) options.level_rules = *level_;
  if (!subscribe_.empty()) options.subscribe = subscribe_;
  if (!subscribe_server_key_.empty()) options.subscribe_server_key = subscribe_server_key_;
  if (!subscribe_secret_.empty()) options.subscribe_curve_secret = subscribe_secret_;
  if (zmq_log_) options.zmq_log = zmq_log_;
  if (python_tcp_) options.python_tcp = python_tcp_;
  if (python_udp_) options.python_udp = python_udp_;
  if (python_unix_) options.python_unix = python_unix_;
  if (python_unix_datagram_) options.python_unix_datagram = python_unix_datagram_;
}

void CollectFlags::apply_access(CollectorOptions& options) const {
  if (!curve_secret_.empty()) options.curve_secret = curve_secret_;
  if (!authorized_keys_.empty()) options.authorized_keys = authorized_keys_;
  if (!allow_users_.empty()) options.allow_users = allow_users_;
  if (insecure_) options.insecure = true;
}

void CollectFlags::apply_store(CollectorOptions& options) const {
  if (database_) options.database = *database_;
  if (no_db_) options.database.clear();
  auto& retention = options.retention;
  apply_duration("--keep", keep_, retention.keep);
  apply_size("--max-size", max_size_, retention.max_size);
  apply_size("--file-size", file_size_, retention.file_size);
  apply_duration("--file-period", file_period_, retention.file_period);
  if (full_text_) retention.full_text = *full_text_;
  if (compress_) retention.compress = *compress_;
}

/// In place of what the file has printed there.
void CollectFlags::apply_print(CollectorOptions& options) const {
  if (print_.empty()) return;
  std::erase_if(options.sinks, [](SinkOptions const& sink) {
    return sink.type == SinkOptions::Type::kConsole && sink.stream == SinkOptions::Stream::kStdout;
  });
  SinkOptions console;
  console.format = print_;
  options.sinks.insert(options.sinks.begin(), std::move(console));
}

/// In place of the file's one to the same address.
void CollectFlags::apply_upstream(CollectorOptions& options) const {
  if (upstream_.empty()) return;
  SinkOptions sink;
  sink.type = SinkOptions::Type::kUpstream;
  sink.endpoint = upstream_;
  sink.spool = upstream_spool_;
  sink.curve_server_key = upstream_server_key_;
  sink.curve_secret = upstream_secret_;
  apply_size("--upstream-size", upstream_size_, sink.spool_bytes);
  if (!upstream_level_.empty()) {
    sink.filter.level = parse_level(upstream_level_);
    if (!sink.filter.level) {
      throw std::invalid_argument(fmt::format(
          "--upstream-level {}: no such level; use TRACE, DEBUG, INFO, WARNING, ERROR, CRITICAL or a number",
          upstream_level_));
    }
  }
  std::erase_if(options.sinks, [&](SinkOptions const& other) {
    return other.type == SinkOptions::Type::kUpstream && other.endpoint == sink.endpoint;
  });
  options.sinks.push_back(std::move(sink));
}

}  // namespace logboom::cli
