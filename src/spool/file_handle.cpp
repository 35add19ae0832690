#include "spool/file_handle.hpp"

#include "spool/spool_error.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>

namespace logboom::spool {

void throw_system_error(int error, char const* what, std::filesystem::path const& path) {
  throw std::system_error(error, std::generic_category(), std::string(what) + " " + path.string());
}

std::error_code file_limit(std::uint64_t size) noexcept {
  rlimit limit{};
  if (::getrlimit(RLIMIT_FSIZE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY || size <= limit.rlim_cur)
    return {};
  return std::make_error_code(std::errc::file_too_large);
}

bool may_pass(std::error_code const& error) noexcept {
  return error == std::errc::too_many_files_open || error == std::errc::too_many_files_open_in_system ||
         error == std::errc::not_enough_memory || error == std::errc::no_space_on_device ||
         error == std::error_code(EDQUOT, std::generic_category());
}

void refuse_stranger(uid_t owner, std::filesystem::path const& path) {
  if (owner == ::geteuid() || owner == 0) return;
  throw SpoolError(
      path.string() + " belongs to user " + std::to_string(owner) +
      ", who could forge what is in it or cut it off under its reader: let that user recover it");
}

FileHandle FileHandle::open(std::filesystem::path path, int flags) {
  // O_NONBLOCK: a FIFO under a name of ours must not hold up whoever opens it
  int const fd = ::open(path.c_str(), flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
  if (fd < 0) throw_system_error(errno, "cannot open", path);
  FileHandle handle(std::move(path), fd);
  struct stat status {};
  if (::fstat(fd, &status) != 0) throw_system_error(errno, "cannot look at", handle.path_);
  if (!S_ISREG(status.st_mode)) throw_system_error(EINVAL, "not a regular file:", handle.path_);
  refuse_stranger(status.st_uid, handle.path_);
  return handle;
}

FileHandle& FileHandle::operator=(FileHandle&& other) noexcept {
  if (this != &other) {
    close();
    path_ = std::move(other.path_);
    fd_ = std::exchange(other.fd_, -1);
  }
  return *this;
}

void FileHandle::close() noexcept {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

std::uint64_t FileHandle::size() const {
  struct stat status {};
  if (::fstat(fd_, &status) != 0) throw_system_error(errno, "cannot look at", path_);
  return static_cast<std::uint64_t>(status.st_size);
}

std::error_code FileHandle::write_at(std::uint64_t offset, std::span<std::byte const> bytes) const noexcept {
  if (auto const error = file_limit(offset + bytes.size())) return error;
  while (!bytes.empty()) {
    ssize_t const done = ::pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (done < 0) {
      if (errno == EINTR) continue;
      return {errno, std::generic_category()};
    }
    if (done == 0) return std::make_error_code(std::errc::no_space_on_device);
    bytes = bytes.subspan(static_cast<std::size_t>(done));
    offset += static_cast<std::uint64_t>(done);
  }
  return {};
}

std::error_code FileHandle::allocate(std::uint64_t size) const noexcept {
  if (auto const error = file_limit(size)) return error;
  int error = 0;
  do error = ::posix_fallocate(fd_, 0, static_cast<off_t>(size));
  while (error == EINTR);
  return {error, std::generic_category()};
}

std::error_code FileHandle::truncate(std::uint64_t size) const noexcept {
  if (::ftruncate(fd_, static_cast<off_t>(size)) == 0) return {};
  return {errno, std::generic_category()};
}

std::size_t FileHandle::read_at(std::uint64_t offset, std::span<std::byte> bytes) const {
  std::size_t total = 0;
  while (total < bytes.size()) {
    ssize_t const done =
        ::pread(fd_, bytes.data() + total, bytes.size() - total, static_cast<off_t>(offset + total));
    if (done < 0) {
      if (errno == EINTR) continue;
      throw_system_error(errno, "cannot read", path_);
    }
    if (done == 0) break;
    total += static_cast<std::size_t>(done);
  }
  return total;
}

}  // namespace logboom::spool
