// Man pages as roff. Must not know CLI11.
#pragma once

#include "cli/command_tree.hpp"

#include <string>

namespace logboom::cli {

/// logboom(1): the program as a whole.
std::string program_page(CommandTree const& tree);
/// logboom-COMMAND(1).
std::string command_page(CommandTree const& tree, CommandShape const& command);

}  // namespace logboom::cli
