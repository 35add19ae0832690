// What `logboom verify` and `logboom repair` are given: stores, spools, or directories of them. Must not know what is done with them.
#pragma once

#include <span>
#include <string>
#include <vector>

namespace logboom::cli {

struct CheckTargets {
  std::vector<std::string> store_files;  // each file of a store is one
  std::vector<std::string> spools;
};

/// A store's file stands for its closed files as well; a directory of spools for those that have been set aside, too. @throws Failure (kUsage): there is no such thing
CheckTargets find_targets(std::span<std::string const> paths);

}  // namespace logboom::cli
