#include "store/writer_lock.hpp"

#include "lock/process_lock.hpp"

#include <logboom/query.hpp>

#include <fmt/core.h>

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <mutex>
#include <new>
#include <set>
#include <system_error>

namespace logboom::store {
namespace {

struct OwnLocks {
  std::mutex mutex;
  pid_t owner = 0;  // a forked child starts with its parent's list and without its locks
  std::set<std::string> paths;
};

OwnLocks& own_locks() {
  static auto* const locks = new OwnLocks;  // a writer may live in a static
  return *locks;
}

bool claim(std::string const& lock_path) {
  OwnLocks& locks = own_locks();
  std::lock_guard const guard(locks.mutex);
  if (locks.owner != ::getpid()) {
    locks.owner = ::getpid();
    locks.paths.clear();
  }
  return locks.paths.insert(lock_path).second;
}

void unclaim(std::string const& lock_path) {
  OwnLocks& locks = own_locks();
  std::lock_guard const guard(locks.mutex);
  if (locks.owner == ::getpid()) locks.paths.erase(lock_path);
}

StoreError in_use(std::string const& path, std::string const& holder) {
  return StoreError(fmt::format("{} is being written by {}; stop that one, or name another file", path, holder),
                    StoreError::Kind::kLocked);
}

std::string this_process() { return fmt::format("this process, pid {}", ::getpid()); }

std::string describe(pid_t holder) {
  return holder > 0 ? fmt::format("another process, pid {}", holder)
                    : std::string("another process, on another machine or in another container");
}

/// Locks it and writes the pid into it, for people. @throws StoreError
void lock_file(int& fd, std::string const& path, std::string const& lock_path) {
  pid_t holder = 0;
  switch (lock::take(fd, holder)) {
    case lock::Result::kTaken: break;
    case lock::Result::kElsewhere: throw in_use(path, describe(holder));
    case lock::Result::kHere: fd = -1; throw in_use(path, this_process());
    case lock::Result::kError:
      throw StoreError(fmt::format("cannot lock {}: {}; put the store on a file system that has locks",
                                   lock_path, std::system_category().message(errno)));
  }
  std::string const pid = fmt::format("{}\n", ::getpid());
  // On a full disk the pid is missing and the lock holds all the same.
  if (::ftruncate(fd, 0) != 0 || ::write(fd, pid.data(), pid.size()) < 0) return;
}

}  // namespace

WriterLock::WriterLock(std::string const& path) : lock_path_(path + ".lock") {
  if (!claim(lock_path_)) throw in_use(path, this_process());
  try {
    if (lock::held_here(lock_path_.c_str())) throw in_use(path, this_process());
    fd_ = ::open(lock_path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd_ < 0) {
      throw StoreError(
          fmt::format("cannot open {}: {}; make its directory exist and writable, or name another file",
                      lock_path_, std::system_category().message(errno)));
    }
    lock_file(fd_, path, lock_path_);
  } catch (...) {
    if (fd_ >= 0) ::close(fd_);
    unclaim(lock_path_);
    throw;
  }
}

bool is_being_written(std::string const& path) noexcept try {
  std::string const lock_path = path + ".lock";
  if (!claim(lock_path)) return true;
  unclaim(lock_path);
  if (lock::held_here(lock_path.c_str())) return true;
  int const fd = ::open(lock_path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return errno != ENOENT;
  struct flock look {};
  look.l_type = F_WRLCK;
  look.l_whence = SEEK_SET;
  bool const taken = ::fcntl(fd, F_GETLK, &look) != 0 || look.l_type != F_UNLCK;
  ::close(fd);
  return taken;
} catch (std::bad_alloc const&) {
  return true;
}

WriterLock::~WriterLock() {
  if (::ftruncate(fd_, 0) != 0) {
    // Its content is for people only.
  }
  ::close(fd_);
  unclaim(lock_path_);
}

}  // namespace logboom::store
