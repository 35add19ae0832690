// Who owns a spool directory: a POSIX record lock on its file `lock`. It ends with the process, however it ends, and is not inherited by fork.
// Must not know what else is in the directory.
#pragma once

#include "spool/file_handle.hpp"

#include <sys/types.h>

#include <filesystem>
#include <optional>

namespace logboom::spool {

class SpoolLock {
 public:
  /// Nothing if somebody has it (this process included), or the directory or its lock is gone. @throws std::system_error
  static std::optional<SpoolLock> acquire(std::filesystem::path const& directory, bool create);

  SpoolLock(SpoolLock&& other) noexcept;
  SpoolLock& operator=(SpoolLock&& other) noexcept;
  ~SpoolLock();

  /// True in the process that took it; false in its forked children.
  bool mine() const noexcept;

 private:
  SpoolLock(FileHandle file, dev_t device, ino_t inode) noexcept;

  FileHandle file_;
  dev_t device_ = 0;  // of the directory
  ino_t inode_ = 0;
  pid_t owner_ = 0;  // 0: moved from
};

}  // namespace logboom::spool
