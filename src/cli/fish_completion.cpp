// Completion for fish. Must not know CLI11.
#include "cli/shell_completion.hpp"

#include <fmt/format.h>

#include <string_view>

namespace logboom::cli {
namespace {

/// In single quotes.
std::string quoted(std::string_view text) {
  std::string out = "'";
  for (char const c : text) {
    if (c == '\'' || c == '\\') out += '\\';
    out += c;
  }
  return out + "'";
}

std::string values(OptionShape const& option) {
  switch (option.kind) {
    case ValueKind::kChoice:
      return fmt::format(" -a {}", quoted(fmt::format("{}", fmt::join(option.choices, " "))));
    case ValueKind::kFile: return " -F";
    case ValueKind::kDirectory: return " -a '(__fish_complete_directories)'";
    case ValueKind::kProgram: return " -a '(__fish_complete_command)'";
    default: return "";
  }
}

std::string option_line(OptionShape const& option, std::string const& when) {
  std::string line = fmt::format("complete -c logboom -n {}", quoted(when));
  for (auto const& name : option.names)
    line += name.starts_with("--") ? fmt::format(" -l {}", name.substr(2))
                                   : fmt::format(" -s {}", name.substr(1));
  if (!option.value.empty()) line += (option.optional_value ? "" : " -r") + values(option);
  return line + fmt::format(" -d {}\n", quoted(option.about));
}

}  // namespace

std::string fish_completion(CommandTree const& tree) {
  std::string script =
      "# fish completion for logboom: made by `logboom completion fish`\ncomplete -c logboom -f\n";
  for (auto const& option : tree.program.options) script += option_line(option, "__fish_use_subcommand");
  for (auto const& command : tree.commands) {
    script += fmt::format("complete -c logboom -n __fish_use_subcommand -a {} -d {}\n", command.name,
                          quoted(command.about));
    auto const when = "__fish_seen_subcommand_from " + command.name;
    for (auto const& option : command.options) script += option_line(option, when);
    if (!command.positionals.empty()) {
      if (auto const possible = values(command.positionals.front()); !possible.empty())
        script += fmt::format("complete -c logboom -n {}{}\n", quoted(when), possible);
    }
  }
  return script;
}

}  // namespace logboom::cli
