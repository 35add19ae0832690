// SIGXFSZ and a thread of the host that works for the library. Must not know what it writes.
#pragma once

#include <pthread.h>
#include <cerrno>
#include <csignal>
#include <ctime>

namespace logboom::posix {

/// While it lives, what this thread writes beyond RLIMIT_FSIZE fails with EFBIG, as on a full disk, whatever the program does with SIGXFSZ (it ends by default): the signal goes to
/// the thread that wrote, is held back, and is taken off at the end. How signals are handled is the program's, and is not touched. Threads that are begun meanwhile inherit it.
class FileSizeSignal {
 public:
  FileSizeSignal() noexcept {
    sigemptyset(&signal_);
    sigaddset(&signal_, SIGXFSZ);
    sigset_t pending;
    sigpending(&pending);
    hosts_ = sigismember(&pending, SIGXFSZ) != 0;
    pthread_sigmask(SIG_BLOCK, &signal_, &before_);
  }
  ~FileSizeSignal() {
    int const error = errno;
    timespec const now{};
    while (!hosts_ && sigtimedwait(&signal_, nullptr, &now) < 0 && errno == EINTR) {
    }
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
    errno = error;
  }
  FileSizeSignal(FileSizeSignal const&) = delete;
  FileSizeSignal& operator=(FileSizeSignal const&) = delete;

 private:
  sigset_t signal_, before_;
  bool hosts_;  // one was pending before: it is not ours to take
};

}  // namespace logboom::posix
