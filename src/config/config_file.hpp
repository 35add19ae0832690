// The configuration of a collector in one TOML file (docs/config.md). Must not know flags, signals or how a collector works.
#pragma once

#include "config/mistake.hpp"
#include "config/path_check.hpp"

#include <logboom/collector.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace logboom::config {

struct Config {
  CollectorOptions options;
  bool adopt_default = true;     // the default spool directories are watched
  std::vector<PathPlace> paths;  // where a file names what is to be opened
};

/// Paths are looked at for check_paths() when there are other mistakes, so that all are told at once.
enum class Look { kText, kPaths };

/// @throws ConfigError with every mistake; std::system_error when the file cannot be read
Config read_config_file(std::string const& path, Look look = Look::kText);
/// The same of a text. @param file for messages; "": places mean nothing to whoever reads them
Config read_config(std::string_view text, std::string const& file, Look look = Look::kText);

}  // namespace logboom::config
