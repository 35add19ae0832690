// Completion for bash, without the package bash-completion. Must not know CLI11.
#include "cli/shell_completion.hpp"

#include <fmt/format.h>

#include <string_view>

namespace logboom::cli {
namespace {

// What stands before the cursor comes in words that are split at `=` and `:` as well; the text after `=` is a value like one that is a word of its own.
constexpr auto kHead = R"(# bash completion for logboom: made by `logboom completion bash`
_logboom() {
  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} command= word i
  if [[ $cur == = ]]; then
    cur=
  elif [[ $prev == = ]]; then
    prev=${COMP_WORDS[COMP_CWORD-2]}
  fi
  for ((i = 1; i < COMP_CWORD; ++i)); do
    word=${COMP_WORDS[i]}
    # After `--` comes a command of the user's own, completed as such.
    if [[ $word == -- && $command == run ]]; then
      if ((i + 1 == COMP_CWORD)); then COMPREPLY=($(compgen -c -- "$cur")); else compopt -o default; fi
      return
    fi
    [[ -z $command && $word != -* ]] && command=$word
  done
)";

constexpr auto kTail = R"(}
complete -F _logboom logboom
)";

std::string words(std::vector<std::string> const& list) { return fmt::format("{}", fmt::join(list, " ")); }

std::string action(OptionShape const& option) {
  switch (option.kind) {
    case ValueKind::kChoice:
      // An address goes on behind what is completed.
      return fmt::format(R"(COMPREPLY=($(compgen -W "{}" -- "$cur")))", words(option.choices)) +
             (option.choices.front().ends_with("/") ? "; compopt -o nospace" : "");
    // Line by line: names may have blanks.
    case ValueKind::kFile: return "compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")";
    case ValueKind::kDirectory:
      return "compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- \"$cur\")";
    case ValueKind::kProgram: return "COMPREPLY=($(compgen -c -- \"$cur\"))";
    default: return "COMPREPLY=()";
  }
}

/// Where the word before is an option that wants a value, that is what is completed.
std::string values(CommandShape const& command) {
  std::string cases;
  for (auto const& option : command.options) {
    if (option.value.empty()) continue;
    std::string patterns;
    for (auto const& name : option.names) {
      // A value that may be left out is one only behind `=`.
      patterns += fmt::format("{}{}:{}:{}", patterns.empty() ? "" : "|", command.name, name,
                              option.optional_value ? "=" : "*");
    }
    cases += fmt::format("    {}) {}; return ;;\n", patterns, action(option));
  }
  return cases;
}

std::string names(CommandShape const& command) {
  std::vector<std::string> all;
  for (auto const& option : command.options) all.insert(all.end(), option.names.begin(), option.names.end());
  return words(all);
}

}  // namespace

std::string bash_completion(CommandTree const& tree) {
  std::string script = kHead;
  script +=
      "  local sign=\n  [[ ${COMP_WORDS[COMP_CWORD]} == = || ${COMP_WORDS[COMP_CWORD-1]} == = ]] && sign==\n";
  script += "  case $command:$prev:$sign in\n";
  for (auto const& command : tree.commands) script += values(command);
  script += "  esac\n  [[ -n $sign ]] && return\n  if [[ $cur == -* ]]; then\n    case $command in\n";
  script += fmt::format("      \"\") COMPREPLY=($(compgen -W \"{}\" -- \"$cur\")) ;;\n", names(tree.program));
  for (auto const& command : tree.commands)
    script += fmt::format("      {}) COMPREPLY=($(compgen -W \"{}\" -- \"$cur\")) ;;\n", command.name,
                          names(command));
  script += "    esac\n    return\n  fi\n  case $command in\n";
  std::vector<std::string> commands;
  for (auto const& command : tree.commands) commands.push_back(command.name);
  script += fmt::format("    \"\") COMPREPLY=($(compgen -W \"{}\" -- \"$cur\")) ;;\n", words(commands));
  for (auto const& command : tree.commands) {
    if (!command.positionals.empty())
      script += fmt::format("    {}) {} ;;\n", command.name, action(command.positionals.front()));
  }
  return script + "  esac\n" + kTail;
}

}  // namespace logboom::cli
