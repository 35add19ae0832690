// `logboom completion`: a script for the shell. Must not know how it is made.
#include "cli/commands.hpp"
#include "cli/shell_completion.hpp"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <memory>
#include <string>

namespace logboom::cli {
namespace {

constexpr auto kDescription =
    R"(Prints a script with which the shell completes logboom's commands, their options and, where they are known, the values.

An installed logboom has it already. By hand: put the line for your shell into its start-up file.)";

constexpr auto kExamples = R"(    source <(logboom completion bash)                    in ~/.bashrc
    source <(logboom completion zsh)                     in ~/.zshrc, after compinit
    logboom completion fish | source                     in ~/.config/fish/config.fish)";

}  // namespace

void add_completion(CLI::App& app) {
  auto const shell = std::make_shared<std::string>();
  auto* const command = app.add_subcommand("completion", "Print completion for a shell");
  command->footer(manual(kDescription, kExamples));
  command->add_option("SHELL", *shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  command->callback([shell, &app] {
    auto const tree = command_tree(app);
    fmt::print("{}", *shell == "bash"  ? bash_completion(tree)
                     : *shell == "zsh" ? zsh_completion(tree)
                                       : fish_completion(tree));
  });
}

}  // namespace logboom::cli
