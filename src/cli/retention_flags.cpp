#include "cli/retention_flags.hpp"

#include <CLI/CLI.hpp>

#include <chrono>
#include <cstdint>
#include <map>
#include <string>

namespace logboom::cli {
namespace {

constexpr auto kGroup = "Retention: the store becomes many files, and the oldest go";

void add_span(CLI::App& command, char const* name, std::chrono::seconds& span, char const* what) {
  std::map<std::string, std::int64_t> const units{
      {"s", 1}, {"m", 60}, {"h", 3'600}, {"d", 86'400}, {"w", 7 * 86'400}};
  command
      .add_option_function<std::int64_t>(
          name, [&span](std::int64_t seconds) { span = std::chrono::seconds(seconds); }, what)
      ->transform(CLI::AsNumberWithUnit(
          units, static_cast<CLI::AsNumberWithUnit::Options>(CLI::AsNumberWithUnit::CASE_SENSITIVE |
                                                             CLI::AsNumberWithUnit::UNIT_REQUIRED)))
      ->type_name("TIME")
      ->group(kGroup);
}

void add_size(CLI::App& command, char const* name, std::uint64_t& size, char const* what) {
  command.add_option(name, size, what)->transform(CLI::AsSizeValue(true))->type_name("SIZE")->group(kGroup);
}

}  // namespace

void add_retention_flags(CLI::App& command, RetentionOptions& options) {
  add_span(command, "--keep", options.keep,
           "Remove records that were stored longer ago, such as 30d, 12h, 90m or 2w");
  add_size(command, "--max-size", options.max_size,
           "Remove the oldest records when the store's files are larger together, such as 20GiB or 500MB");
  add_size(command, "--file-size", options.file_size,
           "Begin a new file at this size. Default: a sixteenth of --max-size, 1GiB at most");
  add_span(command, "--file-period", options.file_period,
           "Begin a new file each so often, counted from midnight UTC. Default with --keep: 1d, or an eighth "
           "of it");
  command
      .add_flag("--compress", options.compress,
                "Compress files when they are full; `logboom query` reads them")
      ->group(kGroup);
  command
      .add_flag("--full-text", options.full_text,
                "Give files an index of their words when they are full, for `logboom query --text`")
      ->group(kGroup);
}

}  // namespace logboom::cli
