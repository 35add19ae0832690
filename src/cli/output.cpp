// Records to stdout. Must not know which records.
#include "cli/output.hpp"

#include "cli/commands.hpp"
#include "cli/write_all.hpp"

#include <fmt/format.h>
#include <unistd.h>
#include <CLI/CLI.hpp>

#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace logboom::cli {
namespace {

constexpr std::size_t kFlushAt = 64U << 10U;

bool wants_color(std::string const& choice) {
  if (choice != "auto") return choice == "always";
  char const* const no_color = std::getenv("NO_COLOR");  // no-color.org
  return (no_color == nullptr || *no_color == '\0') && isatty(STDOUT_FILENO) == 1;
}

}  // namespace

void OutputOptions::add_to(CLI::App& command) {
  auto const group = "How they are shown";
  command
      .add_option("-o,--output", format_,
                  "pretty, json, csv, logfmt, or a Python logging format: \"%(asctime)s %(message)s\", "
                  "\"{levelname:<8} {message}\", \"$name $message\"")
      ->type_name("FORMAT")
      ->capture_default_str()
      ->group(group);
  command.add_option("--color", color_, "auto: on a terminal, unless NO_COLOR is set")
      ->check(CLI::IsMember({"auto", "always", "never"}))
      ->capture_default_str()
      ->group(group);
  command.add_flag("--utc", utc_, "Times in UTC instead of local time")->group(group);
}

Output::Output(OutputOptions const& options)
    : formatter_([&] {
        FormatOptions format;
        format.utc = options.utc_;
        format.color = wants_color(options.color_);
        format.escape_controls = isatty(STDOUT_FILENO) == 1;
        return Formatter::make(options.format_, format);
      }()),
      buffer_(formatter_.header()) {}

void Output::show(Record const& record) {
  formatter_.format(record, buffer_);
  if (buffer_.size() >= kFlushAt) flush();
}

void Output::flush() {
  int const error = write_all(STDOUT_FILENO, buffer_);
  if (error == EPIPE) throw OutputClosed{};
  if (error != 0) {
    throw Failure(kFailed,
                  fmt::format("standard output: {}; make room or send it elsewhere", std::strerror(error)));
  }
  buffer_.clear();
}

}  // namespace logboom::cli
