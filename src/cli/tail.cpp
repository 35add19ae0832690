// `logboom tail`: what happens now, after what has happened. Must not know how records are received.
#include "cli/commands.hpp"
#include "cli/filter_options.hpp"
#include "cli/key_options.hpp"
#include "cli/watch.hpp"

#include <CLI/CLI.hpp>

#include <memory>
#include <string>

namespace logboom::cli {
namespace {

constexpr auto kDescription =
    R"(Shows records as they are stored.

With --since or --last it begins with history from the store, and goes on live without a gap or a
repeat; so does a restart of the collector on the way. The store's file must be readable from here for that.
Records that came faster than they could be shown are read from the store; where that cannot be, their number is told on stderr.
Ends with SIGINT, when --until-idle says so, or when its output is closed.)";

constexpr auto kExamples = R"(    logboom tail                                    everything, from now on
    logboom tail -l warning --since 10m             warnings of the last ten minutes, and what comes
    logboom tail -n solver -w 'residual>1e-3' -o json | jq .fields.step
    logboom tail --until-idle -o json > run.json    until the workers of a job are done
    logboom tail tcp://hub:7514 --last 20 -o '%(asctime)s %(name)s: %(message)s')";

struct Choices {
  SubscriberOptions subscriber;
  FilterOptions filter;
  OutputOptions output;
  std::size_t count = 0;
  std::size_t until_idle = 0;
  double timeout = 0;
};

void tail(Choices choices) {
  auto& options = choices.subscriber;
  options.filter = choices.filter.filter();
  options.until_idle = choices.until_idle;
  options.history = choices.filter.last();
  options.replay = choices.filter.has_since();
  WatchOptions until;
  if (choices.count > 0) until.count = choices.count;
  if (choices.timeout > 0)
    until.timeout = std::chrono::milliseconds(static_cast<std::int64_t>(choices.timeout * 1000));
  watch(std::move(options), choices.output, until);
}

}  // namespace

void add_tail(CLI::App& app) {
  auto const choices = std::make_shared<Choices>();
  auto* const command = app.add_subcommand("tail", "Show records live; --since replays history first");
  command->footer(manual(kDescription, kExamples));
  command->add_option(
      "ENDPOINT", choices->subscriber.endpoint,
      "The collector's address. Default: LOGBOOM_ENDPOINT, then ipc://$XDG_RUNTIME_DIR/logboom/bus");
  command
      ->add_option("--db", choices->subscriber.database, "The store's file; default: the collector says which")
      ->type_name("FILE");
  choices->filter.add_to(*command);
  choices->output.add_to(*command);
  command
      ->add_flag("--until-idle{1}", choices->until_idle,
                 "End once every publisher that is there or comes has left (at least one, or N, did)")
      ->type_name("[=N]");
  command->add_option("--count", choices->count, "End after N records")->type_name("N")->check(CLI::PositiveNumber);
  command
      ->add_option("--timeout", choices->timeout,
                   "End after so many seconds; exit code 3 if no collector answered by then")
      ->type_name("SECONDS")
      ->check(CLI::PositiveNumber);
  add_key_options(*command, choices->subscriber.curve_server_key, choices->subscriber.curve_secret);
  command->callback([choices] { tail(*choices); });
}

}  // namespace logboom::cli
