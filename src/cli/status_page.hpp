// A collector's status as a page for people. Must not know where it came from, nor what it is shown on.
#pragma once

#include "delivery/collector_state.hpp"

#include <cstddef>
#include <string>

namespace logboom::cli {

/// @param width of the screen, at which lines are cut; 0: they are not. @param height lines, below which publishers are left out, and counted; 0: none are
std::string status_page(delivery::Status const& status, std::string const& endpoint, std::size_t width = 0,
                        std::size_t height = 0);

}  // namespace logboom::cli
