// Names of one bus: see same_bus.hpp.
#include "publisher/same_bus.hpp"

#include "delivery/loopback.hpp"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string_view>
#include <system_error>

namespace logboom::publisher {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kIpc = "ipc://";
constexpr std::string_view kTcp = "tcp://";

fs::path path_of(std::string_view endpoint) { return endpoint.substr(kIpc.size()); }

fs::path resolved(std::string_view endpoint) {
  std::error_code error;
  auto const path = fs::weakly_canonical(fs::absolute(path_of(endpoint), error), error);
  return error ? path_of(endpoint).lexically_normal() : path;
}

/// The host of a tcp address. A number is kept as IPv6, so that it has one form.
class Host {
 public:
  explicit Host(std::string_view name) : name_(name) {
    if (name_.starts_with('[')) name_ = name_.substr(1, name_.size() - 2);
    std::transform(name_.begin(), name_.end(), name_.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    in_addr four{};
    auto const text = name_ == "localhost" ? "127.0.0.1" : name_ == "*" ? "0.0.0.0" : name_.c_str();
    if (inet_pton(AF_INET, text, &four) == 1) {
      numeric_ = true;
      map_ipv4(&four);
    } else {
      numeric_ = inet_pton(AF_INET6, text, number_.data()) == 1;
    }
  }

  bool is(Host const& other) const {
    return numeric_ == other.numeric_ && (numeric_ ? number_ == other.number_ : name_ == other.name_);
  }
  bool is_number() const { return numeric_; }
  bool is_any() const {
    return numeric_ && (number_ == Number{} || number_ == Number{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff});
  }
  bool is_loopback() const { return numeric_ && delivery::is_loopback(name_); }
  bool is_this_machine() const {
    return is_any() || is_loopback() || (numeric_ ? has_interface() : is_own_name());
  }

 private:
  using Number = std::array<unsigned char, 16>;

  void map_ipv4(in_addr const* four) {
    number_ = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    std::memcpy(number_.data() + 12, four, 4);
  }
  /// This machine's name, in full or without its domain; or an interface's, which is what ZeroMQ binds to as well.
  bool is_own_name() const {
    std::array<char, 256> own{};
    if (::gethostname(own.data(), own.size() - 1) != 0) return false;
    Host const self{std::string_view(own.data())};
    return name_ == self.name_ || name_ == self.name_.substr(0, self.name_.find('.')) ||
           ::if_nametoindex(name_.c_str()) != 0;
  }
  bool has_interface() const {
    ifaddrs* list = nullptr;
    if (::getifaddrs(&list) != 0) return false;
    std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> const owned(list, ::freeifaddrs);
    for (auto const* one = list; one != nullptr; one = one->ifa_next) {
      if (one->ifa_addr == nullptr) continue;
      Host address{std::string_view{}};
      address.take(*one->ifa_addr);
      if (is(address)) return true;
    }
    return false;
  }
  void take(sockaddr const& address) {
    numeric_ = address.sa_family == AF_INET || address.sa_family == AF_INET6;
    if (address.sa_family == AF_INET) map_ipv4(&reinterpret_cast<sockaddr_in const&>(address).sin_addr);
    if (address.sa_family == AF_INET6)
      std::memcpy(number_.data(), &reinterpret_cast<sockaddr_in6 const&>(address).sin6_addr, number_.size());
  }

  std::string name_;
  Number number_{};
  bool numeric_ = false;
};

struct HostAndPort {
  Host host;
  std::string_view port;
};

HostAndPort split(std::string_view endpoint) {
  auto const address = endpoint.substr(kTcp.size());
  auto const colon = address.rfind(':');
  return {Host(address.substr(0, colon)), address.substr(colon + 1)};
}

bool same_tcp(std::string_view left_text, std::string_view right_text) {
  auto const left = split(left_text);
  auto const right = split(right_text);
  if (left.port != right.port) return false;
  if (left.host.is(right.host)) return true;
  bool const two_numbers =
      left.host.is_number() && right.host.is_number() && !left.host.is_any() && !right.host.is_any();
  if (two_numbers) return left.host.is_loopback() && right.host.is_loopback();
  return left.host.is_this_machine() && right.host.is_this_machine();
}

}  // namespace

std::vector<std::string> anchored(std::span<delivery::Endpoint const> endpoints) {
  std::vector<std::string> texts;
  for (auto const& endpoint : endpoints) {
    std::error_code error;
    auto const path = endpoint.is_ipc() ? fs::absolute(path_of(endpoint.text), error) : fs::path();
    texts.push_back(path.empty() ? endpoint.text : std::string(kIpc) + path.lexically_normal().native());
  }
  return texts;
}

bool same_bus(std::string_view left, std::string_view right) {
  if (left == right) return true;
  if (left.starts_with(kIpc) && right.starts_with(kIpc)) return resolved(left) == resolved(right);
  return left.starts_with(kTcp) && right.starts_with(kTcp) && same_tcp(left, right);
}

bool any_of_bus(std::span<std::string const> recorded, std::span<delivery::Endpoint const> own) {
  return std::any_of(recorded.begin(), recorded.end(), [&](std::string const& text) {
    return std::any_of(own.begin(), own.end(),
                       [&](auto const& endpoint) { return same_bus(text, endpoint.text); });
  });
}

}  // namespace logboom::publisher
