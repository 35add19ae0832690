#include "cli/descriptors.hpp"

#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <cerrno>
#include <ctime>

namespace logboom::cli {
namespace {

rlim_t limit_of_descriptors() noexcept {
  rlimit limit{};
  return ::getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : RLIM_INFINITY;
}

/// The queue of who waits to be accepted does not get shorter by itself: whoever asks for the next one at once would do nothing else.
void rest() noexcept {
  timespec const millisecond{0, 1'000'000};
  ::nanosleep(&millisecond, nullptr);
}

}  // namespace

void raise_descriptor_limit() noexcept {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace logboom::cli

/// In place of the C library's, also for the libraries that this program uses. Meant is ZeroMQ, which makes its sockets non-blocking afterwards; who asks for that here
/// is our own, and knows what to do without descriptors.
extern "C" __attribute__((visibility("default"))) int accept4(int listener, sockaddr* address,
                                                              socklen_t* size, int flags) {
  using namespace logboom::cli;
  auto const accepted = static_cast<int>(::syscall(SYS_accept4, listener, address, size, flags));
  if ((flags & SOCK_NONBLOCK) != 0) return accepted;
  if (accepted < 0) {
    if (errno != EMFILE) return accepted;
    rest();
  } else {
    if (static_cast<rlim_t>(accepted) + kKeptDescriptors < limit_of_descriptors()) return accepted;
    ::close(accepted);
  }
  errno = ECONNABORTED;
  return -1;
}
