// The commands as they were defined to CLI11, as plain values: what completions and man pages are made from. Must not know what is made from them.
#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace logboom::cli {

/// What a value may be, as far as a shell can help with it.
enum class ValueKind { kNone, kText, kChoice, kFile, kDirectory, kProgram };

struct OptionShape {
  std::vector<std::string> names;  // "-l", "--level"; of a positional its one name, "ENDPOINT"
  std::string value;               // "LEVEL", "[=FORMAT]"; "" for a flag
  ValueKind kind = ValueKind::kNone;
  std::vector<std::string> choices;  // kChoice: others may be allowed, too
  bool optional_value = false;       // may be left out, and is given as --NAME=VALUE
  bool required = false;
  bool repeatable = false;
  std::string about;
  std::string usual;  // the default, as text
  std::string group;  // heading
};

struct CommandShape {
  std::string name;    // "" for `logboom` itself
  std::string about;   // one line
  std::string manual;  // as manual() made it
  std::vector<OptionShape> options;
  std::vector<OptionShape> positionals;
};

struct CommandTree {
  CommandShape program;
  std::vector<CommandShape> commands;  // those that the help shows, in its order
};

CommandTree command_tree(CLI::App& app);

}  // namespace logboom::cli
