// See loopback.hpp.
#include "delivery/loopback.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string>

namespace logboom::delivery {

bool is_loopback(std::string_view host) {
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  if (host == "localhost" || host == "lo") return true;
  std::string const text(host);
  constexpr unsigned char kLoopbackNet = 127;
  in_addr four{};
  if (inet_pton(AF_INET, text.c_str(), &four) == 1)
    return *reinterpret_cast<unsigned char const*>(&four) == kLoopbackNet;
  in6_addr six{};
  if (inet_pton(AF_INET6, text.c_str(), &six) != 1) return false;
  return IN6_IS_ADDR_LOOPBACK(&six) || (IN6_IS_ADDR_V4MAPPED(&six) && six.s6_addr[12] == kLoopbackNet);
}

}  // namespace logboom::delivery
