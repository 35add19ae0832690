// The configuration of a collector in one TOML file (docs/config.md). Must not know flags, signals or how a collector works.
#pragma once

#include "config/mistake.hpp"

#include <logboom/collector.hpp>

#include <string>
#include <string_view>

namespace logboom::config {

struct Config {
  CollectorOptions options;
  bool adopt_default = true;  // the default spool directories are watched
};

/// @throws ConfigError with every mistake; std::system_error when the file cannot be read
Config read_config_file(std::string const& path);
/// The same of a text. @param file for messages
Config read_config(std::string_view text, std::string const& file);

}  // namespace logboom::config
