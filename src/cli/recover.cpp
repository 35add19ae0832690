// `logboom recover`: sends what dead workers left. Must not know how.
#include "cli/commands.hpp"
#include "cli/key_options.hpp"
#include "delivery/endpoint.hpp"
#include "publisher/recovery.hpp"
#include "publisher/settings.hpp"
#include "upstream/drain.hpp"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <atomic>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace logboom::cli {
namespace {

constexpr auto kDescription =
    R"(Sends what dead publishers left in their spools to a collector, exactly once, and removes the spools.

A collector on the same host does this by itself, and so does the next publisher; this command is for a spool that was copied from
elsewhere, or a host whose collector is on another one. Each spool goes to the collector that its publisher was
meant for, unless --endpoint names one for all. Spools of running publishers are left alone.

So it does with the spool of an upstream sink whose collector comes no more, where it is named.)";

constexpr auto kExamples =
    R"(    logboom recover                                     the default spool directory, each spool to its own collector
    logboom recover --endpoint tcp://hub:7514 /mnt/old/spool
    logboom recover --endpoint tcp://hub:7514 /mnt/old/upstream   what a collector had not forwarded yet
Exit code 3 when something is left because no collector took it.)";

struct Choices {
  std::vector<std::string> spools;
  std::string endpoint;
  KeyOptions keys;
  double patience = 10;
};

volatile std::sig_atomic_t interrupted = 0;

/// Where the records of a spool were to go.
std::vector<delivery::Endpoint> destination(std::span<std::string const> recorded) {
  if (recorded.empty()) return delivery::resolve_endpoints({});
  try {
    std::vector<delivery::Endpoint> endpoints;
    for (auto const& text : recorded) endpoints.push_back(delivery::parse_endpoint(text));
    return endpoints;
  } catch (std::invalid_argument const& error) {
    throw std::invalid_argument(fmt::format("{}; name the collector with --endpoint", error.what()));
  }
}

/// Where publishers of this environment keep their spools, and where those that can have none there.
std::vector<std::filesystem::path> places() {
  std::vector<std::filesystem::path> paths{publisher::resolve({}).spool_root};
  for (auto const& root : publisher::memory_roots()) {
    if (std::filesystem::is_directory(root)) paths.push_back(root);
  }
  return paths;
}

/// What collectors that forwarded left: their spools do not say where to.
void drain_upstream(Choices const& choices, std::span<std::filesystem::path const> spools,
                    publisher::Recovered& result) {
  if (spools.empty()) return;
  if (choices.endpoint.empty()) {
    throw Failure(kUsage,
                  fmt::format("{}: what a collector was to forward; name the collector that is to have it "
                              "with --endpoint",
                              spools.front().string()));
  }
  upstream::DrainOptions options;
  options.endpoint = choices.endpoint;
  auto const keys = choices.keys.keys();
  options.curve_server_key = keys.server;
  options.curve_secret = keys.secret_file;
  options.patience = std::chrono::milliseconds(static_cast<std::int64_t>(choices.patience * 1000));
  options.report = [](Level level, std::string_view line) {
    if (level >= level::kWarning) tell(line);
  };
  options.stop = [] { return interrupted != 0; };
  for (auto const& spool : spools) {
    try {
      auto const drained = upstream::drain(spool, options);
      result.records += drained.records;
      ++(drained.finished ? result.spools : result.left);
    } catch (std::system_error const& error) {
      bool const used = error.code() == std::errc::device_or_resource_busy;
      if (!used) tell(error.what());
      ++(used ? result.in_use : result.unreadable);
    }
  }
}

void recover(Choices const& choices) {
  std::vector<std::filesystem::path> paths(choices.spools.begin(), choices.spools.end());
  for (auto const& path : paths) {
    if (!std::filesystem::is_directory(path)) {
      throw Failure(kUsage,
                    fmt::format("{}: not a directory; name a spool or a directory of spools", path.string()));
    }
  }
  if (paths.empty()) paths = places();

  auto options = publisher::RecoverOptions::to(delivery::resolve_endpoints(choices.endpoint));
  if (choices.endpoint.empty()) options.destination = destination;
  options.patience = std::chrono::milliseconds(static_cast<std::int64_t>(choices.patience * 1000));
  options.report = tell;
  options.keys = choices.keys.keys();
  std::signal(SIGINT, [](int) { interrupted = 1; });
  std::signal(SIGTERM, [](int) { interrupted = 1; });
  options.stop = [] { return interrupted != 0; };

  std::vector<std::filesystem::path> forwarded;
  for (auto const& path : paths) {
    auto const found = upstream::upstream_spools(path);
    forwarded.insert(forwarded.end(), found.begin(), found.end());
  }
  std::erase_if(paths, upstream::is_upstream_spool);
  auto result = publisher::Recovery(std::move(options)).sweep(paths);
  drain_upstream(choices, forwarded, result);
  fmt::print(
      "{} spools recovered: {} records, {} of them declared lost; {} spools in use, {} left, {} unreadable\n",
      result.spools, result.records, result.gaps, result.in_use, result.left, result.unreadable);
  if (result.left > 0) {
    auto const reason = !result.refusal.empty() ? result.refusal
                        : result.silent.empty() ? std::string("the collector did not take everything in time")
                                                : result.silent + ": no collector answers";
    throw Failure(kUnreachable, fmt::format("{}; the rest stays in its spools, call again", reason));
  }
  if (result.unreadable > 0) throw ExitWith{kFailed};
}

}  // namespace

void add_recover(CLI::App& app) {
  auto const choices = std::make_shared<Choices>();
  auto* const command = app.add_subcommand("recover", "Send what dead workers left in their spools");
  command->footer(manual(kDescription, kExamples));
  command->add_option(
      "SPOOL", choices->spools,
      "Spools, or directories of spools. Default: LOGBOOM_SPOOL, then ~/.local/state/logboom/spool; and "
      "/dev/shm and /tmp, where publishers keep theirs that have no room there");
  command
      ->add_option(
          "--endpoint", choices->endpoint,
          "The collector's address, for all spools. Default: that of each spool's publisher; where a spool "
          "does not say it, LOGBOOM_ENDPOINT, then ipc://$XDG_RUNTIME_DIR/logboom/bus")
      ->type_name("ADDRESS");
  command->add_option("--patience", choices->patience, "Seconds without progress after which it gives up")
      ->type_name("SECONDS")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  choices->keys.add_to(*command);
  command->callback([choices] { recover(*choices); });
}

}  // namespace logboom::cli
