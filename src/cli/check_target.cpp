#include "cli/check_target.hpp"

#include "cli/commands.hpp"
#include "spool/spool.hpp"
#include "store/closed_files.hpp"
#include "store/inspection.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

namespace logboom::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kAside = ".unreadable", kDamaged = ".damaged-", kClosedDirectory = ".d";

bool is_spool(fs::path const& path) {
  std::error_code missing;
  return fs::exists(path / "lock", missing) || fs::exists(path / "publisher", missing);
}

void add_spools(fs::path const& root, CheckTargets& targets) {
  if (is_spool(root)) {
    targets.spools.push_back(root.string());
    return;
  }
  for (auto const& spool : spool::Spool::list(root)) targets.spools.push_back(spool.string());
  std::error_code failed;
  for (auto const& entry : fs::directory_iterator(root, failed)) {
    if (entry.path().filename().string().ends_with(kAside) && is_spool(entry.path()))
      targets.spools.push_back(entry.path().string());
  }
}

void add_store(std::string const& path, CheckTargets& targets) {
  bool const closed = fs::path(path).parent_path().string().ends_with(kClosedDirectory) ||
                      path.ends_with(store::kCompressedEnd);
  bool const aside = fs::path(path).filename().string().find(kDamaged) != std::string::npos;
  if (closed || aside) {
    targets.store_files.push_back(path);
    return;
  }
  auto files = store::files_of(path);
  targets.store_files.insert(targets.store_files.end(), std::make_move_iterator(files.begin()),
                             std::make_move_iterator(files.end()));
}

}  // namespace

CheckTargets find_targets(std::span<std::string const> paths) {
  CheckTargets targets;
  for (auto const& path : paths) {
    std::error_code failed;
    auto const status = fs::status(path, failed);
    if (status.type() == fs::file_type::not_found && store::files_of(path).empty())
      throw Failure(
          kUsage, fmt::format("{}: not there; name a store's file, a spool or a directory of spools", path));
    if (fs::is_directory(status) && path.ends_with(std::string(".sqlite") + std::string(kClosedDirectory)))
      add_store(path.substr(0, path.size() - kClosedDirectory.size()), targets);
    else if (fs::is_directory(status))
      add_spools(path, targets);
    else
      add_store(path, targets);
  }
  return targets;
}

}  // namespace logboom::cli
