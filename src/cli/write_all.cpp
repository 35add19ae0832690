#include "cli/write_all.hpp"

#include <poll.h>
#include <unistd.h>

#include <cerrno>

namespace logboom::cli {

int write_all(int fd, std::string_view bytes) noexcept {
  while (!bytes.empty()) {
    auto const written = ::write(fd, bytes.data(), bytes.size());
    if (written >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno == EAGAIN) {
      pollfd room{fd, POLLOUT, 0};
      ::poll(&room, 1, -1);  // whatever it says, the next write knows better
    } else if (errno != EINTR) {
      return errno;
    }
  }
  return 0;
}

}  // namespace logboom::cli
