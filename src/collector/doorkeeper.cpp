// Counting descriptors, shutting and opening doors. Must not know what travels on the connections.
#include "collector/doorkeeper.hpp"

#include "delivery/bind_error.hpp"
#include "delivery/endpoint.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <linux/filter.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <system_error>

namespace logboom::collector {
namespace {

constexpr int kEvents = ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL |
                        ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL;
constexpr std::size_t kFewest = 4;  // connections that it is worth to begin with

/// The lowest descriptor that is free: all below it are in use. The cheap half of counting them.
std::size_t lowest_free() noexcept {
  int const fd = ::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);
  if (fd < 0) return errno == EBADF ? 0 : static_cast<std::size_t>(-1);
  ::close(fd);
  return static_cast<std::size_t>(fd);
}

std::vector<int> descriptors() {
  std::vector<int> found;
  std::error_code failed;
  for (std::filesystem::directory_iterator entry("/proc/self/fd", failed), end; !failed && entry != end;
       entry.increment(failed)) {
    auto const name = entry->path().filename().native();
    int fd = -1;
    if (std::from_chars(name.data(), name.data() + name.size(), fd).ec == std::errc()) found.push_back(fd);
  }
  return found;
}

std::size_t limit_of_descriptors() noexcept {
  rlimit limit{};
  constexpr rlim_t kPlenty = 1U << 20U;
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return kPlenty;
  return std::min(limit.rlim_cur, kPlenty);
}

/// Left for files, for what the rest of the program opens, and for those who slip in before the doors are shut.
std::size_t reserve_of(std::size_t limit) noexcept { return std::clamp<std::size_t>(limit / 8, 32, 1'024); }

struct Name {
  std::string path;   // of a Unix socket
  unsigned port = 0;  // of a TCP socket
};

/// What a socket of ours is bound to, or was accepted on.
Name name_of(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) return {};
  auto const* const any = reinterpret_cast<std::byte const*>(&address);
  if (address.ss_family == AF_UNIX) {
    auto const* const path = reinterpret_cast<char const*>(any) + offsetof(sockaddr_un, sun_path);
    return {std::string(path, ::strnlen(path, sizeof(sockaddr_un::sun_path))), 0};
  }
  if (address.ss_family != AF_INET && address.ss_family != AF_INET6) return {};
  return {{}, ntohs(reinterpret_cast<sockaddr_in const*>(any)->sin_port)};  // at the same place in both
}

bool is_socket(int fd) noexcept {
  struct stat status {};
  return ::fstat(fd, &status) == 0 && S_ISSOCK(status.st_mode);
}

bool is_listener(int fd) noexcept {
  int accepts = 0;
  socklen_t size = sizeof accepts;
  return ::getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &accepts, &size) == 0 && accepts != 0;
}

/// As ZeroMQ writes it into the messages' Peer-Address.
std::string peer_of(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::getpeername(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) return {};
  if (address.ss_family == AF_UNIX) {
    ucred peer{};
    size = sizeof peer;
    if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return {};
    return fmt::format("localhost:{}:{}:{}", peer.uid, peer.gid, peer.pid);
  }
  std::array<char, NI_MAXHOST> host{};
  if (::getnameinfo(reinterpret_cast<sockaddr*>(&address), size, host.data(), host.size(), nullptr, 0,
                    NI_NUMERICHOST) != 0)
    return {};
  return host.data();
}

template <class Range, class Item>
bool contains(Range const& range, Item const& item) {
  return std::find(range.begin(), range.end(), item) != range.end();
}

unsigned port_of(std::string_view address) noexcept {
  unsigned port = 0;
  auto const digits = address.substr(address.rfind(':') + 1);
  std::from_chars(digits.data(), digits.data() + digits.size(), port);
  return port;
}

bool take_nothing(int listener) noexcept {
  sock_filter drop = BPF_STMT(BPF_RET | BPF_K, 0);
  sock_fprog const program{1, &drop};
  return ::setsockopt(listener, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) == 0;
}

void take_again(int listener) noexcept {
  int const unused = 0;
  ::setsockopt(listener, SOL_SOCKET, SO_DETACH_FILTER, &unused, sizeof unused);
}

}  // namespace

Doorkeeper::Doorkeeper(BusSockets& bus, std::size_t max_connections) : bus_(bus) {
  constexpr std::string_view kIpc = "ipc://";
  for (auto const& text : bus.addresses) {
    auto const endpoint = delivery::parse_endpoint(text);
    for (auto const* address : {&endpoint.push, &endpoint.control, &endpoint.live}) {
      bool const live = address == &endpoint.live;
      if (address->starts_with(kIpc)) {
        paths_.push_back(address->substr(kIpc.size()));
        if (live) live_paths_.push_back(paths_.back());
      } else {
        ports_.push_back(port_of(*address));
        if (live) live_ports_.push_back(ports_.back());
      }
    }
  }
  std::size_t number = 0;
  for (auto* socket : {&bus.pull, &bus.router, &bus.xpub}) watch(*socket, number++);
  auto const open = descriptors();
  for (int const fd : open) {
    if (is_listener(fd) && contains(ports_, name_of(fd).port)) listeners_.push_back(fd);
  }
  at_start_ = open.size();
  auto const limit = limit_of_descriptors();
  bound_ = std::min(at_start_ + (max_connections > 0 ? max_connections : kMostConnections),
                    limit - std::min(limit, reserve_of(limit)));
  if (bound_ < at_start_ + std::min(kFewest, max_connections > 0 ? max_connections : kFewest))
    throw delivery::BindError(
        EMFILE,
        fmt::format("the limit of {} open files leaves no room for connections; raise it (ulimit -n)", limit));
}

