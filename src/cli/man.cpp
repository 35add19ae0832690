// `logboom man`: man pages. Must not know how they are made.
#include "cli/commands.hpp"
#include "cli/man_page.hpp"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <system_error>

namespace logboom::cli {
namespace {

constexpr auto kDescription = R"(Prints the man page of logboom, or of one of its commands, as roff.

An installed logboom has them where man finds them. Without COMMAND it is the page of the program, which lists the commands.)";

constexpr auto kExamples = R"(    logboom man tail | man -l -                          read it
    logboom man --directory ~/.local/share/man/man1      write all of them there)";

struct Choices {
  std::string command;
  std::string directory;
};

void write(std::filesystem::path const& file, std::string const& page) {
  std::ofstream out(file, std::ios::trunc | std::ios::binary);
  out << page;
  out.close();
  if (!out)
    throw Failure(kFailed, fmt::format("{}: cannot be written: {}; name another --directory", file.native(),
                                       std::strerror(errno)));
}

void write_all_pages(CommandTree const& tree, std::filesystem::path const& directory) {
  std::error_code failed;
  std::filesystem::create_directories(directory, failed);
  if (failed)
    throw Failure(kFailed, fmt::format("{}: cannot be made: {}; name another --directory", directory.native(),
                                       failed.message()));
  write(directory / "logboom.1", program_page(tree));
  for (auto const& command : tree.commands)
    write(directory / fmt::format("logboom-{}.1", command.name), command_page(tree, command));
}

void print(Choices const& choices, CLI::App& app) {
  auto const tree = command_tree(app);
  if (!choices.directory.empty()) return write_all_pages(tree, choices.directory);
  if (choices.command.empty()) {
    fmt::print("{}", program_page(tree));
    return;
  }
  auto const found = std::find_if(tree.commands.begin(), tree.commands.end(),
                                  [&](CommandShape const& one) { return one.name == choices.command; });
  if (found == tree.commands.end())
    throw Failure(kUsage, fmt::format("man {}: no such command; `logboom --help` lists them", choices.command));
  fmt::print("{}", command_page(tree, *found));
}

}  // namespace

void add_man(CLI::App& app) {
  auto const choices = std::make_shared<Choices>();
  auto* const command = app.add_subcommand("man", "Print man pages");
  command->footer(manual(kDescription, kExamples));
  auto* const name = command->add_option("COMMAND", choices->command, "One of logboom's commands");
  command->add_option("--directory", choices->directory, "Write all pages there instead, as files")
      ->type_name("DIR")
      ->excludes(name);
  command->callback([choices, &app] { print(*choices, app); });
}

}  // namespace logboom::cli
