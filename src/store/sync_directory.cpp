#include "store/sync_directory.hpp"

#include <fmt/core.h>

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace logboom::store {
namespace {

[[noreturn]] void fail(char const* what, std::string const& path) {
  throw std::system_error(errno, std::generic_category(), fmt::format("{} {}", what, path));
}

}  // namespace

void sync_directory(std::string const& directory) {
  int const fd = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) fail("cannot open", directory);
  int const done = ::fsync(fd);
  int const why = errno;
  ::close(fd);
  if (done != 0 && why != EINVAL && why != ENOTSUP) {
    errno = why;
    fail("cannot sync", directory);
  }
}

}  // namespace logboom::store
