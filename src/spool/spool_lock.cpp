#include "spool/spool_lock.hpp"

#include "lock/process_lock.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <mutex>
#include <set>
#include <utility>

namespace logboom::spool {

namespace {

// The directories this process owns. Closing any descriptor of a lock file would give the lock away, so that one of one's own must not be opened again.
// A forked child begins with none: it gets a registry of its own, whatever state it found its parent's mutex in.
class Owned {
 public:
  static Owned& of_this_process() {
    static std::atomic<Owned*> current{nullptr};
    Owned* found = current.load(std::memory_order_acquire);
    while (found == nullptr || found->process_ != ::getpid()) {
      auto* const fresh = new Owned;
      if (current.compare_exchange_strong(found, fresh, std::memory_order_acq_rel)) return *fresh;
      delete fresh;
    }
    return *found;
  }

  bool claim(dev_t device, ino_t inode) {
    std::lock_guard const lock(mutex_);
    return directories_.emplace(device, inode).second;
  }
  void give_up(dev_t device, ino_t inode) noexcept {
    std::lock_guard const lock(mutex_);
    directories_.erase({device, inode});
  }

 private:
  pid_t process_ = ::getpid();
  std::mutex mutex_;
  std::set<std::pair<dev_t, ino_t>> directories_;
};

}  // namespace

SpoolLock::SpoolLock(FileHandle file, dev_t device, ino_t inode) noexcept
    : file_(std::move(file)), device_(device), inode_(inode), owner_(::getpid()) {}

std::optional<SpoolLock> SpoolLock::acquire(std::filesystem::path const& directory, bool create) {
  struct stat status {};
  if (::lstat(directory.c_str(), &status) != 0) {
    if (errno == ENOENT) return std::nullopt;
    throw_system_error(errno, "cannot look at", directory);
  }
  if (S_ISDIR(status.st_mode)) refuse_stranger(status.st_uid, directory);
  if (!S_ISDIR(status.st_mode) || !Owned::of_this_process().claim(status.st_dev, status.st_ino))
    return std::nullopt;
  SpoolLock lock(FileHandle(), status.st_dev, status.st_ino);
  if (lock::held_here((directory / "lock").c_str())) return std::nullopt;
  try {
    lock.file_ = FileHandle::open(directory / "lock", create ? O_RDWR | O_CREAT : O_RDWR);
  } catch (std::system_error const& error) {
    if (error.code().value() == ENOENT) return std::nullopt;
    throw;
  }
  pid_t holder = 0;
  switch (lock::take(lock.file_.fd(), holder)) {
    case lock::Result::kTaken: break;
    case lock::Result::kElsewhere: return std::nullopt;
    case lock::Result::kHere: (void)lock.file_.release(); return std::nullopt;
    case lock::Result::kError: throw_system_error(errno, "cannot lock", lock.file_.path());
  }
  // Whoever had it before may have removed the directory just before giving it up.
  if (::fstat(lock.file_.fd(), &status) != 0 || status.st_nlink == 0) return std::nullopt;
  return lock;
}

SpoolLock::SpoolLock(SpoolLock&& other) noexcept
    : file_(std::move(other.file_)),
      device_(other.device_),
      inode_(other.inode_),
      owner_(std::exchange(other.owner_, 0)) {}

SpoolLock& SpoolLock::operator=(SpoolLock&& other) noexcept {
  std::swap(file_, other.file_);
  std::swap(device_, other.device_);
  std::swap(inode_, other.inode_);
  std::swap(owner_, other.owner_);
  return *this;
}

SpoolLock::~SpoolLock() {
  bool const registered = mine();
  file_.close();
  if (registered) Owned::of_this_process().give_up(device_, inode_);
}

bool SpoolLock::mine() const noexcept { return owner_ != 0 && owner_ == ::getpid(); }

}  // namespace logboom::spool
