// `logboom doctor`: why nothing arrives, found out by trying it, from the environment to the stored record. Must not mend anything by itself.
#include "cli/address_probe.hpp"
#include "cli/ask.hpp"
#include "cli/commands.hpp"
#include "cli/diagnosis.hpp"
#include "cli/key_options.hpp"
#include "cli/spool_check.hpp"
#include "delivery/endpoint.hpp"
#include "record/glob.hpp"
#include "record/level_rules.hpp"

#include <logboom/log.hpp>
#include <logboom/publisher.hpp>
#include <logboom/query.hpp>
#include <logboom/subscriber.hpp>
#include <logboom/version.hpp>

#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <filesystem>
#include <memory>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

extern char** environ;  // NOLINT(readability-redundant-declaration): POSIX declares it nowhere

namespace logboom::cli {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using Outcome = viewer::CollectorTalk::Outcome;

constexpr auto kDescription =
    R"(Finds out why nothing arrives, by trying it: environment, address, socket directory, the collector and its version, clocks, level rules, spool, what dead workers
left, store, limits; then it sends a record of logger `logboom.doctor` and sees it stored and shown live. Run it as the worker would run: as the same user, with the same
environment. One line a check: ok, warning or failed, with what mends it.

Exit codes: 0 all is well, 1 there is a warning or a failure, 3 no collector answers.)";

constexpr auto kExamples = R"(    logboom doctor
    logboom doctor tcp://hub:7514
    sudo -u www-data env LOGBOOM_SPOOL=/var/spool/logboom logboom doctor)";

constexpr auto kConnect = 1'000ms;
constexpr auto kTalk = 2'000ms;
constexpr auto kDelivery = 5'000ms;
constexpr std::int64_t kClockSkew = 1'000'000'000;  // ns, beyond what the round trip leaves open
constexpr char const* kLogger = "logboom.doctor";

struct Choices {
  std::string endpoint;
  KeyOptions keys;
  std::string output = "pretty";
};

