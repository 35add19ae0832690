// What is wrong in a configuration file, and where. Must not know TOML.
#pragma once

#include <cstddef>
#include <stdexcept>
#include <string>
#include <vector>

namespace logboom::config {

struct Mistake {
  std::size_t line = 0;  // from 1; 0: of the file as a whole
  std::size_t column = 0;
  std::string text;
  bool elsewhere = false;  // not in the file: by a flag
};

/// All mistakes of one file.
class ConfigError : public std::invalid_argument {
 public:
  /// @param file "": all of them are elsewhere. @param mistakes one at least
  ConfigError(std::string const& file, std::vector<Mistake> mistakes);

  /// "FILE:LINE:COLUMN: TEXT", in the order of the file. what() is the first of them, and how many more there are.
  std::vector<std::string> const& lines() const noexcept { return lines_; }

 private:
  explicit ConfigError(std::vector<std::string> lines);

  std::vector<std::string> lines_;
};

}  // namespace logboom::config
