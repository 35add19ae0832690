// `logboom send`: records from the shell. Must not know how records are delivered.
#include "cli/commands.hpp"
#include "cli/delivery_wait.hpp"
#include "cli/key_options.hpp"
#include "cli/line_logger.hpp"
#include "cli/line_splitter.hpp"

#include <logboom/publisher.hpp>

#include <fmt/format.h>
#include <unistd.h>
#include <CLI/CLI.hpp>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

namespace logboom::cli {
namespace {

constexpr auto kDescription =
    R"(Sends records, and returns when they are stored.

MESSAGE words are joined by spaces. With `-`, every line of stdin is a record; a line that is a JSON object
is a structured one: "message", "level", "logger", "time" … have their meaning (docs/protocol.md, "Plain
record"), other keys become fields; so do "host" and "process", since the record's own are those of `logboom send`. Lines over 60,000 bytes are cut and say so.
When no collector answers, the records wait in the spool for a collector on this host, the next publisher
or `logboom recover`; the exit code is 3 then.)";

constexpr auto kExamples = R"(    logboom send backup finished
    logboom send -l error -n backup -f disk=sda1 'no space left'
    make 2>&1 | logboom send -n build -
    cat events.jsonl | logboom send -)";

struct Choices {
  PublisherOptions publisher;
  std::string level = "info";
  std::string logger;
  std::vector<std::string> fields;
  std::vector<std::string> words;
  double timeout = 5;
};

void send_stdin(LineLogger& logger) {
  LineSplitter lines([&logger](std::string_view line) { logger.log(line); });
  std::vector<char> buffer(64U << 10U);
  for (;;) {
    auto const got = ::read(STDIN_FILENO, buffer.data(), buffer.size());
    if (got == 0) break;
    if (got > 0) {
      lines.add({buffer.data(), static_cast<std::size_t>(got)});
    } else if (errno != EINTR) {
      throw Failure(kFailed,
                    fmt::format("standard input: {}; what came before it was sent", std::strerror(errno)));
    }
  }
  lines.finish();
}

void send(Choices choices) {
  LineLogger::Defaults defaults;
  auto const level = parse_level(choices.level);
  if (!level) {
    throw std::invalid_argument(
        fmt::format("--level {}: no such level; use TRACE, DEBUG, INFO, WARNING, ERROR, CRITICAL or a number",
                    choices.level));
  }
  defaults.level = *level;
  defaults.logger = choices.logger;
  for (auto const& field : choices.fields) defaults.fields.push_back(parse_assignment(field));
  bool const from_stdin = choices.words == std::vector<std::string>{"-"};
  defaults.json = from_stdin;

  choices.publisher.levels = "0";                                  // who calls `send` means it
  choices.publisher.flush_timeout = std::chrono::milliseconds{0};  // waited for below
  Publisher bus(choices.publisher);
  LineLogger logger(bus, std::move(defaults));
  if (from_stdin) {
    send_stdin(logger);
  } else {
    logger.log(fmt::format("{}", fmt::join(choices.words, " ")));
  }
  wait_until_stored(bus, std::chrono::milliseconds(static_cast<std::int64_t>(choices.timeout * 1000)));
}

}  // namespace

void add_send(CLI::App& app) {
  auto const choices = std::make_shared<Choices>();
  auto* const command = app.add_subcommand("send", "Send records from the shell");
  command->footer(manual(kDescription, kExamples));
  command->add_option("MESSAGE", choices->words, "The message, or `-` for the lines of stdin")->required();
  command->add_option("-l,--level", choices->level, "Level: a name or a number")
      ->type_name("LEVEL")
      ->capture_default_str();
  command->add_option("-n,--logger", choices->logger, "Dotted name of the logger")->type_name("LOGGER");
  command->add_option("-f,--field", choices->fields, "A field of the record (repeatable)")
      ->type_name("NAME=VALUE")
      ->allow_extra_args(false);
  command
      ->add_option(
          "--endpoint", choices->publisher.endpoint,
          "The collector's address. Default: LOGBOOM_ENDPOINT, then ipc://$XDG_RUNTIME_DIR/logboom/bus")
      ->type_name("ADDRESS");
  command->add_option("--timeout", choices->timeout, "Seconds to wait until all is stored")
      ->type_name("SECONDS")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  add_key_options(*command, choices->publisher.curve_server_key, choices->publisher.curve_secret);
  command->callback([choices] { send(*choices); });
}

}  // namespace logboom::cli
