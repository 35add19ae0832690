// Steps on names: see file_names.hpp.
#include "sinks/file_names.hpp"

#include "sinks/log_file_error.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <filesystem>

namespace logboom::sinks {

bool exists(std::string const& path) {
  struct stat status {};
  return ::lstat(path.c_str(), &status) == 0;
}

void move_to_free_name(std::string const& from, std::string const& to) {
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return;
  // Not every file system can do that. Whoever rotates has the lock on the current file, so that it is a question of strangers only.
  if (errno == EINVAL || errno == ENOSYS) {
    if (exists(to)) {
      errno = EEXIST;
    } else if (::rename(from.c_str(), to.c_str()) == 0) {
      return;
    }
  }
  throw LogFileError::about(errno, "rename " + from + " to", to);
}

void remove_file(std::string const& path) {
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) throw LogFileError::about(errno, "remove", path);
}

std::vector<std::string> names_in(std::string const& directory) {
  std::vector<std::string> names;
  std::error_code error;
  std::filesystem::directory_iterator at(directory, error);
  for (; !error && at != std::filesystem::directory_iterator(); at.increment(error)) {
    names.push_back(at->path().filename().string());
  }
  if (error) throw LogFileError::about(error.value(), "read the directory", directory);
  return names;
}

std::string directory_of(std::string_view path) {
  auto const slash = path.rfind('/');
  if (slash == std::string_view::npos) return ".";
  return std::string(path.substr(0, std::max<std::size_t>(slash, 1)));
}

std::string_view name_of(std::string_view path) { return path.substr(path.rfind('/') + 1); }

unsigned number_of(std::string_view digits) {
  constexpr std::size_t kLongest = 9;
  if (digits.empty() || digits.size() > kLongest || digits.front() == '0') return 0;
  unsigned number = 0;
  auto const [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  return error == std::errc{} && end == digits.data() + digits.size() ? number : 0;
}

}  // namespace logboom::sinks
