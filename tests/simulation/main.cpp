// ctest: timeout=300
// The simulator's command line: runs schedules from seeds; the first that fails is made smaller, and its history printed.
#include "mutations.hpp"
#include "schedule.hpp"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <iterator>
#include <optional>
#include <random>
#include <span>
#include <sstream>
#include <stdexcept>
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
  std::string mutation, regressions;
  bool all_mutations = false, quiet = false;
};

std::vector<std::string> mutation_names() {
  std::vector<std::string> names(std::next(kMutationNames.begin()), kMutationNames.end());
  for (auto const name : source_mutations()) names.emplace_back(name);
  return names;
}

/// Of the sources it is in force from now on; else it is the schedules' own.
Mutation put_in_force(std::string const& name) {
  logboom_mutation = 0;
  auto const around = std::find(kMutationNames.begin(), kMutationNames.end(), name);
  if (around != kMutationNames.end()) return static_cast<Mutation>(around - kMutationNames.begin());
  auto const sources = source_mutations();
  auto const found = std::find(sources.begin(), sources.end(), name);
  if (found != sources.end()) logboom_mutation = static_cast<int>(found - sources.begin()) + 1;
  return Mutation::kNone;
}

std::vector<std::string> names_of(std::span<std::string_view const> list) {
  return {list.begin(), list.end()};
}

FaultSet all_but(std::vector<std::string> const& names) {
  FaultSet faults;
  for (std::size_t kind = 0; kind < kFaultNames.size(); ++kind) {
    if (std::find(names.begin(), names.end(), kFaultNames[kind]) != names.end())
      faults.remove(static_cast<Fault>(kind));
  }
  return faults;
}

Outcome run(Options const& options) try {
  return Schedule(options).run();
} catch (std::exception const& error) {
  Outcome outcome;
  outcome.problem = fmt::format("something throws: {}", error.what());
  return outcome;
}

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

void print_history(Options options) {
  std::vector<std::string> history;
  options.history = &history;
  auto const outcome = run(options);
  for (auto const& line : history) fmt::print("{}\n", line);
  fmt::print("seed {}{}: {}\n", options.seed, without(options.faults),
             outcome.problem.empty() ? "all is in order" : outcome.problem);
}

void explain(Options const& options, std::string const& problem, std::string const& mutation) {
  auto const with = mutation.empty() ? "" : " --mutation " + mutation;
  auto const smaller = shrink(options);
  print_history(smaller);
  fmt::print("\nseed {} fails: {}\nreplay: ./dev simulate --seed {}{}{}\n", options.seed, problem,
             options.seed, without(options.faults), with);
  if (auto const fewer = without(smaller.faults); fewer != without(options.faults))
    fmt::print("above, with fewer kinds of faults: ./dev simulate --seed {}{}{}\n", options.seed, fewer, with);
}

/// Of this thread.
double processor_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

int search(Arguments const& arguments, Options options) {
  auto const begun = std::chrono::steady_clock::now();
  auto const seconds = [&] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  };
  auto const first = arguments.seed != 0 ? arguments.seed : (std::uint64_t{std::random_device{}()} << 20U) + 1;
  auto const seeds = arguments.seeds != 0 ? arguments.seeds : arguments.minutes > 0 ? UINT64_MAX / 2 : 10'000;
  Outcome sum;
  std::uint64_t done = 0;
  auto told = 30.0;
  for (; done < seeds && (arguments.minutes <= 0 || seconds() < arguments.minutes * 60); ++done) {
    options.seed = first + done * arguments.stride;
    auto const outcome = run(options);
    if (!outcome.problem.empty()) {
      explain(options, outcome.problem, arguments.mutation);
      return 1;
    }
    sum.records += outcome.records;
    sum.faults += outcome.faults;
    sum.deaths += outcome.deaths;
    sum.steps += outcome.steps;
    sum.batches_lost += outcome.batches_lost;
    sum.batches_repeated += outcome.batches_repeated;
    sum.recovered = std::max(sum.recovered, outcome.recovered);
    if (!arguments.quiet && seconds() > told) {
      told = seconds() + 30;
      fmt::print("{} schedules, all in order\n", done + 1);
      std::fflush(stdout);
    }
  }
  fmt::print(
      "{} schedules from seed {}{}: all in order. {} records, {} faults, {} deaths, {} batches lost and {} "
      "repeated on the way, {} steps; {} ms at most from the last fault until all was in order. {:.0f} "
      "schedules "
      "a second of one processor's time\n",
      done, first, arguments.stride > 1 ? fmt::format(" (every {})", arguments.stride) : "", sum.records,
      sum.faults, sum.deaths, sum.batches_lost, sum.batches_repeated, sum.steps, sum.recovered,
      static_cast<double>(done) / processor_seconds());
  return 0;
}

