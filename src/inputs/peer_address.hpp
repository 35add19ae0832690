// Who is at the other end of a socket. Must not know what he sends.
#pragma once

#include <string>

#include <sys/socket.h>

namespace logboom::inputs {

struct PeerAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;

  sockaddr const* get() const noexcept { return reinterpret_cast<sockaddr const*>(&storage); }
  /// Of this machine: loopback, or no network at all (Unix).
  bool is_local() const noexcept;
  /// "192.0.2.7"; an IPv4 address that came by an IPv6 socket as such. Empty if it is of no network.
  std::string host() const;
  /// "192.0.2.7:40312", "a local process".
  std::string text() const;
};

}  // namespace logboom::inputs
