#include "spool/boot_id.hpp"

#include <fcntl.h>
#include <unistd.h>

namespace logboom::spool {

namespace {

int hex_digit(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

BootId read_boot_id() noexcept {
  BootId id{};
  int const file = ::open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
  if (file < 0) return id;
  char text[36] = {};  // a UUID: 32 digits and 4 dashes
  ssize_t const size = ::read(file, text, sizeof text);
  ::close(file);
  std::size_t digits = 0;
  for (ssize_t i = 0; i < size && digits < 2 * id.size(); ++i) {
    int const digit = hex_digit(text[i]);
    if (digit < 0) continue;
    id[digits / 2] |= static_cast<std::byte>(digits % 2 == 0 ? digit << 4 : digit);
    ++digits;
  }
  return id;
}

}  // namespace

BootId boot_id() noexcept {
  static BootId const id = read_boot_id();
  return id;
}

}  // namespace logboom::spool
