// `logboom level`: level rules of running publishers. Must not know how they get there.
#include "cli/ask.hpp"
#include "cli/commands.hpp"
#include "cli/described_json.hpp"
#include "cli/key_options.hpp"
#include "cli/one_collector.hpp"
#include "cli/rough_duration.hpp"
#include "cli/table.hpp"
#include "record/level_rules.hpp"
#include "record/quantity.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <chrono>
#include <cstdio>
#include <ctime>
#include <memory>
#include <stdexcept>
#include <string>

namespace logboom::cli {
namespace {

constexpr auto kDescription =
    R"(Changes the levels of loggers in running workers, in C++ and in Python, within a second; without RULES it shows which rules are in force, and where.

RULES are those of LOGBOOM_LEVEL: a level for every logger, LOGGER=LEVEL for a logger and those below it, with commas between. They lie over what the
workers were started with: a rule takes the place of the one for the same logger, and of every rule below it. Of two rules for one logger that were set
here, the later one holds. Workers that start or reconnect later follow as well, and the rules outlive the collector; they end when --for is over or
with --reset. Records below their level are not made, so nothing of before can be shown.)";

constexpr auto kExamples =
    R"(    logboom level etl.db=debug --for 10m                debug records of etl.db, for ten minutes
    logboom level warning,etl=info --process 'worker-*' for processes of these names only
    logboom level                                       what is in force, where, until when
    logboom level --reset etl.db                        takes back the rule for etl.db
    logboom level --reset                               takes back all of them)";

constexpr std::int64_t kSecond = 1'000'000'000;

struct Choices {
  std::string rules;
  std::string duration;
  std::string endpoint;
  std::string output = "pretty";
  KeyOptions keys;
  delivery::ChangeRules question;
};

std::int64_t now() {
  auto const since_epoch = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::nanoseconds>(since_epoch).count();
}

std::string rule_text(delivery::StandingRule const& rule) {
  LevelRules one;
  one.set(rule.logger, static_cast<Level>(rule.level));
  return one.to_string();
}

std::string scope_text(delivery::StandingRule const& rule) {
  std::string text;
  if (rule.process != "*") text += "process " + rule.process;
  if (rule.host != "*") text += (text.empty() ? "host " : ", host ") + rule.host;
  return text.empty() ? "everywhere" : text;
}

std::string until_text(std::int64_t until) {
  if (until == 0) return "taken back";
  return fmt::format("{:%Y-%m-%d %H:%M:%S} (in {})",
                     fmt::localtime(static_cast<std::time_t>(until / kSecond)), rough_duration(until - now()));
}

std::string plural(std::uint64_t number, char const* thing) {
  return fmt::format("{} {}{}", number, thing, number == 1 ? "" : "s");
}

std::uint64_t seconds_of(std::string const& text) {
  auto const length = read_duration(text);
  if (!length || length->count() <= 0)
    throw std::invalid_argument(
        fmt::format("--for {}: not a length of time; write 90s, 10m, 1h30m or 2d", text));
  return static_cast<std::uint64_t>(std::chrono::ceil<std::chrono::seconds>(*length).count());
}

void show(delivery::Rules const& state) {
  if (state.rules.empty()) {
    fmt::print("no level rules were set on the fly; {} connected\n", plural(state.publishers, "publisher"));
  } else {
    Table table({{"RULE"}, {"WHERE"}, {"UNTIL"}, {"FOLLOWED BY"}});
    for (auto const& rule : state.rules) {
      table.add({rule_text(rule), scope_text(rule), until_text(rule.until),
                 fmt::format("{} of {}", rule.followers, plural(state.publishers, "publisher"))});
    }
    fmt::print("{}", table.text());
  }
  if (state.forwarders > 0) {
    fmt::print("{} to this one; rules for what logs there are set there, with --endpoint\n",
               state.forwarders == 1 ? "1 collector forwards"
                                     : fmt::format("{} collectors forward", state.forwarders));
  }
  if (!state.base.empty()) fmt::print("below them, the collector's own: {}\n", state.base);
}

void change(Choices choices) {
  auto& question = choices.question;
  question.rules = choices.rules;
  question.set = !question.reset && !choices.rules.empty();
  bool const scoped = !question.process.empty() || !question.host.empty();
  if (!question.set && !choices.duration.empty())
    throw std::invalid_argument("--for: there are no RULES that it could be for; name them");
  if (!question.set && !question.reset && scoped)
    throw std::invalid_argument("--process, --host: there are no RULES that they could be for; name them");
  if (question.set) static_cast<void>(LevelRules::parse(choices.rules));  // said before anybody is asked
  if (!choices.duration.empty()) question.seconds = seconds_of(choices.duration);

  auto const collector = one_collector(choices.endpoint);
  auto const state = ask<delivery::Rules>(collector, choices.keys.keys(), question, "level rules on the fly");
  if (choices.output == "json") {
    fmt::print("{}", json_line(to_json(state)));
  } else {
    show(state);
  }
  if (!state.not_kept.empty())
    tell(fmt::format("the rules will be forgotten when the collector ends: {}", state.not_kept));
  if (question.reset && state.changed == 0) {
    throw Failure(kFailed, choices.rules.empty() && !scoped
                               ? fmt::format("{}: no rules were in force", collector.text)
                               : fmt::format("{}: no such rule is in force; `logboom level` lists them",
                                             collector.text));
  }
}

}  // namespace

void add_level(CLI::App& app) {
  auto const choices = std::make_shared<Choices>();
  auto& question = choices->question;
  auto* const command =
      app.add_subcommand("level", "Change levels in running workers, or show what is in force");
  command->footer(manual(kDescription, kExamples));
  command->add_option("RULES", choices->rules, "Level rules, such as debug or info,etl.db=debug,net=off")
      ->type_name("RULES");
  command
      ->add_option("--process", question.process, "Only for processes of this name; `*` stands for anything")
      ->type_name("NAME");
  command->add_option("--host", question.host, "Only for processes on this host; `*` stands for anything")
      ->type_name("HOST");
  auto* const duration =
      command->add_option("--for", choices->duration, "Take them back after so long: 90s, 10m, 1h30m, 2d")
          ->type_name("TIME");
  command
      ->add_flag("--reset", question.reset,
                 "Take rules back: those that RULES name (LOGGER, or LOGGER=LEVEL), or all; with --process "
                 "or --host those that were set with the same")
      ->excludes(duration);
  command
      ->add_option(
          "--endpoint", choices->endpoint,
          "The collector's address. Default: LOGBOOM_ENDPOINT, then ipc://$XDG_RUNTIME_DIR/logboom/bus")
      ->type_name("ADDRESS");
  command->add_option("-o,--output", choices->output, "pretty or json")
      ->type_name("FORMAT")
      ->check(CLI::IsMember({"pretty", "json"}))
      ->capture_default_str();
  choices->keys.add_to(*command);
  command->callback([choices] { change(*choices); });
}

}  // namespace logboom::cli
