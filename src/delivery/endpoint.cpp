// Addresses of a bus, from text to what the three sockets connect to. Must not know sockets.
#include "delivery/endpoint.hpp"

#include <fmt/format.h>

#include <unistd.h>
#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <stdexcept>

namespace logboom::delivery {
namespace {

constexpr std::string_view kTcp = "tcp://";
constexpr std::string_view kIpc = "ipc://";
constexpr std::string_view kInproc = "inproc://";
constexpr unsigned kMaxPort = 65'533;  // the control and the live socket take the two ports after it

[[noreturn]] void refuse(std::string_view text, std::string_view reason, std::string_view mend) {
  throw std::invalid_argument(fmt::format("endpoint '{}': {}; {}", text, reason, mend));
}

std::string_view trim(std::string_view text) noexcept {
  auto const first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

unsigned parse_port(std::string_view text, std::string_view digits) {
  unsigned port = 0;
  auto const [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc{} || end != digits.data() + digits.size() || port > kMaxPort)
    refuse(text, fmt::format("'{}' is not a port", digits),
           fmt::format(
               "give a number from 0 (the system chooses) to {} (the two ports after it are used as well)",
               kMaxPort));
  return port;
}

Endpoint tcp(std::string_view text) {
  auto const address = text.substr(kTcp.size());
  // A colon inside [::1] is the address's own.
  auto const bracket = address.rfind(']');
  auto const colon = address.find(':', bracket == std::string_view::npos ? 0 : bracket);
  auto const host = address.substr(0, colon);
  if (bracket == std::string_view::npos && colon != std::string_view::npos &&
      address.find(':', colon + 1) != std::string_view::npos)
    refuse(text, "more than one colon", "write an IPv6 address in brackets: tcp://[ADDRESS]:PORT");
  if (host.empty()) refuse(text, "the host is missing", "write tcp://HOST:PORT");
  if (host.find_first_of("/;@ ") != std::string_view::npos)
    refuse(text, fmt::format("'{}' is not a host", host), "write tcp://HOST:PORT");
  if ((host.front() == '[') != (bracket != std::string_view::npos))
    refuse(text, "a bracket is not paired", "write an IPv6 address as tcp://[ADDRESS]:PORT");
  auto const port =
      colon == std::string_view::npos ? kDefaultPort : parse_port(text, address.substr(colon + 1));
  auto const at = [&](unsigned offset) {
    return fmt::format("tcp://{}:{}", host, port == 0 ? 0 : port + offset);
  };
  return {at(0), at(0), at(1), at(2)};
}

Endpoint named(std::string_view text) {
  return {std::string(text), fmt::format("{}.push", text), fmt::format("{}.ctl", text),
          fmt::format("{}.pub", text)};
}

Endpoint ipc(std::string_view text) {
  auto const path = text.substr(kIpc.size());
  if (path.empty()) refuse(text, "the path is missing", "write ipc:///PATH");
  if (path.front() == '@')
    refuse(text, "an abstract socket has no permissions, so any user could connect",
           "give a path in a directory of your own");
  if (path.back() == '/') refuse(text, "the path is a directory", "add a name, such as bus");
  if (path.size() > kMaxIpcPath)
    refuse(text, fmt::format("the path has {} bytes, the system takes {}", path.size(), kMaxIpcPath),
           "give a shorter path");
  if (path.find('\0') != std::string_view::npos)
    refuse(text, "the path contains a NUL", "give a path without it");
  return named(text);
}

}  // namespace

bool Endpoint::is_ipc() const noexcept { return text.starts_with(kIpc); }

Endpoint parse_endpoint(std::string_view given) {
  auto const text = trim(given);
  if (text.find(',') != std::string_view::npos)
    refuse(text, "it has a comma, which separates addresses", "give each by itself, and a path that has none");
  if (text.starts_with(kTcp)) return tcp(text);
  if (text.starts_with(kIpc)) return ipc(text);
  if (text.starts_with(kInproc)) {
    if (text.size() == kInproc.size()) refuse(text, "the name is missing", "write inproc://NAME");
    return named(text);
  }
  if (text.empty()) refuse(text, "it is empty", "write tcp://HOST:PORT or ipc:///PATH");
  auto const scheme = text.find("://");
  if (scheme != std::string_view::npos)
    refuse(text, fmt::format("unknown transport '{}'", text.substr(0, scheme)),
           "write tcp://HOST:PORT or ipc:///PATH");
  if (text.front() == '/') refuse(text, "the transport is missing", fmt::format("write ipc://{}", text));
  refuse(text, "the transport is missing", fmt::format("write tcp://{}", text));
}

Endpoint parse_served_endpoint(std::string_view text) {
  auto endpoint = parse_endpoint(text);
  if (endpoint.text.starts_with(kInproc))
    refuse(endpoint.text, "a collector serves other processes", "give ipc:// or tcp://");
  return endpoint;
}

void check_socket_address(std::string_view text) {
  constexpr std::string_view kMend = "write tcp://HOST:PORT or ipc:///PATH";
  auto const scheme = text.find("://");
  if (scheme == std::string_view::npos || scheme == 0) refuse(text, "the transport is missing", kMend);
  auto const rest = text.substr(scheme + 3);
  if (rest.empty()) refuse(text, "the address is missing", kMend);
  if (!text.starts_with(kTcp)) return;
  auto const port = rest.substr(rest.rfind(':') + 1);
  if (port.size() == rest.size() || port.empty()) refuse(text, "the port is missing", kMend);
  unsigned number = 0;
  auto const [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  bool const is_number = error == std::errc{} && end == port.data() + port.size() && number <= 65'535;
  if (!is_number && port != "*") refuse(text, fmt::format("'{}' is not a port", port), kMend);
}

std::vector<Endpoint> resolve_endpoints(std::string_view argument) {
  std::string source(trim(argument));
  if (source.empty()) {
    if (char const* variable = std::getenv("LOGBOOM_ENDPOINT")) source = trim(variable);
  }
  if (source.empty()) source = default_endpoint();

  std::vector<Endpoint> endpoints;
  for (std::size_t at = 0; at <= source.size();) {
    auto const comma = std::min(source.find(',', at), source.size());
    auto endpoint = parse_endpoint(std::string_view(source).substr(at, comma - at));
    auto const known = std::any_of(endpoints.begin(), endpoints.end(),
                                   [&](Endpoint const& other) { return other.text == endpoint.text; });
    if (!known) endpoints.push_back(std::move(endpoint));
    at = comma + 1;
  }
  return endpoints;
}

std::string default_endpoint() {
  char const* directory = std::getenv("XDG_RUNTIME_DIR");
  if (directory != nullptr && *directory != '\0') return fmt::format("ipc://{}/logboom/bus", directory);
  return fmt::format("ipc:///tmp/logboom-{}/bus", ::getuid());
}

}  // namespace logboom::delivery
