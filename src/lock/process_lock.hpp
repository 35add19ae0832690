// A lock on a file that belongs to one process: it ends with the process however that ends, a forked child does not inherit it, and another copy of
// this library in the same process respects it. Depends on nothing else here; must not know what is locked.
#pragma once

#include <sys/types.h>

namespace logboom::lock {

// A POSIX record lock has the first two properties and two traps: it does not keep its own process out, and closing any descriptor of the file gives it away.
// Within one copy of the library a list of what is owned does for that; two shared libraries in one program have two lists. So the file is asked who holds the
// lock, by an open-file-description lock, which conflicts with record locks of the same process too; and a descriptor that turns out to be of a file locked
// by the other copy is kept for ever.

enum class Result {
  kTaken,      // the lock is this descriptor's process's, until the descriptor is closed
  kElsewhere,  // another process has it; close the descriptor
  kHere,       // another copy of the library in this process has it; the descriptor was kept: never close it
  kError,      // errno says why; close the descriptor
};

/// Before the file is opened: true if it is known that another copy of the library in this process holds its lock, so that it is not to be opened.
bool held_here(char const* path) noexcept;

/// Does not wait. `holder`: of kElsewhere, the process, 0: not known.
Result take(int fd, pid_t& holder) noexcept;

}  // namespace logboom::lock
