// The command `logboom`: finds the command meant, and turns what went wrong into one line and an exit code. Must not know what the commands do.
#include "cli/commands.hpp"
#include "curve/key.hpp"
#include "record/terminal_text.hpp"

#include <logboom/query.hpp>
#include <logboom/version.hpp>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <system_error>

namespace logboom::cli {
namespace {

constexpr auto kFooter =
    "Addresses: ipc://PATH or tcp://HOST[:PORT]. Without one: LOGBOOM_ENDPOINT, then "
    "ipc://$XDG_RUNTIME_DIR/logboom/bus.\n"
    "Exit codes: 0 ok, 1 failed, 2 usage, 3 unreachable.\n"
    "`logboom COMMAND --help` tells about one command.";

void add_commands(CLI::App& app) {
  add_collect(app);
  add_tail(app);
  add_query(app);
  add_send(app);
  add_run(app);
  add_recover(app);
  add_verify(app);
  add_repair(app);
  add_level(app);
  add_status(app);
  add_doctor(app);
  add_keygen(app);
  add_demo(app);
  add_completion(app);
  add_man(app);
}

int complain(int code, std::string line) {
  std::replace(line.begin(), line.end(), '\n', ' ');
  tell(line);
  return code;
}

/// CLI11's own words, in this program's form.
int usage(CLI::App const& app, CLI::ParseError const& error) {
  auto const used = app.get_subcommands();
  auto const command = used.empty() ? std::string("logboom") : "logboom " + used.front()->get_name();
  std::string reason = error.what();
  while (!reason.empty() && (reason.back() == '.' || reason.back() == '\n')) reason.pop_back();
  auto const thing = used.empty() ? std::string("usage") : used.front()->get_name();
  return complain(kUsage, fmt::format("{}: {}; see `{} --help`", thing, reason, command));
}

int run(int argc, char** argv) {
  CLI::App app{"Gathers the log records of many processes into one place, live and durably.", "logboom"};
  app.set_version_flag("--version", std::string("logboom ") + LOGBOOM_VERSION);
  app.require_subcommand(1);
  app.footer(kFooter);
  add_commands(app);
  try {
    app.parse(argc, argv);
    return kOk;
  } catch (CLI::ParseError const& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help, --version
    return usage(app, error);
  } catch (ExitWith const& exit) {
    return exit.code;
  } catch (Failure const& failure) {
    return complain(failure.code(), failure.what());
  } catch (curve::KeyError const& error) {
    return complain(kUsage, error.what());
  } catch (std::invalid_argument const& error) {
    return complain(kUsage, error.what());
  } catch (std::exception const& error) {
    return complain(kFailed, error.what());
  }
}

}  // namespace

void tell(std::string_view line) {
  std::string shown = "logboom: ";
  append_harmless_line(line, shown);
  shown += '\n';
  // Not fmt::print, which throws when stderr is closed.
  [[maybe_unused]] auto const written = std::fwrite(shown.data(), 1, shown.size(), stderr);
}

std::string manual(std::string_view about, std::string_view examples) {
  if (examples.empty()) return fmt::format("{}\n", about);
  return fmt::format("{}\n\nExamples:\n{}\n", about, examples);
}

}  // namespace logboom::cli

int main(int argc, char** argv) { return logboom::cli::run(argc, argv); }
