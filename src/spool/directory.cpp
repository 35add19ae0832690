#include "spool/directory.hpp"

#include "spool/file_handle.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

namespace logboom::spool {

std::vector<std::string> names_in(std::filesystem::path const& directory) {
  std::vector<std::string> names;
  for (auto const& entry : std::filesystem::directory_iterator(directory))
    names.push_back(entry.path().filename().string());
  return names;
}

void make_directory(std::filesystem::path const& directory) {
  std::filesystem::create_directories(directory.parent_path());
  if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST)
    throw_system_error(errno, "cannot make", directory);
}

void rename_file(std::filesystem::path const& from, std::filesystem::path const& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) throw_system_error(errno, "cannot rename", from);
}

void remove_file(std::filesystem::path const& file) noexcept { ::unlink(file.c_str()); }

}  // namespace logboom::spool
