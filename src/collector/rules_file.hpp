// The file in which level rules outlive the collector that was given them. Must not know what the rules mean.
#pragma once

#include "delivery/collector_state.hpp"

#include <string>
#include <vector>

namespace logboom::collector {

/// One file, replaced as a whole: a death at any moment leaves the old one or the new one. It holds the message "rules" of docs/protocol.md.
class RulesFile {
 public:
  static constexpr char const* kEnd = ".levels";  // of its name

  /// @param path "": nothing is kept
  explicit RulesFile(std::string path) : path_(std::move(path)) {}

  struct Found {
    std::vector<delivery::StandingRule> rules;
    std::string problem;  // one line: why what is there could not be read; "": it could, or there is nothing
  };
  Found load() const;
  /// Blocks for as long as the disk does. Without rules the file is removed. @return one line: why it could not be written; "" if it was
  std::string save(std::vector<delivery::StandingRule> const& rules) const;

  std::string const& path() const noexcept { return path_; }

 private:
  std::string path_;
};

/// Where a collector keeps its rules: beside its store, or beside the address of an ipc bus; a tcp bus without a store has them below the user's state directory.
/// @param database absolute path, or "". @param endpoint the first address, as text
std::string rules_path(std::string const& database, std::string const& endpoint);

}  // namespace logboom::collector
