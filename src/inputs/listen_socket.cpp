// See listen_socket.hpp.
#include "inputs/listen_socket.hpp"

#include "delivery/bind_error.hpp"
#include "delivery/loopback.hpp"
#include "inputs/peer_address.hpp"

#include <fmt/format.h>

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <utility>

namespace logboom::inputs {
namespace {

constexpr int kDatagramBuffer = 4 << 20;  // bytes of datagrams that wait in the kernel

struct HostPort {
  std::string host;
  std::string port;
};

std::string_view name_of(Transport transport) noexcept {
  switch (transport) {
    case Transport::kTcp: return "python-tcp";
    case Transport::kUdp: return "python-udp";
    case Transport::kUnix: return "python-unix";
    case Transport::kUnixDatagram: return "python-unix-datagram";
  }
  return {};
}

[[noreturn]] void malformed(Transport transport, std::string const& address, std::string_view mend) {
  throw std::invalid_argument(fmt::format("{} '{}': {}", name_of(transport), address, mend));
}

bool is_internet(Transport transport) noexcept {
  return transport == Transport::kTcp || transport == Transport::kUdp;
}

HostPort parse(Transport transport, std::string const& address) {
  HostPort parsed{"127.0.0.1", address};
  if (auto const colon = address.rfind(':'); colon != std::string::npos) {
    parsed = {address.substr(0, colon), address.substr(colon + 1)};
    if (parsed.host.starts_with('[') && parsed.host.ends_with(']'))
      parsed.host = parsed.host.substr(1, parsed.host.size() - 2);
    else if (parsed.host.find(':') != std::string::npos)
      malformed(transport, address, "write an IPv6 address in brackets, [::1]:9020");
    if (parsed.host.empty())
      malformed(transport, address, "give a host before the colon, or the port alone; * is all hosts");
  }
  unsigned port = 0;
  char const* const end = parsed.port.data() + parsed.port.size();
  auto const [stop, error] = std::from_chars(parsed.port.data(), end, port);
  if (parsed.port.empty() || error != std::errc{} || stop != end || port > 65'535)
    malformed(transport, address, "give [HOST:]PORT with a port from 0 to 65535");
  return parsed;
}

void check_path(Transport transport, std::string const& path) {
  if (path.empty()) malformed(transport, path, "give a path");
  if (path.size() >= sizeof(sockaddr_un::sun_path))
    malformed(transport, path,
              fmt::format("a path of {} bytes; the system takes {}: give a shorter one", path.size(),
                          sizeof(sockaddr_un::sun_path) - 1));
}

sockaddr_un unix_address(std::string const& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

/// Whether a socket stands at the path that no process listens to.
bool is_left_behind(std::string const& path, int type) {
  struct stat found {};
  if (::lstat(path.c_str(), &found) != 0 || !S_ISSOCK(found.st_mode)) return false;
  int const probe = ::socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (probe < 0) return false;
  auto const address = unix_address(path);
  int const result = ::connect(probe, reinterpret_cast<sockaddr const*>(&address), sizeof address);
  bool const refused = result != 0 && errno == ECONNREFUSED;
  ::close(probe);
  return refused;
}

}  // namespace

bool reaches_out(Transport transport, std::string const& address) {
  return is_internet(transport) && !delivery::is_loopback(parse(transport, address).host);
}

std::string name_of(Transport transport, std::string const& address) {
  return fmt::format("{} {}", name_of(transport), address);
}

void check_listen_address(Transport transport, std::string const& address) {
  if (is_internet(transport))
    (void)parse(transport, address);
  else
    check_path(transport, address);
}

ListenSocket::ListenSocket(Transport transport, std::string const& address) : transport_(transport) {
  try {
    if (is_internet(transport))
      bind_internet(address);
    else
      bind_path(address);
    if (is_stream()) listen_on();
  } catch (...) {
    if (fd_ >= 0) ::close(fd_);
    throw;
  }
}

ListenSocket::ListenSocket(ListenSocket&& other) noexcept
    : transport_(other.transport_),
      fd_(std::exchange(other.fd_, -1)),
      path_(std::exchange(other.path_, {})),
      inode_(other.inode_),
      text_(std::move(other.text_)) {}

ListenSocket::~ListenSocket() {
  if (fd_ >= 0) ::close(fd_);
  // Another one may have taken the path since.
  struct stat found {};
  if (!path_.empty() && ::lstat(path_.c_str(), &found) == 0 && found.st_ino == inode_)
    ::unlink(path_.c_str());
}

void ListenSocket::bind_internet(std::string const& address) {
  auto const parsed = parse(transport_, address);
  addrinfo hints{};
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  hints.ai_socktype = transport_ == Transport::kTcp ? SOCK_STREAM : SOCK_DGRAM;
  if (parsed.host == "*") hints.ai_family = AF_INET;
  addrinfo* list = nullptr;
  int const failed =
      ::getaddrinfo(parsed.host == "*" ? nullptr : parsed.host.c_str(), parsed.port.c_str(), &hints, &list);
  if (failed != 0)
    throw delivery::BindError(EADDRNOTAVAIL, fmt::format("{} '{}': {}; give an address of this machine",
                                                         name_of(transport_), address, ::gai_strerror(failed)));
  std::unique_ptr<addrinfo, void (*)(addrinfo*)> const found(list, ::freeaddrinfo);
  int error = EADDRNOTAVAIL;
  for (auto const* one = list; one != nullptr && fd_ < 0; one = one->ai_next) {
    int const fd = ::socket(one->ai_family, one->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, one->ai_protocol);
    int const on = 1;
    // A server that was restarted finds connections of the last one still ending.
    if (fd >= 0 && transport_ == Transport::kTcp) ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (fd >= 0 && ::bind(fd, one->ai_addr, one->ai_addrlen) == 0) {
      fd_ = fd;
    } else {
      error = errno;
      if (fd >= 0) ::close(fd);
    }
  }
  if (fd_ < 0)
    throw delivery::BindError(
        error,
        fmt::format("{} '{}': {}; {}", name_of(transport_), address, std::strerror(error),
                    error == EADDRINUSE ? "another program has it: stop that one or choose another port"
                                        : "choose another address"));
  if (transport_ == Transport::kUdp) {
    int const size = kDatagramBuffer;
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
  }
  PeerAddress bound;
  bound.size = sizeof bound.storage;
  ::getsockname(fd_, reinterpret_cast<sockaddr*>(&bound.storage), &bound.size);
  text_ = fmt::format("{} {}", name_of(transport_), bound.text());
}

void ListenSocket::bind_path(std::string const& path) {
  check_path(transport_, path);
  int const type = transport_ == Transport::kUnix ? SOCK_STREAM : SOCK_DGRAM;
  fd_ = ::socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  auto const address = unix_address(path);
  auto const bound = [&] {
    return fd_ >= 0 && ::bind(fd_, reinterpret_cast<sockaddr const*>(&address), sizeof address) == 0;
  };
  bool done = bound();
  if (!done && errno == EADDRINUSE && is_left_behind(path, type)) {
    ::unlink(path.c_str());
    done = bound();
  }
  if (!done) {
    int const error = errno;
    throw delivery::BindError(
        error, fmt::format("{} '{}': {}; {}", name_of(transport_), path, std::strerror(error),
                           error == EADDRINUSE
                               ? "another program listens there, or a file is in the way: choose another path"
                               : "choose a path in a directory that exists and is yours"));
  }
  struct stat made {};
  if (::lstat(path.c_str(), &made) == 0) {
    path_ = path;
    inode_ = made.st_ino;
  }
  if (transport_ == Transport::kUnixDatagram) {
    int const size = kDatagramBuffer;
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
  }
  text_ = fmt::format("{} {}", name_of(transport_), path);
}

void ListenSocket::listen_on() {
  if (::listen(fd_, SOMAXCONN) != 0) {
    int const error = errno;
    throw delivery::BindError(error,
                              fmt::format("{}: {}; choose another address", text_, std::strerror(error)));
  }
}

}  // namespace logboom::inputs