std::int64_t wall_clock() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::string environment(char const* name) {
  char const* const value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

class Doctor {
 public:
  Doctor(Choices choices, Diagnosis& diagnosis) : choices_(std::move(choices)), diagnosis_(diagnosis) {}

  void examine() {
    look_at_environment();
    if (find_endpoints()) reach();
    look_at_clock();
    look_at_levels();
    check_spool(diagnosis_);
    check_orphans(diagnosis_, endpoints_, reached());
    look_at_store();
    look_at_limits();
    if (reached()) send_a_record();
  }
  bool reached() const noexcept { return status_.has_value(); }

 private:
  void look_at_environment();
  bool find_endpoints();
  void reach();
  bool look_at_sockets(delivery::Endpoint const& endpoint);
  void explain(delivery::Endpoint const& endpoint, std::string const& address, Probe const& found);
  void look_at_lock(delivery::Endpoint const& endpoint);
  bool talk(delivery::Endpoint const& endpoint);
  std::string other_bus() const;
  void look_at_clock();
  void look_at_levels();
  void look_at_store();
  void look_at_limits();
  void send_a_record();
  bool sent(Publisher& bus, std::string const& token);
  void look_for(Subscriber& viewer);

  Choices const choices_;
  Diagnosis& diagnosis_;
  std::vector<delivery::Endpoint> endpoints_;
  delivery::Endpoint collector_;  // the first that answers, as a publisher would take it
  std::optional<delivery::Status> status_;
  std::int64_t clock_ahead_ = 0,
               clock_open_ =
                   0;  // ns: the collector's clock against this one, and what the round trip leaves open
};

// --- environment and address

void Doctor::look_at_environment() {
  constexpr std::array<std::string_view, 7> kKnown{
      "LOGBOOM_ENDPOINT",         "LOGBOOM_LEVEL",       "LOGBOOM_SPOOL", "LOGBOOM_NAME", "LOGBOOM_CLOCK",
      "LOGBOOM_CURVE_SERVER_KEY", "LOGBOOM_CURVE_SECRET"};
  std::vector<std::string> set;
  std::string unknown;
  for (char** one = environ; *one != nullptr; ++one) {
    std::string_view const variable(*one);
    auto const name = variable.substr(0, variable.find('='));
    if (!name.starts_with("LOGBOOM_")) continue;
    set.emplace_back(variable);
    if (std::find(kKnown.begin(), kKnown.end(), name) == kKnown.end())
      unknown += (unknown.empty() ? "" : ", ") + std::string(name);
  }
  std::sort(set.begin(), set.end());
  auto const found =
      set.empty() ? std::string("no LOGBOOM_ variable is set") : fmt::format("{}", fmt::join(set, ", "));
  try {
    static_cast<void>(LevelRules::parse(environment("LOGBOOM_LEVEL")));
  } catch (std::invalid_argument const& error) {
    return diagnosis_.fail("environment",
                           fmt::format("LOGBOOM_LEVEL is ignored, info is used: {}", error.what()), "");
  }
  if (!unknown.empty())
    return diagnosis_.warn(
        "environment", fmt::format("{} mean nothing to logboom", unknown),
        "there are LOGBOOM_ENDPOINT, LOGBOOM_LEVEL, LOGBOOM_SPOOL, LOGBOOM_NAME, LOGBOOM_CLOCK, "
        "LOGBOOM_CURVE_SERVER_KEY and LOGBOOM_CURVE_SECRET");
  diagnosis_.ok("environment", found);
}

bool Doctor::find_endpoints() {
  auto const from = !choices_.endpoint.empty()                 ? "as named"
                    : !environment("LOGBOOM_ENDPOINT").empty() ? "by LOGBOOM_ENDPOINT"
                    : !environment("XDG_RUNTIME_DIR").empty()
                        ? "the default, by XDG_RUNTIME_DIR"
                        : "the default where XDG_RUNTIME_DIR is not set";
  try {
    endpoints_ = delivery::resolve_endpoints(choices_.endpoint);
  } catch (std::invalid_argument const& error) {
    diagnosis_.fail("endpoint", error.what(), fmt::format("it comes {}", from));
    return false;
  }
  std::string list;
  for (auto const& endpoint : endpoints_) list += (list.empty() ? "" : ", ") + endpoint.text;
  diagnosis_.ok("endpoint", fmt::format("{} ({}){}", list, from,
                                        endpoints_.size() > 1 ? "; the first that answers is used" : ""));
  return true;
}

// --- is somebody there

void Doctor::reach() {
  for (auto const& endpoint : endpoints_) {
    if (endpoint.text.starts_with("inproc://")) {
      diagnosis_.fail("collector", fmt::format("{} is for one process alone", endpoint.text),
                      "name an ipc or a tcp address");
      continue;
    }
    collector_ = endpoint;
    if (look_at_sockets(endpoint) && talk(endpoint)) return;
  }
}

bool Doctor::look_at_sockets(delivery::Endpoint const& endpoint) {
  for (auto const* address : {&endpoint.push, &endpoint.control, &endpoint.live}) {
    auto const found = probe(*address, kConnect);
    if (found.listens) continue;
    bool const live = address == &endpoint.live;
    if (live && (found.error == ENOENT || found.error == ECONNREFUSED)) {
      diagnosis_.warn("sockets", fmt::format("nobody listens at {}: the collector serves no viewers", *address),
                      "start it without --no-publish if there are to be any");
      return true;
    }
    explain(endpoint, *address, found);
    return false;
  }
  if (endpoint.is_ipc()) look_at_lock(endpoint);
  diagnosis_.ok("sockets", fmt::format("somebody listens at the three of {}", endpoint.text));
  return true;
}

/// Another collector bound to the same paths, of a version or a program that asks no lock.
void Doctor::look_at_lock(delivery::Endpoint const& endpoint) {
  auto const lock = path_of(endpoint.text) + ".lock";
  if (holder_of_lock(lock) != 0) return;
  diagnosis_.warn("sockets", fmt::format("{} is locked by nobody, but somebody listens", lock),
                  "stop what is no `logboom collect`, or two collectors will take each other's records");
}

void Doctor::explain(delivery::Endpoint const& endpoint, std::string const& address, Probe const& found) {
  auto const start = fmt::format("start one with `logboom collect {}`", endpoint.text);
  if (!endpoint.is_ipc()) {
    auto const refused = found.error == ECONNREFUSED;
    return diagnosis_.fail(
        "sockets", fmt::format("{}: {}", address, found.reason),
        refused ? start + " there, or name the right host and port"
                : "look at the host's name, its firewall (three ports in a row) and the network");
  }
  auto const path = path_of(address);
  auto const directory = std::filesystem::path(path).parent_path();
  struct stat status {};
  if (found.error == EACCES) {
    bool const seen = ::stat(path.c_str(), &status) == 0 || ::stat(directory.c_str(), &status) == 0;
    return diagnosis_.fail(
        "sockets",
        fmt::format("{}: no permission for user {}{}", path, ::geteuid(),
                    seen ? fmt::format(" (owner {}, mode {:o})", status.st_uid, status.st_mode & 07777U)
                         : std::string()),
        "run as the collector's user, or serve the others with a tcp address or one in a directory that both "
        "may enter");
  }
  if (found.error == ECONNREFUSED)
    return diagnosis_.fail("sockets", fmt::format("{} is what a dead collector left, nobody listens", path),
                           start + ", which takes it over");
  if (found.error == ENOENT && ::stat((path + ".full").c_str(), &status) == 0)
    return diagnosis_.fail("sockets",
                           fmt::format("{}: the collector has as many connections as it takes", path),
                           "raise its --max-connections or its limit of open files (ulimit -n)");
  auto const other = other_bus();
  bool const directory_there = ::stat(directory.c_str(), &status) == 0;
  diagnosis_.fail(
      "sockets",
      found.error == ENOENT && !directory_there
          ? fmt::format("there is no directory {}: no collector was ever started there", directory.native())
          : fmt::format("{}: {}", path, found.error == ENOENT ? "there is no collector" : found.reason),
      other.empty() ? start : fmt::format("there is one at {}: name that, or {}", other, start));
}

/// Where else a collector of this user may be, if somebody listens there.
std::string Doctor::other_bus() const {
  std::vector<std::string> places{fmt::format("ipc:///run/user/{}/logboom/bus", ::geteuid()),
                                  fmt::format("ipc:///tmp/logboom-{}/bus", ::geteuid()),
                                  delivery::default_endpoint(), "tcp://127.0.0.1:7514"};
  for (auto const& text : places) {
    bool const known =
        std::any_of(endpoints_.begin(), endpoints_.end(), [&](auto const& one) { return one.text == text; });
    if (!known && probe(delivery::parse_endpoint(text).control, kConnect).listens) return text;
  }
  return {};
}

bool Doctor::talk(delivery::Endpoint const& endpoint) {
  viewer::CollectorTalk talk(endpoint, choices_.keys.keys());
  auto const before = wall_clock();
  auto answer = talk.ask(delivery::AskStatus{1, false, {}}, kTalk);
  auto const round_trip = wall_clock() - before;
  if (answer.outcome == Outcome::kAnswered) {
    if (auto* const status = std::get_if<delivery::Status>(&answer.message)) {
      status_ = std::move(*status);
      clock_open_ = round_trip / 2;
      clock_ahead_ = status_->now - (before + round_trip / 2);
      auto const found = fmt::format("logboom {}, pid {} on {}, answers in {:.1f} ms", status_->program,
                                     status_->pid, status_->host, static_cast<double>(round_trip) / 1e6);
      if (status_->program != LOGBOOM_VERSION)
        diagnosis_.warn("collector", fmt::format("{}; this command is of version {}", found, LOGBOOM_VERSION),
                        "update the older one");
      else
        diagnosis_.ok("collector", found);
      return true;
    }
  }
  switch (answer.outcome) {
    case Outcome::kTooOld:
      diagnosis_.fail(
          "collector",
          fmt::format("pid {} on {} is a collector of an older version", answer.info.pid, answer.info.host),
          "update it, then start it again");
      break;
    case Outcome::kShutOut:
      diagnosis_.fail("keys", fmt::format("{} refuses: {}", endpoint.text, answer.refusal), "");
      break;
    case Outcome::kRefused:
      diagnosis_.fail("collector", fmt::format("{} refuses: {}", endpoint.text, answer.refusal), "");
      break;
    default:
      diagnosis_.fail("collector", fmt::format("{}: somebody listens, and does not answer", endpoint.text),
                      "look whether it is a collector, and whether it is stopped (kill -CONT) or starved");
  }
  return false;
}

// --- what a collector says

void Doctor::look_at_clock() {
  if (!status_) return;
  auto const ahead = clock_ahead_ < 0 ? -clock_ahead_ : clock_ahead_;
  auto const found = fmt::format("the collector's is {:.3f} s {} this one's (give or take {:.3f} s)",
                                 static_cast<double>(ahead) / 1e9, clock_ahead_ < 0 ? "behind" : "ahead of",
                                 static_cast<double>(clock_open_) / 1e9);
  if (ahead > kClockSkew + clock_open_)
    diagnosis_.warn("clock", found + "; records have the time of their worker",
                    "let both machines keep time (chrony, systemd-timesyncd), or --since will miss some");
  else
    diagnosis_.ok("clock", found);
}

void Doctor::look_at_levels() {
  std::string text = environment("LOGBOOM_LEVEL");
  LevelRules rules;
  try {
    rules = LevelRules::parse(text);
  } catch (std::invalid_argument const&) {
    text.clear();  // said before
  }
  std::string from = text.empty() ? "" : "LOGBOOM_LEVEL " + text;
  if (status_) {
    viewer::CollectorTalk talk(collector_, choices_.keys.keys());
    auto const answer = talk.ask(delivery::ChangeRules{}, kTalk);
    auto const* state = std::get_if<delivery::Rules>(&answer.message);
    if (answer.outcome != Outcome::kAnswered || state == nullptr)
      return diagnosis_.warn("levels", "the collector did not say which rules are in force", "ask again");
    LevelRules over;
    for (auto const& rule : state->rules) {
      // Which process it will be is not known: what is for some of them is told, too.
      if (glob_matches(rule.host, host_name())) over.set(rule.logger, static_cast<Level>(rule.level));
    }
    if (!state->base.empty()) from += (from.empty() ? "" : ", ") + ("the collector's own " + state->base);
    if (!over.empty()) from += (from.empty() ? "" : ", ") + ("set on the fly " + over.to_string());
    try {
      rules = rules.overlaid(LevelRules::parse(state->base).overlaid(over));
    } catch (std::invalid_argument const&) {
      rules = rules.overlaid(over);  // longer than what is shown of it
    }
  }
  std::string silent;
  for (auto const& [logger, level] : rules.rules()) {
    if (level > level::kInfo && !logger.empty())
      silent += fmt::format("{}{} below {}", silent.empty() ? "" : ", ", logger,
                            level == level::kOff ? "anything" : std::string(level_name(level)));
  }
  auto const root = rules.level_for("");
  auto const mend =
      "change LOGBOOM_LEVEL, the collector's --level, or take rules back with `logboom level --reset`";
  if (root >= level::kOff)
    return diagnosis_.fail("levels", fmt::format("nothing is logged at all, by {}", from), mend);
  if (root > level::kInfo || !silent.empty())
    return diagnosis_.warn(
        "levels",
        fmt::format("not made are records{}{}{}, by {}",
                    root > level::kInfo ? fmt::format(" below {}", level_name(root)) : std::string(),
                    root > level::kInfo && !silent.empty() ? ", and" : "",
                    silent.empty() ? std::string() : " of " + silent, from),
        mend);
  diagnosis_.ok("levels", from.empty() ? std::string("INFO and above is logged") : from);
}

void Doctor::look_at_store() {
  if (!status_) return;
  auto const& store = status_->store;
  if (store.path.empty())
    return diagnosis_.warn("store", "the collector keeps none: what no viewer sees is gone",
                           "start it without --no-db");
  if (!store.trouble.empty())
    return diagnosis_.fail("store", store.trouble,
                           "make room or mend the disk; publishers keep their records meanwhile");
  if (status_->host != host_name())
    return diagnosis_.ok("store", fmt::format("{} on {}, {} rows", store.path, status_->host, store.rows));
  try {
    Query newest;
    newest.last = 1;
    query(store.path, newest, [](Record const&) { return true; });
    diagnosis_.ok("store", fmt::format("{}, {} rows, can be read from here", store.path, store.rows));
  } catch (StoreError const& error) {
    diagnosis_.warn("store", error.what(), "viewers here see what comes live, and no history");
  }
}

void Doctor::look_at_limits() {
  constexpr rlim_t kFew = 256;
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  std::string found = limit.rlim_cur == RLIM_INFINITY ? "any number of open files here"
                                                      : fmt::format("{} open files here", limit.rlim_cur);
  if (status_) {
    found +=
        fmt::format(", {} of {} connections at the collector", status_->connections, status_->max_connections);
    if (status_->doors_shut)
      return diagnosis_.fail("limits", found + ": it takes no more",
                             "raise its --max-connections, or its limit of open files (ulimit -n)");
    if (status_->connections * 10 > status_->max_connections * 9)
      return diagnosis_.warn("limits", found,
                             "raise its --max-connections, or its limit of open files (ulimit -n)");
  }
  if (limit.rlim_cur < kFew)
    return diagnosis_.warn("limits", found,
                           "a worker with many threads or sockets needs more: ulimit -n 1024");
  diagnosis_.ok("limits", found);
}

// --- a record of its own

void Doctor::send_a_record() {
  std::random_device entropy;
  auto const token = fmt::format("t{:08x}{:08x}", entropy(), entropy());
  try {
    SubscriberOptions watching;
    watching.endpoint = collector_.text;
    watching.curve_server_key = choices_.keys.server_key;
    watching.curve_secret = choices_.keys.secret_file;
    watching.filter.loggers = {kLogger};
    watching.filter.fields = {parse_field_test("token=" + token)};
    watching.refetch = false;
    Subscriber viewer(watching);
    bool const live = status_->live && viewer.wait_until_live(kTalk);
    PublisherOptions options;
    options.endpoint = collector_.text;
    options.curve_server_key = choices_.keys.server_key;
    options.curve_secret = choices_.keys.secret_file;
    options.name = "logboom-doctor";
    options.flush_timeout = 0ms;  // waited for below
    Publisher bus(options);
    if (!sent(bus, token)) return;
    if (!status_->live) return;
    if (!live)
      return diagnosis_.fail("live", fmt::format("{} does not answer a viewer", collector_.live),
                             "look at the third socket's port or permissions");
    look_for(viewer);
  } catch (std::exception const& error) {
    diagnosis_.fail("record", error.what(), "");
  }
}

bool Doctor::sent(Publisher& bus, std::string const& token) {
  // Rules come with the welcome; a record that is made before would prove nothing.
  auto const begun = Clock::now();
  while (!bus.status().connected && bus.status().refusal.empty() && Clock::now() - begun < kTalk)
    std::this_thread::sleep_for(5ms);
  auto const status = bus.status();
  if (!status.refusal.empty()) {
    diagnosis_.fail("record", status.refusal, "");
    return false;
  }
  if (!status.connected) {
    diagnosis_.fail("record", "a publisher here gets no welcome from the collector",
                    "look at its own records, logger logboom.collector");
    return false;
  }
  if (!status.problem.empty()) diagnosis_.fail("record", status.problem, "");
  auto const logger = bus.logger(kLogger);
  // The mildest that is not kept out: nobody is to be woken by it.
  constexpr std::array kLevels{level::kInfo, level::kWarning, level::kError, level::kCritical};
  auto const* const mildest =
      std::find_if(kLevels.begin(), kLevels.end(), [&](Level one) { return logger.enabled(one); });
  auto const start = Clock::now();
  if (mildest == kLevels.end()) {
    diagnosis_.fail("record", fmt::format("no record is made: logger {} is off", kLogger),
                    "see the check of the levels");
    return false;
  }
  LOGBOOM_LOG(logger, *mildest, "logboom doctor was here", logboom::field("token", token));
  if (!bus.flush(kDelivery)) {
    diagnosis_.fail(
        "record", fmt::format("a record was sent, and not acknowledged within {} s", kDelivery.count() / 1000),
        "look at the store, and at whether the collector is starved");
    return false;
  }
  auto const took = std::chrono::duration<double, std::milli>(Clock::now() - start).count();
  bool const to_be_read = !status_->store.path.empty() && status_->host == host_name();
  std::size_t found = 0;
  if (to_be_read) {
    Query stored;
    stored.filter.loggers = {kLogger};
    stored.filter.fields = {parse_field_test("token=" + token)};
    stored.last = 2;
    try {
      query(status_->store.path, stored, [&](Record const&) { return ++found > 0; });
    } catch (StoreError const&) {
      diagnosis_.ok("record", fmt::format("sent, and acknowledged in {:.1f} ms", took));
      return true;  // that it cannot be read was said before
    }
  }
  if (to_be_read && found != 1) {
    diagnosis_.fail("record", fmt::format("acknowledged, but {} times in {}", found, status_->store.path),
                    "look whether the file was moved or replaced under the collector");
    return false;
  }
  diagnosis_.ok("record", fmt::format("sent, {} in {:.1f} ms", to_be_read ? "stored" : "acknowledged", took));
  return true;
}

void Doctor::look_for(Subscriber& viewer) {
  if (viewer.next(kTalk)) return diagnosis_.ok("live", "and seen by a viewer");
  diagnosis_.fail("live", "the record was stored, and not seen live",
                  "look at the third socket: its port may be filtered");
}

void examine(Choices const& choices) {
  bool const json = choices.output == "json";
  Diagnosis diagnosis(!json);
  Doctor doctor(choices, diagnosis);
  doctor.examine();
  if (json) fmt::print("{}", json_line(diagnosis.json()));
  if (!doctor.reached()) throw ExitWith{kUnreachable};
  if (!diagnosis.all_ok()) throw ExitWith{kFailed};
}

}  // namespace

void add_doctor(CLI::App& app) {
  auto const choices = std::make_shared<Choices>();
  auto* const command = app.add_subcommand("doctor", "Find out why nothing arrives");
  command->footer(manual(kDescription, kExamples));
  command->add_option(
      "ENDPOINT", choices->endpoint,
      "The collector's address. Default: LOGBOOM_ENDPOINT, then ipc://$XDG_RUNTIME_DIR/logboom/bus");
  command->add_option("-o,--output", choices->output, "pretty or json")
      ->type_name("FORMAT")
      ->check(CLI::IsMember({"pretty", "json"}))
      ->capture_default_str();
  command->callback([choices] { examine(*choices); });
}

}  // namespace logboom::cli
