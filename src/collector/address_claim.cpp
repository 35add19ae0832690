// Holding an ipc address: directory, lock file, stale sockets. Must not know sockets.
#include "collector/address_claim.hpp"

#include "delivery/bind_error.hpp"
#include "lock/process_lock.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <utility>

namespace logboom::collector {
namespace {

[[noreturn]] void refuse(std::string_view thing, int error, std::string_view reason, std::string_view mend) {
  throw delivery::BindError(error, fmt::format("{}: {}; {}", thing, reason, mend));
}

/// Makes what is missing, private to this user. What exists must not let others replace the sockets.
void prepare_directory(std::string const& endpoint, std::filesystem::path const& directory) {
  std::error_code failed;
  auto const parent = directory.parent_path();
  if (!parent.empty()) std::filesystem::create_directories(parent, failed);
  if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST)
    refuse(endpoint, errno,
           fmt::format("cannot make the directory {}: {}", directory.native(), std::strerror(errno)),
           "make it, or choose another address");
  struct stat status {};
  if (::stat(directory.c_str(), &status) != 0 || !S_ISDIR(status.st_mode))
    refuse(endpoint, ENOTDIR, fmt::format("{} is not a directory", directory.native()),
           "remove it, or choose another address");
  if (status.st_uid != ::geteuid() && status.st_uid != 0)
    refuse(
        endpoint, EPERM,
        fmt::format("the directory {} belongs to user {}, who could put other sockets in the place of these",
                    directory.native(), status.st_uid),
        "choose an address in a directory of your own");
  bool const shared = (status.st_mode & S_IWOTH) != 0 && (status.st_mode & S_ISVTX) == 0;
  if (shared)
    refuse(endpoint, EPERM, fmt::format("everybody may write to the directory {}", directory.native()),
           fmt::format("chmod 700 {}, or choose another address", directory.native()));
}

/// Other users are to reach the sockets: they must be able to go through every directory on the way.
void open_directory(std::string const& endpoint, std::filesystem::path const& directory) {
  constexpr mode_t kEnter = S_IXGRP | S_IXOTH;
  std::error_code failed;
  auto const real = std::filesystem::canonical(directory, failed);
  if (failed) refuse(endpoint, failed.value(), failed.message(), "choose another address");
  struct stat status {};
  if (::stat(real.c_str(), &status) == 0 && status.st_uid == ::geteuid() && (status.st_mode & kEnter) != kEnter)
    ::chmod(real.c_str(), (status.st_mode & 07777U) | kEnter);
  for (auto at = real; at.has_relative_path(); at = at.parent_path()) {
    if (::stat(at.c_str(), &status) == 0 && (status.st_mode & S_IXOTH) != 0) continue;
    refuse(
        endpoint, EACCES,
        fmt::format("the admitted users cannot enter {} (mode {:04o})", at.native(), status.st_mode & 07777U),
        "choose an address such as ipc:///run/logboom/bus, in directories that all may enter");
  }
}

[[noreturn]] void in_use(std::string const& endpoint, pid_t holder) {
  auto const who =
      holder > 0 ? fmt::format("another collector (pid {})", holder) : std::string("another collector");
  refuse(endpoint, EADDRINUSE, fmt::format("in use by {}", who), "stop it, or choose another address");
}

int take_lock(std::string const& endpoint, std::string const& file) {
  if (lock::held_here(file.c_str())) in_use(endpoint, ::getpid());
  int const fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0)
    refuse(endpoint, errno, fmt::format("cannot open {}: {}", file, std::strerror(errno)),
           "check the directory's owner, or choose another address");
  pid_t holder = 0;
  switch (lock::take(fd, holder)) {
    case lock::Result::kTaken: break;
    case lock::Result::kHere: in_use(endpoint, ::getpid());
    case lock::Result::kElsewhere: ::close(fd); in_use(endpoint, holder);
    case lock::Result::kError: {
      int const error = errno;
      ::close(fd);
      refuse(endpoint, error, fmt::format("cannot lock {}: {}", file, std::strerror(error)),
             "choose an address on a local file system");
    }
  }
  auto const pid = fmt::format("{}\n", ::getpid());
  // For people; nothing depends on it.
  if (::ftruncate(fd, 0) != 0 || ::pwrite(fd, pid.data(), pid.size(), 0) < 0) errno = 0;
  return fd;
}

void remove_stale(std::string const& endpoint, std::string const& socket) {
  struct stat status {};
  if (::lstat(socket.c_str(), &status) != 0) return;
  if (!S_ISSOCK(status.st_mode))
    refuse(endpoint, EEXIST, fmt::format("{} exists and is not a socket", socket),
           "move it away, or choose another address");
  ::unlink(socket.c_str());
}

}  // namespace

AddressClaim::AddressClaim(delivery::Endpoint const& endpoint, bool to_all) {
  constexpr std::string_view kScheme = "ipc://";
  auto const path = endpoint.text.substr(kScheme.size());
  auto const directory = std::filesystem::path(path).parent_path();
  if (!directory.empty()) prepare_directory(endpoint.text, directory);
  if (to_all) open_directory(endpoint.text, directory.empty() ? "." : directory);
  int const lock = take_lock(endpoint.text, path + ".lock");
  try {
    for (auto const& socket : {endpoint.push, endpoint.control, endpoint.live}) {
      sockets_.push_back(socket.substr(kScheme.size()));
      remove_stale(endpoint.text, sockets_.back());
      remove_stale(endpoint.text, sockets_.back() + kShutEnd);
    }
  } catch (...) {
    ::close(lock);
    throw;
  }
  lock_ = lock;
}

AddressClaim::AddressClaim(AddressClaim&& other) noexcept
    : sockets_(std::move(other.sockets_)), lock_(std::exchange(other.lock_, -1)) {}

AddressClaim::~AddressClaim() {
  if (lock_ < 0) return;
  for (auto const& socket : sockets_) ::unlink(socket.c_str());
  ::close(lock_);
}

std::vector<AddressClaim> claim_addresses(std::span<delivery::Endpoint const> endpoints, bool to_all) {
  std::vector<AddressClaim> claims;
  for (auto const& endpoint : endpoints) {
    if (endpoint.is_ipc()) claims.emplace_back(endpoint, to_all);
  }
  return claims;
}

}  // namespace logboom::collector
