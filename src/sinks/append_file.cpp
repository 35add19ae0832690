// Appending whole records: see append_file.hpp.
#include "sinks/append_file.hpp"

#include "sinks/file_names.hpp"
#include "sinks/log_file_error.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <limits>
#include <utility>

namespace logboom::sinks {
namespace {

using posix::Descriptor;

constexpr int kAttempts = 16;  // against somebody who moves the file away all the time
// Without O_NONBLOCK a pipe would wait for its reader before it is seen to be one.
constexpr int kFlags = O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;

void make_directory_of(std::string const& path) {
  auto const directory = directory_of(path);
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) throw LogFileError::about(error.value(), "make the directory", directory);
}

Descriptor make(std::string const& path, std::optional<mode_t> mode) {
  constexpr mode_t kDefault = 0666;
  auto const open = [&] {
    return Descriptor(::open(path.c_str(), kFlags | O_CREAT | O_EXCL, mode.value_or(kDefault)));
  };
  auto fd = open();
  if (!fd && errno == ENOENT) {
    make_directory_of(path);
    fd = open();
  }
  // The umask may have taken some away; nothing was readable by more than `mode` says in between.
  if (fd && mode && ::fchmod(fd.get(), *mode) != 0)
    throw LogFileError::about(errno, "set the permissions of", path);
  return fd;
}

Descriptor open_or_make(std::string const& path, std::optional<mode_t> mode) {
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    Descriptor fd(::open(path.c_str(), kFlags));
    if (!fd && errno == ENOENT) fd = make(path, mode);
    if (fd) return fd;
    if (errno != EEXIST) break;
  }
  throw LogFileError::about(errno, "open", path);
}

std::uint64_t size_limit() noexcept {
  rlimit limit{};
  if (::getrlimit(RLIMIT_FSIZE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
    return std::numeric_limits<std::uint64_t>::max();
  return limit.rlim_cur;
}

}  // namespace

AppendFile::AppendFile(std::string path, std::optional<mode_t> mode) : path_(std::move(path)) {
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    fd_ = open_or_make(path_, mode);
    struct stat status {};
    if (::fstat(fd_.get(), &status) != 0) throw LogFileError::about(errno, "open", path_);
    regular_ = S_ISREG(status.st_mode);
    if (!regular_ && !S_ISCHR(status.st_mode)) throw LogFileError::about(ENXIO, "append to", path_);
    device_ = status.st_dev;
    inode_ = status.st_ino;
    modified_ = status.st_mtim.tv_sec;
    if (regular_) lock();
    // Whoever had the lock may have rotated the file meanwhile.
    if (!moved()) {
      if (::fcntl(fd_.get(), F_SETFL, O_APPEND) != 0) throw LogFileError::about(errno, "open", path_);
      look();
      end_last_line();
      return;
    }
  }
  throw LogFileError::about(EBUSY, "open", path_);
}

void AppendFile::lock() const {
  while (::flock(fd_.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EINTR) continue;
    if (errno == EWOULDBLOCK) {
      throw LogFileError(EBUSY,
                         fmt::format("cannot append to {}: another process, or another sink of this one, "
                                     "appends to it; stop that one, or name another file",
                                     path_));
    }
    return;  // a file system without locks
  }
}

void AppendFile::end_last_line() {
  if (!regular_ || size_ == 0) return;
  Descriptor const fd(::open(path_.c_str(), O_RDONLY | O_CLOEXEC));
  char last = '\n';  // also if it may not be read
  if (fd && ::pread(fd.get(), &last, 1, static_cast<off_t>(size_ - 1)) == 1) unended_ = last != '\n';
}

bool AppendFile::moved() const noexcept {
  struct stat status {};
  if (::stat(path_.c_str(), &status) != 0) return errno == ENOENT || errno == ENOTDIR;
  return status.st_dev != device_ || status.st_ino != inode_;
}

void AppendFile::look() {
  struct stat status {};
  if (::fstat(fd_.get(), &status) != 0) throw LogFileError::about(errno, "append to", path_);
  size_ = regular_ ? static_cast<std::uint64_t>(status.st_size) : 0;
}

void AppendFile::refresh() {
  if (torn_ > 0 && !cut()) throw LogFileError::about(errno, "cut a half record off", path_);
  look();
  if (!unended_) return;
  int error = size_ < size_limit() ? 0 : EFBIG;
  if (error == 0) size_ += write("\n", error);
  if (error != 0) throw LogFileError::about(error, "append to", path_);
  unended_ = false;
}

void AppendFile::append(LogChunk& chunk, std::size_t count) {
  auto const limit = regular_ ? size_limit() : std::numeric_limits<std::uint64_t>::max();
  while (count > 0 && size_ + chunk.end_of(count - 1) > limit) --count;
  if (count == 0) throw LogFileError::about(EFBIG, "append to", path_);
  int error = 0;
  auto const end = chunk.end_of(count - 1);
  std::uint64_t const written = write(chunk.bytes(0, end), error);
  while (count > 0 && chunk.end_of(count - 1) > written) --count;
  auto const whole = count > 0 ? chunk.end_of(count - 1) : 0;
  if (regular_) {
    size_ += whole;
    torn_ = written - whole;
  }
  chunk.drop(count);
  if (torn_ > 0) cut();
  if (error != 0) throw LogFileError::about(error, "append to", path_);
}

std::size_t AppendFile::write(std::string_view bytes, int& error) const noexcept {
  std::size_t written = 0;
  while (written < bytes.size()) {
    auto const size = ::write(fd_.get(), bytes.data() + written, bytes.size() - written);
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) {
      error = size < 0 ? errno : EIO;
      break;
    }
    written += static_cast<std::size_t>(size);
  }
  return written;
}

/// @return false, with errno: what is torn is still there
bool AppendFile::cut() noexcept {
  struct stat status {};
  if (::fstat(fd_.get(), &status) != 0) return false;
  if (static_cast<std::uint64_t>(status.st_size) != size_ + torn_) {
    // What somebody else has appended meanwhile is not ours to cut off.
    size_ = static_cast<std::uint64_t>(status.st_size);
    end_last_line();
  } else if (::ftruncate(fd_.get(), static_cast<off_t>(size_)) != 0) {
    return false;
  }
  torn_ = 0;
  return true;
}

}  // namespace logboom::sinks
