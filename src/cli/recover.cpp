// `logboom recover`: sends what dead workers left. Must not know how.
#include "cli/commands.hpp"
#include "delivery/endpoint.hpp"
#include "publisher/replay.hpp"
#include "publisher/settings.hpp"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <atomic>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace logboom::cli {
namespace {

constexpr auto kDescription =
    R"(Sends what dead publishers left in their spools to a collector, exactly once, and removes the spools.

A collector on the same host does this by itself, and so does the next publisher; this command is for a spool that was copied from
elsewhere, or a host whose collector is on another one. Spools of running publishers are left alone.)";

constexpr auto kExamples =
    R"(    logboom recover                                     the default spool directory, to the default collector
    logboom recover --endpoint tcp://hub:7514 /mnt/old/spool
Exit code 3 when something is left because no collector took it.)";

struct Choices {
  std::vector<std::string> spools;
  std::string endpoint;
  double patience = 10;
};

volatile std::sig_atomic_t interrupted = 0;

void recover(Choices const& choices) {
  std::vector<std::filesystem::path> paths(choices.spools.begin(), choices.spools.end());
  for (auto const& path : paths) {
    if (!std::filesystem::is_directory(path)) {
      throw Failure(kUsage,
                    fmt::format("{}: not a directory; name a spool or a directory of spools", path.string()));
    }
  }
  if (paths.empty()) paths.push_back(publisher::resolve({}).spool_root);

  publisher::RecoverOptions options;
  options.endpoints = delivery::resolve_endpoints(choices.endpoint);
  options.patience = std::chrono::milliseconds(static_cast<std::int64_t>(choices.patience * 1000));
  options.report = tell;
  std::signal(SIGINT, [](int) { interrupted = 1; });
  std::signal(SIGTERM, [](int) { interrupted = 1; });
  options.stop = [] { return interrupted != 0; };

  auto const result = publisher::recover(paths, options);
  fmt::print(
      "{} spools recovered: {} records, {} of them declared lost; {} spools in use, {} left, {} unreadable\n",
      result.spools, result.records, result.gaps, result.in_use, result.left, result.unreadable);
  if (result.left > 0) {
    throw Failure(kUnreachable, fmt::format("{}: {}; the rest stays in its spools, call again",
                                            options.endpoints.front().text,
                                            result.reached ? "the collector did not take everything in time"
                                                           : "no collector answers"));
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
      "Spools, or directories of spools. Default: LOGBOOM_SPOOL, then ~/.local/state/logboom/spool");
  command
      ->add_option(
          "--endpoint", choices->endpoint,
          "The collector's address. Default: LOGBOOM_ENDPOINT, then ipc://$XDG_RUNTIME_DIR/logboom/bus")
      ->type_name("ADDRESS");
  command->add_option("--patience", choices->patience, "Seconds without progress after which it gives up")
      ->type_name("SECONDS")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command->callback([choices] { recover(*choices); });
}

}  // namespace logboom::cli