/// Schedules that failed once: a seed and the kinds of faults that it is without, a line each; what follows a # is for people.
std::vector<Options> read_regressions(std::string const& path) {
  std::vector<Options> schedules;
  if (path.empty()) return schedules;
  std::ifstream file(path);
  if (!file) throw std::runtime_error(fmt::format("cannot read {}", path));
  for (std::string line; std::getline(file, line);) {
    line.resize(std::min(line.find('#'), line.size()));
    std::istringstream words(line);
    Options options;
    if (!(words >> options.seed)) continue;
    options.faults = all_but({std::istream_iterator<std::string>(words), {}});
    schedules.push_back(options);
  }
  return schedules;
}

/// Every mutation must be noticed by one of the first schedules, or by one that failed once.
int try_mutations(Arguments const& arguments) {
  auto const known = read_regressions(arguments.regressions);
  bool missed = false;
  for (auto const& name : mutation_names()) {
    Options options;
    options.mutation = put_in_force(name);
    std::string caught;
    std::string problem;
    for (std::uint64_t done = 0; done < arguments.seeds && caught.empty(); ++done) {
      options.seed = std::max<std::uint64_t>(arguments.seed, 1) + done;
      problem = run(options).problem;
      if (!problem.empty()) caught = fmt::format("schedule {}", done + 1);
    }
    for (auto at = known.begin(); at != known.end() && caught.empty(); ++at) {
      auto once = *at;
      once.mutation = options.mutation;
      problem = run(once).problem;
      if (!problem.empty()) caught = fmt::format("seed {}", once.seed);
    }
    missed = missed || caught.empty();
    fmt::print("{:<42} {:<14} {}\n", name, caught.empty() ? "NOT NOTICED" : caught, problem);
    std::fflush(stdout);
  }
  put_in_force("");
  return missed ? 1 : 0;
}

int run_regressions(std::string const& path) {
  auto const schedules = read_regressions(path);
  int failed = 0;
  for (auto const& options : schedules) {
    auto const problem = run(options).problem;
    if (problem.empty()) continue;
    explain(options, problem, "");
    ++failed;
  }
  fmt::print("{} schedules that failed once, {} do again\n", schedules.size(), failed);
  return failed == 0 && !schedules.empty() ? 0 : 1;
}

int run_command(int count, char** values) {
  Arguments arguments;
  CLI::App app{"Runs the delivery protocol through schedules of faults (docs/simulation.md)"};
  app.add_option("--seed", arguments.seed,
                 "run this one schedule and print its history; with --seeds or --minutes: begin with it");
  app.add_option("--seeds", arguments.seeds, "schedules (10,000)");
  app.add_option("--minutes", arguments.minutes, "as many schedules as this takes");
  app.add_option("--stride", arguments.stride, "from seed to seed")->check(CLI::PositiveNumber);
  app.add_option("--without", arguments.without, "kinds of faults to leave out")
      ->delimiter(',')
      ->check(CLI::IsMember(names_of(kFaultNames)));
  app.add_option("--mutation", arguments.mutation, "a fault that must be noticed")
      ->check(CLI::IsMember(mutation_names()));
  app.add_flag("--all-mutations", arguments.all_mutations,
               "fail unless each is noticed by one of --seeds schedules");
  app.add_option("--regressions", arguments.regressions,
                 "run the schedules of this file; with --all-mutations: after the others");
  app.add_flag("--quiet", arguments.quiet, "only the last line");
  CLI11_PARSE(app, count, values);

  if (arguments.all_mutations) return try_mutations(arguments);
  if (!arguments.regressions.empty()) return run_regressions(arguments.regressions);
  Options options;
  options.faults = all_but(arguments.without);
  options.mutation = put_in_force(arguments.mutation);
  if (arguments.seed == 0 || arguments.seeds != 0 || arguments.minutes > 0) return search(arguments, options);
  options.seed = arguments.seed;
  auto const problem = run(options).problem;
  print_history(options);
  return problem.empty() ? 0 : 1;
}

}  // namespace
}  // namespace logboom::simulation

int main(int count, char** values) try {
  return logboom::simulation::run_command(count, values);
} catch (std::exception const& error) {
  fmt::print(stderr, "simulate: {}\n", error.what());
  return 2;
}
