// Completion for zsh. Must not know CLI11.
#include "cli/shell_completion.hpp"

#include <fmt/format.h>

#include <string_view>

namespace logboom::cli {
namespace {

/// For a text within '[…]' of a single-quoted specification of _arguments.
std::string quoted(std::string_view text) {
  std::string out;
  for (char const c : text) {
    if (c == '\'')
      out += "'\\''";
    else if (c == '[' || c == ']' || c == ':' || c == '\\')
      out += std::string("\\") + c;
    else
      out += c;
  }
  return out;
}

std::string action(OptionShape const& option) {
  switch (option.kind) {
    case ValueKind::kChoice: {
      std::string list;
      for (auto const& choice : option.choices) list += (list.empty() ? "" : " ") + quoted(choice);
      return "(" + list + ")";
    }
    case ValueKind::kFile: return "_files";
    case ValueKind::kDirectory: return "_files -/";
    case ValueKind::kProgram: return "_command_names -e";
    default: return " ";
  }
}

std::string option_specification(OptionShape const& option) {
  std::string const value =
      option.value.empty() ? "" : fmt::format(":{}:{}", quoted(option.value), action(option));
  std::string lines;
  std::string const others = fmt::format("{}", fmt::join(option.names, " "));
  for (auto const& name : option.names) {
    bool const is_long = name.starts_with("--");
    // `=-`: the value only behind the sign; `=`: there or as the next word; `+`: of a short one likewise.
    std::string const sign = option.value.empty() ? "" : option.optional_value ? "=-" : is_long ? "=" : "+";
    std::string const optional = option.optional_value ? ":" : "";
    lines += fmt::format("        '{}{}{}[{}]{}{}' \\\n", option.repeatable ? "*" : "(" + others + ")", name,
                         sign, quoted(option.about), value.empty() ? "" : optional, value);
  }
  return lines;
}

std::string positional_specification(OptionShape const& positional, std::size_t number) {
  auto const place = positional.repeatable ? std::string("*") : fmt::format("{}", number);
  return fmt::format("        '{}:{}{}:{}' \\\n", place, positional.required ? "" : ":",
                     quoted(positional.value),
                     positional.kind == ValueKind::kProgram ? "_command_names -e" : action(positional));
}

}  // namespace

std::string zsh_completion(CommandTree const& tree) {
  std::string script =
      "#compdef logboom\n# zsh completion for logboom: made by `logboom completion zsh`\n_logboom() {\n";
  script += "  local curcontext=\"$curcontext\" state line ret=1\n  _arguments -C \\\n";
  for (auto const& option : tree.program.options) script += option_specification(option);
  script += "        '1: :->command' \\\n        '*:: :->rest' && ret=0\n  case $state in\n    command)\n";
  script += "      local -a commands\n      commands=(\n";
  for (auto const& command : tree.commands)
    script += fmt::format("        '{}:{}'\n", command.name, quoted(command.about));
  script +=
      "      )\n      _describe -t commands 'command' commands && ret=0 ;;\n    rest)\n      case $line[1] "
      "in\n";
  for (auto const& command : tree.commands) {
    script += fmt::format("      {})\n        _arguments -s \\\n", command.name);
    for (auto const& option : command.options) script += option_specification(option);
    std::size_t number = 0;
    for (auto const& positional : command.positionals)
      script += positional_specification(positional, ++number);
    script += "        && ret=0 ;;\n";
  }
  return script +
         "      esac ;;\n  esac\n  return ret\n}\nif [[ $funcstack[1] == _logboom ]]; then\n  _logboom "
         "\"$@\"\nelse\n  compdef _logboom logboom\nfi\n";
}

}  // namespace logboom::cli
