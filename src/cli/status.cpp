// `logboom status`: how a collector is, and who publishes to it. Must not know how the collector finds out.
#include "cli/ask.hpp"
#include "cli/commands.hpp"
#include "cli/described_json.hpp"
#include "cli/key_options.hpp"
#include "cli/live_page.hpp"
#include "cli/one_collector.hpp"
#include "cli/status_page.hpp"
#include "cli/write_all.hpp"

#include <fmt/format.h>
#include <unistd.h>
#include <CLI/CLI.hpp>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <iterator>
#include <memory>
#include <string>

namespace logboom::cli {
namespace {

using Outcome = viewer::CollectorTalk::Outcome;

constexpr auto kDescription =
    R"(Shows how a collector is: its publishers (rate, what is not acknowledged yet, spools, gaps), the store, sinks, viewers, inputs and connections.

Publishers say once a second, where it has changed, what only they know (unacked, bytes, spool); `?`: one that has not, of an older version. Rates are averages over
some ten seconds. Of many publishers those with the highest rates are shown; the sums are of all. With --watch the page is drawn again every second: q or
Ctrl-C leaves; where stdout is no terminal, pages are appended.)";

constexpr auto kExamples = R"(    logboom status
    logboom status --watch
    logboom status -o json | jq '.publishers[] | select(.report.unacked > 0)')";

constexpr std::chrono::milliseconds kEvery{1'000};
constexpr std::uint64_t kMany = 1'000;  // publishers in a page; as many come as find room
constexpr auto kWhat = "questions after its status";

struct Choices {
  std::string endpoint;
  KeyOptions keys;
  std::string output = "pretty";
  std::uint64_t top = 20;
  bool all = false;
  bool watch = false;
};

delivery::Status page_of(viewer::CollectorTalk& talk, delivery::Endpoint const& collector,
                         delivery::AskStatus const& question) {
  auto const answer = talk.ask(question, kAnswerPatience);
  if (answer.outcome == Outcome::kAnswered) {
    if (auto const* status = std::get_if<delivery::Status>(&answer.message)) return *status;
  }
  fail(collector, answer, kWhat);
}

/// Page by page, until all publishers are there that were there when it was their page's turn.
delivery::Status whole(viewer::CollectorTalk& talk, delivery::Endpoint const& collector) {
  delivery::AskStatus question{kMany, true, {}};
  auto status = page_of(talk, collector, question);
  while (status.not_listed > 0 && !status.publishers.empty()) {
    question.after = status.publishers.back().id;
    auto next = page_of(talk, collector, question);
    if (next.publishers.empty()) break;
    next.publishers.insert(next.publishers.begin(), std::make_move_iterator(status.publishers.begin()),
                           std::make_move_iterator(status.publishers.end()));
    status = std::move(next);
  }
  return status;
}

delivery::Status status_of(viewer::CollectorTalk& talk, delivery::Endpoint const& collector,
                           Choices const& choices) {
  if (choices.all) return whole(talk, collector);
  return page_of(talk, collector, {choices.top, false, {}});
}

void print(std::string const& text) {
  std::signal(SIGPIPE, SIG_IGN);  // the write tells
  int const error = write_all(STDOUT_FILENO, text);
  if (error != 0 && error != EPIPE)
    throw Failure(kFailed,
                  fmt::format("standard output: {}; make room or send it elsewhere", std::strerror(error)));
}

void watch(Choices const& choices, delivery::Endpoint const& collector) {
  viewer::CollectorTalk talk(collector, choices.keys.keys());
  auto status = status_of(talk, collector,
                          choices);  // before the screen is taken: who is not there is said below the command
  bool const json = choices.output == "json";
  auto seen = std::chrono::steady_clock::now();
  LivePage page(json ? "" : "\n");
  for (;;) {
    auto const size = page.size();
    auto const text =
        json ? json_line(to_json(status)) : status_page(status, collector.text, size.width, size.height);
    auto const silent =
        std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() - seen);
    auto const above = silent < 2 * kEvery || json
                           ? std::string()
                           : fmt::format("NO ANSWER for {} s; the page is from before\n", silent.count());
    if (!page.show(above + text) || !page.wait(kEvery)) return;
    auto answer =
        talk.ask(delivery::AskStatus{choices.all ? kMany : choices.top, false, {}}, kEvery, page.stop_fd());
    if (auto* const fresh = std::get_if<delivery::Status>(&answer.message);
        fresh != nullptr && answer.outcome == Outcome::kAnswered) {
      status = std::move(*fresh);
      seen = std::chrono::steady_clock::now();
    }
  }
}

void show(Choices const& choices) {
  auto const collector = one_collector(choices.endpoint);
  if (choices.watch) return watch(choices, collector);
  viewer::CollectorTalk talk(collector, choices.keys.keys());
  if (choices.output == "json") return print(json_line(to_json(whole(talk, collector))));
  print(status_page(status_of(talk, collector, choices), collector.text));
}

}  // namespace

void add_status(CLI::App& app) {
  auto const choices = std::make_shared<Choices>();
  auto* const command =
      app.add_subcommand("status", "Show publishers, rates, gaps, sinks and the store of a collector");
  command->footer(manual(kDescription, kExamples));
  command->add_flag("--watch", choices->watch, "Go on: draw the page again every second");
  auto* const top = command->add_option("--top", choices->top, "Show so many publishers at most")
                        ->type_name("N")
                        ->check(CLI::PositiveNumber)
                        ->capture_default_str();
  command->add_flag("--all", choices->all, "Show all publishers, by id; json always does")->excludes(top);
  command->add_option("-o,--output", choices->output, "pretty, or json: one object, with --watch one a line")
      ->type_name("FORMAT")
      ->check(CLI::IsMember({"pretty", "json"}))
      ->capture_default_str();
  command
      ->add_option(
          "--endpoint", choices->endpoint,
          "The collector's address. Default: LOGBOOM_ENDPOINT, then ipc://$XDG_RUNTIME_DIR/logboom/bus")
      ->type_name("ADDRESS");
  choices->keys.add_to(*command);
  command->callback([choices] { show(*choices); });
}

}  // namespace logboom::cli
