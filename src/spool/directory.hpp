// The few things that are done to directories and names of files. Must not know what is in a file.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace logboom::spool {

/// Of the files in it, in no order. @throws std::system_error
std::vector<std::string> names_in(std::filesystem::path const& directory);
/// With mode 0700 and all above it; nothing where it is there. @throws std::system_error
void make_directory(std::filesystem::path const& directory);
/// Of the same directory; what stood under the new name is gone. @throws std::system_error
void rename_file(std::filesystem::path const& from, std::filesystem::path const& to);
/// Never fails for the caller: what stays is found again.
void remove_file(std::filesystem::path const& file) noexcept;

}  // namespace logboom::spool
