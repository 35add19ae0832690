#include "store/output_file.hpp"

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

OutputFile::OutputFile(std::string const& path, mode_t mode)
    : path_(path), fd_(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)) {
  if (fd_ < 0) fail("cannot make", path_);
}

OutputFile::~OutputFile() { ::close(fd_); }

void OutputFile::write(std::span<std::byte const> content) {
  while (!content.empty()) {
    auto const done = ::write(fd_, content.data(), content.size());
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) fail("cannot write", path_);
    content = content.subspan(static_cast<std::size_t>(done));
  }
}

void OutputFile::sync() {
  if (::fsync(fd_) != 0) fail("cannot write", path_);
}

}  // namespace logboom::store
