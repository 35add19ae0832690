#include "spool/random_bytes.hpp"

#include <sys/random.h>

#include <cerrno>
#include <system_error>

namespace logboom::spool {

void random_bytes(std::span<std::byte> out) {
  while (!out.empty()) {
    ssize_t const got = ::getrandom(out.data(), out.size(), 0);
    if (got > 0) {
      out = out.subspan(static_cast<std::size_t>(got));
    } else if (errno != EINTR) {
      throw std::system_error(errno, std::generic_category(), "getrandom");
    }
  }
}

}  // namespace logboom::spool
