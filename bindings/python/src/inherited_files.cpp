// Finding the parent's sockets among the descriptors of a child. Must not know collectors.
#include "inherited_files.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <charconv>
#include <cstring>
#include <exception>
#include <filesystem>
#include <set>
#include <string_view>

namespace logboom::python {
namespace {

struct Served {
  std::set<unsigned> ports;
  std::set<std::string> paths;  // of sockets
  std::set<std::string> locks;
};

unsigned port_of(std::string_view address) {
  unsigned port = 0;
  auto const digits = address.substr(address.rfind(':') + 1);
  std::from_chars(digits.data(), digits.data() + digits.size(), port);
  return port;
}

Served served(std::vector<std::string> const& endpoints, std::vector<std::string> const& inputs) {
  constexpr std::string_view kIpc = "ipc://";
  Served all;
  for (std::string_view const endpoint : endpoints) {
    if (endpoint.starts_with(kIpc)) {
      std::string const path(endpoint.substr(kIpc.size()));
      for (auto const* const ending : {".push", ".ctl", ".pub"}) all.paths.insert(path + ending);
      all.locks.insert(path + ".lock");
    } else if (auto const port = port_of(endpoint); port != 0) {
      for (unsigned i = 0; i < 3; ++i) all.ports.insert(port + i);
    }
  }
  for (std::string_view const input : inputs) {
    auto const address = input.substr(input.find(' ') + 1);
    if (address.find('/') != std::string_view::npos) {
      all.paths.insert(std::string(address));
    } else if (auto const port = port_of(address); port != 0) {
      all.ports.insert(port);
    }
  }
  return all;
}

bool is_served(int fd, std::string const& target, Served const& all) {
  if (all.locks.contains(target)) return true;
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) return false;
  if (address.ss_family == AF_UNIX) {
    auto const& local = reinterpret_cast<sockaddr_un const&>(address);
    return size > sizeof(sa_family_t) &&
           all.paths.contains(std::string(local.sun_path, ::strnlen(local.sun_path, sizeof local.sun_path)));
  }
  if (address.ss_family == AF_INET)
    return all.ports.contains(ntohs(reinterpret_cast<sockaddr_in const&>(address).sin_port));
  if (address.ss_family == AF_INET6)
    return all.ports.contains(ntohs(reinterpret_cast<sockaddr_in6 const&>(address).sin6_port));
  return false;
}

}  // namespace

void close_inherited_files(std::vector<std::string> const& endpoints,
                           std::vector<std::string> const& inputs) noexcept try {
  auto const all = served(endpoints, inputs);
  int const nothing = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  if (nothing < 0) return;
  std::vector<int> found;
  for (auto const& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    auto const name = entry.path().filename().native();
    int fd = -1;
    std::from_chars(name.data(), name.data() + name.size(), fd);
    std::error_code failed;
    auto const target = std::filesystem::read_symlink(entry.path(), failed).native();
    if (fd >= 0 && !failed && is_served(fd, target, all)) found.push_back(fd);
  }
  for (int const fd : found) ::dup3(nothing, fd, O_CLOEXEC);
  ::close(nothing);
} catch (std::exception const&) {
  return;  // no /proc, or no memory: they stay open
}

}  // namespace logboom::python
