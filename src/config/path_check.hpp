// Whether what a configuration names can be opened, before a collector is started with it. Touches nothing: looks at what is there, and asks for permissions. Must not know TOML.
#pragma once

#include "config/mistake.hpp"

#include <logboom/collector.hpp>

#include <string>
#include <vector>

namespace logboom::config {

/// Where a file names a path.
struct PathPlace {
  std::string path;
  std::size_t line = 0;
  std::size_t column = 0;
};

/// Of the store, the sinks' files and spools, and the sockets: each that this process cannot open or make. @param places where those that are named in a file are; the mistakes of
/// others are elsewhere
std::vector<Mistake> check_paths(CollectorOptions const& options, std::vector<PathPlace> const& places);

}  // namespace logboom::config
