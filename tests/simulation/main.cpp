// The simulator's command line: runs schedules from seeds; the first that fails is made smaller, and its history printed.
#include "schedule.hpp"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace logboom::simulation {
namespace {

constexpr std::array<std::string_view, static_cast<std::size_t>(Mutation::kCount)> kMutationNames{
    "none",
    "ack-before-commit",
    "ledger-outside-transaction",
    "gap-not-persisted",
    "missing-not-persisted",
    "store-before-spool",
    "send-before-commit",
    "ledger-not-loaded",
    "adopter-under-new-name",
    "spool-removed-too-early"};

struct Arguments {
  std::uint64_t seed = 0, seeds = 0, stride = 1;
  double minutes = 0;
  std::vector<std::string> without;
  std::string mutation = "none";
  bool caught = false, history = false, quiet = false;
};

Outcome run(Options const& options) { return Schedule(options).run(); }

/// Leaves out one kind of fault after the other, as long as it still fails in whatever way.
Options shrink(Options options) {
  options.history = nullptr;
  for (std::size_t kind = 0; kind < kFaultNames.size(); ++kind) {
    auto smaller = options;
    smaller.faults.remove(static_cast<Fault>(kind));
    if (options.faults.has(static_cast<Fault>(kind)) && !run(smaller).problem.empty()) options = smaller;
  }
  return options;
}

std::string without(FaultSet const& faults) {
  std::string list;
  for (std::size_t kind = 0; kind < kFaultNames.size(); ++kind) {
    if (!faults.has(static_cast<Fault>(kind)))
      list += (list.empty() ? " --without " : ",") + std::string(kFaultNames[kind]);
  }
  return list;
}

std::string mutated(Options const& options) {
  return options.mutation == Mutation::kNone
             ? ""
             : fmt::format(" --mutation {}", kMutationNames[static_cast<std::size_t>(options.mutation)]);
}

void print_history(Options options) {
  std::vector<std::string> history;
  options.history = &history;
  auto const outcome = run(options);
  for (auto const& line : history) fmt::print("{}\n", line);
  fmt::print("seed {}{}: {}\n", options.seed, without(options.faults),
             outcome.problem.empty() ? "all is in order" : outcome.problem);
}

void explain(Options const& options, std::string const& problem) {
  auto const smaller = shrink(options);
  print_history(smaller);
  fmt::print("\nseed {} fails: {}\nreplay: ./dev simulate --seed {}{}{}\n", options.seed, problem,
             options.seed, without(options.faults), mutated(options));
  if (auto const fewer = without(smaller.faults); fewer != without(options.faults))
    fmt::print("above, with fewer kinds of faults: ./dev simulate --seed {}{}{}\n", options.seed, fewer,
               mutated(options));
}

int search(Arguments const& arguments, Options options) {
  auto const begun = std::chrono::steady_clock::now();
  auto const seconds = [&] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  };
  auto const first = arguments.seed != 0 ? arguments.seed : (std::uint64_t{std::random_device{}()} << 20U) + 1;
  auto const seeds = arguments.seeds != 0 ? arguments.seeds : arguments.minutes > 0 ? UINT64_MAX / 2 : 10'000;
  Outcome sum;
  std::int64_t longest = 0;
  std::uint64_t done = 0;
  auto told = 30.0;
  for (; done < seeds && (arguments.minutes <= 0 || seconds() < arguments.minutes * 60); ++done) {
    options.seed = first + done * arguments.stride;
    auto const outcome = run(options);
    if (!outcome.problem.empty()) {
      if (!arguments.caught) {
        explain(options, outcome.problem);
        return 1;
      }
      fmt::print("caught by schedule {}: {}\n", done + 1, outcome.problem);
      return 0;
    }
    sum.records += outcome.records;
    sum.faults += outcome.faults;
    sum.deaths += outcome.deaths;
    sum.steps += outcome.steps;
    sum.batches_lost += outcome.batches_lost;
    sum.batches_repeated += outcome.batches_repeated;
    longest = std::max(longest, outcome.recovered);
    if (!arguments.quiet && seconds() > told) {
      told = seconds() + 30;
      fmt::print("{} schedules, {:.0f} a second\n", done + 1, static_cast<double>(done + 1) / seconds());
      std::fflush(stdout);
    }
  }
  fmt::print(
      "{} schedules from seed {}{}: {}. {} records, {} faults, {} deaths, {} batches lost and {} repeated on "
      "the way, {} steps; "
      "after the last fault {} ms at most. {:.0f} schedules a second\n",
      done, first, arguments.stride > 1 ? fmt::format(" (every {})", arguments.stride) : "",
      arguments.caught ? "nothing was noticed" : "all in order", sum.records, sum.faults, sum.deaths,
      sum.batches_lost, sum.batches_repeated, sum.steps, longest, static_cast<double>(done) / seconds());
  return arguments.caught ? 1 : 0;
}

int run_command(int count, char** values) {
  Arguments arguments;
  CLI::App app{"Runs the delivery protocol through schedules of faults"};
  app.add_option("--seed", arguments.seed,
                 "run this one schedule and print its history; with --seeds or --minutes: begin with it");
  app.add_option("--seeds", arguments.seeds, "schedules (10,000)");
  app.add_option("--minutes", arguments.minutes, "as many schedules as this takes");
  app.add_option("--stride", arguments.stride, "from seed to seed")->check(CLI::PositiveNumber);
  app.add_option("--without", arguments.without, "kinds of faults to leave out")
      ->delimiter(',')
      ->check(CLI::IsMember(std::vector<std::string>(kFaultNames.begin(), kFaultNames.end())));
  app.add_option("--mutation", arguments.mutation, "a fault of what is around the protocol")
      ->check(CLI::IsMember(std::vector<std::string>(kMutationNames.begin(), kMutationNames.end())));
  app.add_flag("--caught", arguments.caught, "fail unless a schedule fails");
  app.add_flag("--quiet", arguments.quiet, "only the last line");
  CLI11_PARSE(app, count, values);

  Options options;
  for (auto const& name : arguments.without) {
    for (std::size_t kind = 0; kind < kFaultNames.size(); ++kind) {
      if (kFaultNames[kind] == name) options.faults.remove(static_cast<Fault>(kind));
    }
  }
  for (std::size_t i = 0; i < kMutationNames.size(); ++i) {
    if (kMutationNames[i] == arguments.mutation) options.mutation = static_cast<Mutation>(i);
  }
  if (arguments.seed != 0 && arguments.seeds == 0 && arguments.minutes <= 0) {
    options.seed = arguments.seed;
    auto const problem = run(options).problem;
    print_history(options);
    return problem.empty() ? 0 : 1;
  }
  return search(arguments, options);
}

}  // namespace
}  // namespace logboom::simulation

int main(int count, char** values) { return logboom::simulation::run_command(count, values); }