Doorkeeper::~Doorkeeper() {
  for (auto* socket : {&bus_.pull, &bus_.router, &bus_.xpub})
    zmq_socket_monitor(socket->handle(), nullptr, 0);
  if (shut_) open_doors();
}

void Doorkeeper::watch(zmq::socket_t& socket, std::size_t number) {
  auto const name = fmt::format("inproc://arrivals-{}", number);
  if (zmq_socket_monitor(socket.handle(), name.c_str(), kEvents) != 0) throw zmq::error_t();
  arrivals_[number] = zmq::socket_t(bus_.context, zmq::socket_type::pair);
  arrivals_[number].set(zmq::sockopt::linger, 0);
  arrivals_[number].set(zmq::sockopt::rcvhwm, 0);  // at a bound ZeroMQ's own thread would wait for this one
  arrivals_[number].connect(name);
}

std::array<void*, 3> Doorkeeper::arrivals() noexcept {
  return {arrivals_[0].handle(), arrivals_[1].handle(), arrivals_[2].handle()};
}

void Doorkeeper::forget_arrivals() {
  zmq::message_t part;
  for (std::size_t i = 0; i < arrivals_.size(); ++i) {
    while (receive(arrivals_[i], part)) {
      std::uint16_t event = 0;
      if (!part.more() || part.size() < sizeof event) continue;  // the address that goes with it
      std::memcpy(&event, part.data(), sizeof event);
      if (event == ZMQ_EVENT_ACCEPTED) ++open_[i];
      if (event == ZMQ_EVENT_DISCONNECTED && open_[i] > 0) --open_[i];
      if (event == ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL || event == ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL)
        ++failed_handshakes_;
    }
  }
}

std::string Doorkeeper::look() {
  if (!shut_) {
    if (lowest_free() < bound_) return {};
    shut_ = true;
    next_look_ = Clock::now() + kLookAgain;
    bool const done = shut_doors();
    if (std::exchange(told_, true)) return {};
    return fmt::format(
        "{} connections are open, the most that are served: {} (raise --max-connections, or the limit of "
        "open files, ulimit -n)",
        bound(),
        done ? "whoever comes now waits until some have left"
             : "more cannot be kept away, and the process may end");
  }
  auto const now = Clock::now();
  if (now < next_look_) return {};
  next_look_ = now + kLookAgain;
  if (descriptors().size() < at_start_ + bound() - (bound() + 9) / 10) open_doors();
  return {};
}

bool Doorkeeper::shut_doors() {
  bool done = true;
  for (auto const& path : paths_)
    done = (::rename(path.c_str(), (path + AddressClaim::kShutEnd).c_str()) == 0 || errno == ENOENT) && done;
  for (int const listener : listeners_) done = take_nothing(listener) && done;
  return done;
}

void Doorkeeper::open_doors() {
  for (auto const& path : paths_) ::rename((path + AddressClaim::kShutEnd).c_str(), path.c_str());
  for (int const listener : listeners_) take_again(listener);
  shut_ = false;
}

/// @param wanted asked with the name and the descriptor of each connection
template <class Wanted>
std::size_t Doorkeeper::cut(Wanted wanted) {
  std::size_t cut = 0;
  for (int const number : descriptors()) {
    // Nothing but sockets is touched: to close any descriptor of a file gives up the locks of the whole process on it, SQLite's among them.
    if (!is_socket(number) || is_listener(number)) continue;
    // A descriptor of our own: ZeroMQ's thread may close its one at any moment, and its number be another's.
    int const fd = ::fcntl(number, F_DUPFD_CLOEXEC, 0);
    if (fd < 0 || !is_socket(fd)) continue;  // a file's after all: it stays open, for the same reason
    auto const name = name_of(fd);
    if (!is_listener(fd) && wanted(name, fd) && ::shutdown(fd, SHUT_RDWR) == 0) ++cut;
    ::close(fd);
  }
  return cut;
}

std::size_t Doorkeeper::cut_viewers(std::vector<std::string> const& peers) {
  return cut([&](Name const& name, int fd) {
    bool const live = name.port != 0 ? contains(live_ports_, name.port) : contains(live_paths_, name.path);
    return live && (peers.empty() || contains(peers, peer_of(fd)));
  });
}

std::size_t Doorkeeper::cut_all() {
  return cut([&](Name const& name, int) {
    return name.port != 0 ? contains(ports_, name.port) : contains(paths_, name.path);
  });
}

}  // namespace logboom::collector
