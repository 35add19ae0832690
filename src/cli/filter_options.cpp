// The flags that choose records. Must not know where the records come from.
#include "cli/filter_options.hpp"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <chrono>
#include <stdexcept>

namespace logboom::cli {
namespace {

std::int64_t now() {
  auto const since_epoch = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::nanoseconds>(since_epoch).count();
}

}  // namespace

void FilterOptions::add_to(CLI::App& command) {
  auto const group = "Which records";
  command.add_option("-l,--level", level_, "At least this level: a name or a number")
      ->type_name("LEVEL")
      ->group(group);
  command
      .add_option("-n,--logger", filter_.loggers,
                  "This logger and those below it; `*` stands for anything (repeatable)")
      ->type_name("LOGGER")
      ->allow_extra_args(false)
      ->group(group);
  command.add_option("--host", filter_.hosts, "From this host; `*` stands for anything (repeatable)")
      ->type_name("HOST")
      ->allow_extra_args(false)
      ->group(group);
  command
      .add_option("--process", filter_.processes,
                  "From processes of this name; `*` stands for anything (repeatable)")
      ->type_name("NAME")
      ->allow_extra_args(false)
      ->group(group);
  command.add_option("--pid", filter_.pids, "From this process (repeatable)")
      ->type_name("PID")
      ->allow_extra_args(false)
      ->group(group);
  command
      .add_option("-g,--grep", filter_.regex, "Message or exception matches this regular expression (RE2)")
      ->type_name("REGEX")
      ->group(group);
  command
      .add_option(
          "-w,--where", fields_,
          "A field compared: table=users, step>=10, user!=root, path~^/tmp (repeatable; all must hold)")
      ->type_name("FIELD=VALUE")
      ->allow_extra_args(false)
      ->group(group);
  command
      .add_option("--since", since_,
                  "From this time on: 2026-11-20T10:30, 10:30 (today), 15m (ago), 3d, or Unix seconds")
      ->type_name("TIME")
      ->group(group);
  command.add_option("--until", until_, "Before this time")->type_name("TIME")->group(group);
  command.add_option("--last", last_, "Only the newest N of them")
      ->type_name("N")
      ->group(group)
      ->check(CLI::PositiveNumber);
}

Filter FilterOptions::filter() const {
  Filter filter = filter_;
  if (!level_.empty()) {
    filter.level = parse_level(level_);
    if (!filter.level) {
      throw std::invalid_argument(fmt::format(
          "--level {}: no such level; use TRACE, DEBUG, INFO, WARNING, ERROR, CRITICAL or a number", level_));
    }
  }
  for (auto const& field : fields_) filter.fields.push_back(parse_field_test(field));
  if (!since_.empty()) filter.since = parse_time(since_, now());
  if (!until_.empty()) filter.until = parse_time(until_, now());
  return filter;
}

}  // namespace logboom::cli
