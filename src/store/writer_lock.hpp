// The right to write a store, held through `PATH.lock` for as long as this object lives, and no longer than the process.
// Must not know SQLite.
#pragma once

#include <string>

namespace logboom::store {

/// A POSIX record lock: the system drops it at the process's death, a forked child does not inherit it, and it tells
/// who holds it. Such locks do not keep a process from itself, so that a list of the process's own locks does.
/// The lock's file stays when the lock is gone (unlinking it would let two writers each lock a file of their own).
class WriterLock {
 public:
  /// `path`: the store's file, absolute. @throws StoreError (kLocked, with the other writer's pid; or the lock's file cannot be opened).
  explicit WriterLock(std::string const& path);
  ~WriterLock();
  WriterLock(WriterLock const&) = delete;
  WriterLock& operator=(WriterLock const&) = delete;

 private:
  std::string lock_path_;
  int fd_ = -1;
};

/// Somebody has the lock, this process included. Takes and makes nothing.
bool is_being_written(std::string const& path) noexcept;

}  // namespace logboom::store
