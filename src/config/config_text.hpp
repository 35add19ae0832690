// A configuration as the text of a file. Must not know where it came from.
#pragma once

#include "config/config_file.hpp"

#include <string>

namespace logboom::config {

/// Every value that is in effect, with the usual ones filled in; read_config() reads the same configuration from it.
std::string config_text(Config const& config);

}  // namespace logboom::config
