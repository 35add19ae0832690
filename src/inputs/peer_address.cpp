// See peer_address.hpp.
#include "inputs/peer_address.hpp"

#include <fmt/format.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <array>
#include <cstring>

namespace logboom::inputs {
namespace {

in6_addr const* six(PeerAddress const& address) noexcept {
  return address.storage.ss_family == AF_INET6
             ? &reinterpret_cast<sockaddr_in6 const*>(&address.storage)->sin6_addr
             : nullptr;
}

/// Its four bytes, also of ::ffff:192.0.2.7.
unsigned char const* four(PeerAddress const& address) noexcept {
  if (address.storage.ss_family == AF_INET)
    return reinterpret_cast<unsigned char const*>(
        &reinterpret_cast<sockaddr_in const*>(&address.storage)->sin_addr);
  auto const* const wide = six(address);
  return wide != nullptr && IN6_IS_ADDR_V4MAPPED(wide) ? wide->s6_addr + 12 : nullptr;
}

unsigned port(PeerAddress const& address) noexcept {
  if (address.storage.ss_family == AF_INET)
    return ntohs(reinterpret_cast<sockaddr_in const*>(&address.storage)->sin_port);
  return ntohs(reinterpret_cast<sockaddr_in6 const*>(&address.storage)->sin6_port);
}

}  // namespace

bool PeerAddress::is_local() const noexcept {
  if (auto const* const bytes = four(*this)) return bytes[0] == 127;
  auto const* const wide = six(*this);
  return wide == nullptr || IN6_IS_ADDR_LOOPBACK(wide);
}

std::string PeerAddress::host() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (auto const* const bytes = four(*this))
    return ::inet_ntop(AF_INET, bytes, text.data(), text.size()) == nullptr ? "" : text.data();
  auto const* const wide = six(*this);
  return wide == nullptr || ::inet_ntop(AF_INET6, wide, text.data(), text.size()) == nullptr ? "" : text.data();
}

std::string PeerAddress::text() const {
  auto const address = host();
  if (address.empty()) return "a local process";
  bool const wide = address.find(':') != std::string::npos;
  return fmt::format("{}{}{}:{}", wide ? "[" : "", address, wide ? "]" : "", port(*this));
}

}  // namespace logboom::inputs
