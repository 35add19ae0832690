// `logboom query`: history from a store's file. Must not know SQL.
#include "cli/commands.hpp"
#include "cli/filter_options.hpp"
#include "cli/key_options.hpp"
#include "cli/one_collector.hpp"
#include "cli/watch.hpp"
#include "viewer/collector_info.hpp"

#include <logboom/query.hpp>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <csignal>
#include <memory>
#include <string>

namespace logboom::cli {
namespace {

constexpr auto kDescription =
    R"(Shows records that are stored, oldest first.

The store may be in use by a collector: reading never holds it up. Without --db the collector at the
default address (or LOGBOOM_ENDPOINT) is asked where its store is; where none answers, ./logs.sqlite is read.)";

constexpr auto kExamples = R"(    logboom query --last 50                              the newest fifty
    logboom query --db old.sqlite -l error --since 2026-11-20 --until 2026-11-21
    logboom query -n etl -w table=users -o csv > users.csv
    logboom query -g 'time-?out' --count                 how many
    logboom query --text 'solver fail*'                  with these words
    logboom query --since 1h -f                          and go on live)";

constexpr auto kPatience = std::chrono::milliseconds{500};
constexpr auto kBusyPatience = std::chrono::milliseconds{5'000};  // with somebody who listens there

struct Choices {
  std::string database;
  std::string endpoint;
  KeyOptions keys;
  FilterOptions filter;
  OutputOptions output;
  std::string text;
  bool follow = false;
  bool count = false;
};

std::string find_store(std::string const& endpoint, curve::ClientKeys const& keys) {
  auto const collector = one_collector(endpoint);
  viewer::InfoQuestion question(collector, keys, kBusyPatience);
  if (!question.wait(kPatience) && question.met()) question.wait(kBusyPatience);
  auto const& info = question.answer();
  if (!question.refusal().empty())
    throw Failure(kUnreachable,
                  fmt::format("{}: the collector refuses: {}", collector.text, question.refusal()));
  if (!info) {
    if (endpoint.empty()) return "logs.sqlite";
    throw Failure(kUnreachable,
                  fmt::format("{}: no collector answers; name the store's file with --db", collector.text));
  }
  if (info->database.empty()) {
    throw Failure(kFailed, fmt::format("{}: the collector keeps no store; watch it with `logboom tail`",
                                       collector.text));
  }
  if (!viewer::is_here(*info)) {
    throw Failure(kFailed, fmt::format("{}: the store is {} on host {}; query it there", collector.text,
                                       info->database, info->host));
  }
  return info->database;
}

void query(Choices const& choices) {
  Query query;
  query.filter = choices.filter.filter();
  query.last = choices.filter.last().value_or(0);
  query.text = choices.text;
  query.notice = [](std::string const& line) { tell(line); };
  if (choices.follow) {
    SubscriberOptions options;
    options.endpoint = choices.endpoint;
    options.database = choices.database;
    options.curve_server_key = choices.keys.server_key;
    options.curve_secret = choices.keys.secret_file;
    options.filter = query.filter;
    options.history = choices.filter.last();
    options.replay = true;
    return watch(std::move(options), choices.output, {});
  }
  auto const database =
      choices.database.empty() ? find_store(choices.endpoint, choices.keys.keys()) : choices.database;
  if (choices.count) {
    std::uint64_t number = 0;
    logboom::query(database, query, [&number](Record const&) { return ++number > 0; });
    fmt::print("{}\n", number);
    return;
  }
  std::signal(SIGPIPE, SIG_IGN);  // the write tells
  try {
    Output output(choices.output);
    logboom::query(database, query, [&output](Record const& record) {
      output.show(record);
      return true;
    });
    output.flush();
  } catch (OutputClosed const&) {
    return;
  }
}

}  // namespace

void add_query(CLI::App& app) {
  auto const choices = std::make_shared<Choices>();
  auto* const command = app.add_subcommand("query", "Show stored records");
  command->footer(manual(kDescription, kExamples));
  command->add_option("--db", choices->database, "The store's file")->type_name("FILE");
  command
      ->add_option("--endpoint", choices->endpoint,
                   "The collector that is asked for its store, or followed with -f")
      ->type_name("ADDRESS");
  choices->keys.add_to(*command);
  choices->filter.add_to(*command);
  auto* const text =
      command
          ->add_option(
              "--text", choices->text,
              "Message or exception has all these words; word* takes those that begin so, \"two words\" "
              "stand together. Immediate in files with a full-text index (collect --full-text)")
          ->type_name("WORDS");
  choices->output.add_to(*command);
  auto* const follow =
      command->add_flag("-f,--follow", choices->follow, "Go on live, without a gap or a repeat")->excludes(text);
  command->add_flag("--count", choices->count, "Only say how many there are")->excludes(follow);
  command->callback([choices] { query(*choices); });
}

}  // namespace logboom::cli
