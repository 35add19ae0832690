#include "lock/process_lock.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <ctime>
#include <map>
#include <mutex>
#include <new>
#include <utility>

namespace logboom::lock {
namespace {

// The first byte is the lock. The second is held for a moment by whoever is about to take it, since two copies of the library could otherwise both find it free.
constexpr off_t kLock = 0;
constexpr off_t kGate = 1;

struct flock byte_at(off_t offset, short type) noexcept {
  struct flock region {};
  region.l_type = type;
  region.l_whence = SEEK_SET;
  region.l_start = offset;
  region.l_len = 1;
  return region;
}

/// Who has the lock: a process, −1: not known which, 0: nobody.
pid_t holder_of(int fd) noexcept {
  auto region = byte_at(kLock, F_WRLCK);
  if (::fcntl(fd, F_OFD_GETLK, &region) != 0 || region.l_type == F_UNLCK) return 0;
  return region.l_pid > 0 ? region.l_pid : -1;
}

/// Descriptors that must not be closed. A forked child begins with none, whatever state it found its parent's mutex in.
class Kept {
 public:
  static Kept& of_this_process() {
    static std::atomic<Kept*> current{nullptr};
    Kept* found = current.load(std::memory_order_acquire);
    while (found == nullptr || found->process_ != ::getpid()) {
      auto* const fresh = new Kept;
      if (current.compare_exchange_strong(found, fresh, std::memory_order_acq_rel)) return *fresh;
      delete fresh;
    }
    return *found;
  }

  void keep(int fd) {
    struct stat status {};
    if (::fstat(fd, &status) != 0) return;
    std::lock_guard const guard(mutex_);
    files_.emplace(std::pair(status.st_dev, status.st_ino), fd);
  }

  bool is_held(struct stat const& file) {
    std::lock_guard const guard(mutex_);
    auto const known = files_.find({file.st_dev, file.st_ino});
    if (known == files_.end()) return false;
    if (holder_of(known->second) == ::getpid()) return true;
    ::close(known->second);
    files_.erase(known);
    return false;
  }

 private:
  pid_t const process_ = ::getpid();
  std::mutex mutex_;
  std::map<std::pair<dev_t, ino_t>, int> files_;
};

Result refused(int fd, pid_t held_by, pid_t& holder) {
  holder = held_by > 0 ? held_by : 0;
  if (held_by != ::getpid()) return Result::kElsewhere;
  Kept::of_this_process().keep(fd);
  return Result::kHere;
}

}  // namespace

bool held_here(char const* path) noexcept {
  struct stat status {};
  return ::lstat(path, &status) == 0 && Kept::of_this_process().is_held(status);
}

Result take(int fd, pid_t& holder) noexcept {
  constexpr int kTries = 100;
  constexpr timespec kMoment{0, 1'000'000};
  for (int i = 0; i < kTries; ++i) {
    if (auto const held_by = holder_of(fd)) return refused(fd, held_by, holder);
    auto gate = byte_at(kGate, F_WRLCK);
    if (::fcntl(fd, F_OFD_SETLK, &gate) != 0) {
      if (errno != EAGAIN && errno != EACCES) return Result::kError;
      ::nanosleep(&kMoment, nullptr);  // somebody is about to take it
      continue;
    }
    auto const held_by = holder_of(fd);
    auto region = byte_at(kLock, F_WRLCK);
    int const error = held_by != 0 || ::fcntl(fd, F_SETLK, &region) == 0 ? 0 : errno;
    gate.l_type = F_UNLCK;
    ::fcntl(fd, F_OFD_SETLK, &gate);
    if (held_by != 0) return refused(fd, held_by, holder);
    if (error == 0) return Result::kTaken;
    errno = error;
    if (error != EAGAIN && error != EACCES) return Result::kError;
  }
  holder = 0;
  return Result::kElsewhere;
}

}  // namespace logboom::lock
