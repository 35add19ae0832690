// Addresses of a bus: docs/protocol.md, "Sockets". Only text: no socket in it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace logboom::delivery {

struct Endpoint {
  std::string text;  // as given, normalised: "tcp://hub:7514", "ipc:///run/user/0/logboom/bus"
  std::string push, control,
      live;  // what the three sockets connect to or bind; with tcp port 0 all three end in ":0" and the system chooses

  bool is_ipc() const noexcept;
};

/// Longest PATH of ipc://PATH: what the system takes for a socket's path (107 bytes) less the longest ending (".push").
inline constexpr std::size_t kMaxIpcPath = 102;
inline constexpr unsigned kDefaultPort = 7514;

/// @throws std::invalid_argument: one line with the text, the reason (unknown transport, port range, ipc path over 102 bytes …) and the mend.
Endpoint parse_endpoint(std::string_view text);
/// Of a collector, which is a process of its own: no inproc://. @throws std::invalid_argument
Endpoint parse_served_endpoint(std::string_view text);
/// Of one ZeroMQ socket, as libzmq takes it. Looks at tcp:// and ipc:// only as far as a slip shows. @throws std::invalid_argument
void check_socket_address(std::string_view text);
/// Comma-separated; never empty: `argument`, else LOGBOOM_ENDPOINT, else the default. One that is named twice counts once. @throws std::invalid_argument
std::vector<Endpoint> resolve_endpoints(std::string_view argument);
/// ipc://$XDG_RUNTIME_DIR/logboom/bus, or ipc:///tmp/logboom-UID/bus where the variable is unset.
std::string default_endpoint();

}  // namespace logboom::delivery
