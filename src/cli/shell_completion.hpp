// Scripts that complete the command line in a shell. Must not know CLI11.
#pragma once

#include "cli/command_tree.hpp"

#include <string>

namespace logboom::cli {

std::string bash_completion(CommandTree const& tree);
std::string zsh_completion(CommandTree const& tree);
std::string fish_completion(CommandTree const& tree);

}  // namespace logboom::cli
