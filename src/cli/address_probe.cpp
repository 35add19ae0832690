// Plain sockets and locks. Must not know what is spoken there.
#include "cli/address_probe.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <cerrno>
#include <cstring>
#include <memory>
#include <string_view>

namespace logboom::cli {
namespace {

constexpr std::string_view kIpc = "ipc://";
constexpr std::string_view kTcp = "tcp://";

class Socket {
 public:
  explicit Socket(int family) : fd_(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {}
  ~Socket() {
    if (fd_ >= 0) ::close(fd_);
  }
  Socket(Socket const&) = delete;
  Socket& operator=(Socket const&) = delete;

  /// 0, or why not.
  int connect(sockaddr const* address, socklen_t size, std::chrono::milliseconds timeout) const {
    if (fd_ < 0) return errno;
    if (::connect(fd_, address, size) == 0) return 0;
    if (errno == EAGAIN) return 0;  // a Unix socket whose queue is full: somebody listens, and is busy
    if (errno != EINPROGRESS) return errno;
    pollfd item{fd_, POLLOUT, 0};
    if (::poll(&item, 1, static_cast<int>(timeout.count())) <= 0) return ETIMEDOUT;
    int error = 0;
    socklen_t error_size = sizeof error;
    return ::getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &error_size) == 0 ? error : errno;
  }

 private:
  int const fd_;
};

Probe outcome(int error) { return {error == 0, error, error == 0 ? std::string() : std::strerror(error)}; }

Probe probe_path(std::string const& path, std::chrono::milliseconds timeout) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return outcome(ENAMETOOLONG);
  std::memcpy(address.sun_path, path.data(), path.size());
  return outcome(Socket(AF_UNIX).connect(reinterpret_cast<sockaddr const*>(&address), sizeof address, timeout));
}

Probe probe_port(std::string_view address, std::chrono::milliseconds timeout) {
  auto const colon = address.rfind(':');
  std::string host(address.substr(0, colon));
  std::string const port(address.substr(colon + 1));
  if (host.size() > 2 && host.front() == '[') host = host.substr(1, host.size() - 2);
  if (host == "*") host = "127.0.0.1";
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (int const failed = ::getaddrinfo(host.c_str(), port.c_str(), &wanted, &found); failed != 0)
    return {false, 0, fmt::format("the host {} has no address: {}", host, ::gai_strerror(failed))};
  std::unique_ptr<addrinfo, void (*)(addrinfo*)> const owned(found, ::freeaddrinfo);
  int error = EADDRNOTAVAIL;
  for (auto const* one = found; one != nullptr && error != 0; one = one->ai_next)
    error = Socket(one->ai_family).connect(one->ai_addr, one->ai_addrlen, timeout);
  return outcome(error);
}

}  // namespace

std::string path_of(std::string const& address) { return address.substr(kIpc.size()); }

Probe probe(std::string const& address, std::chrono::milliseconds timeout) {
  return address.starts_with(kIpc) ? probe_path(path_of(address), timeout)
                                   : probe_port(std::string_view(address).substr(kTcp.size()), timeout);
}

pid_t holder_of_lock(std::string const& file) {
  int const fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return 0;
  struct flock region {};
  region.l_type = F_WRLCK;
  region.l_whence = SEEK_SET;
  // An open-file-description lock is asked for, so that closing the file gives nothing away.
  bool const held = ::fcntl(fd, F_OFD_GETLK, &region) == 0 && region.l_type != F_UNLCK;
  ::close(fd);
  if (!held) return 0;
  return region.l_pid > 0 ? region.l_pid : -1;
}

}  // namespace logboom::cli
