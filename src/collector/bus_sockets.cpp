// Binding the three sockets of a bus. Must not know what travels on them.
#include "collector/bus_sockets.hpp"

#include "delivery/bind_error.hpp"
#include "record/wire.hpp"

#include <fmt/format.h>

#include <sys/stat.h>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <utility>

namespace logboom::collector {
namespace {

constexpr std::int64_t kMaxSubscription = 1024;  // bytes of one message of a viewer

/// ZeroMQ ends a connection at its own bound and says nothing of why. So that is twice what is taken: what lies between is read, counted and answered (Reception, delivery::decode).
constexpr std::int64_t socket_bound(std::size_t taken) { return static_cast<std::int64_t>(2 * taken); }

void set_options(BusSockets& bus) {
  for (auto* socket : {&bus.pull, &bus.router, &bus.xpub}) {
    socket->set(zmq::sockopt::backlog, 1024);
    socket->set(zmq::sockopt::handshake_ivl, 3000);
    socket->set(zmq::sockopt::ipv6, true);
    socket->set(zmq::sockopt::tcp_keepalive, 1);
    socket->set(zmq::sockopt::tcp_keepalive_idle, 30);
    socket->set(zmq::sockopt::tcp_keepalive_intvl, 10);
    socket->set(zmq::sockopt::tcp_keepalive_cnt, 3);
  }
  bus.pull.set(zmq::sockopt::rcvhwm, 8);
  bus.pull.set(zmq::sockopt::maxmsgsize, socket_bound(wire::kMaxMessage));
  bus.pull.set(zmq::sockopt::rcvbuf, 256 << 10);
  bus.pull.set(zmq::sockopt::linger, 0);
  // Heartbeats on the control channel only: on PUSH/PULL they cut back-pressured connections.
  bus.router.set(zmq::sockopt::heartbeat_ivl, 2000);
  bus.router.set(zmq::sockopt::heartbeat_timeout, 6000);
  bus.router.set(zmq::sockopt::heartbeat_ttl, 6000);
  bus.router.set(zmq::sockopt::router_mandatory, true);
  // Of messages of 64 KiB; what finds no room is sent later (ControlServer::owes).
  bus.router.set(zmq::sockopt::sndhwm, 64);
  bus.router.set(zmq::sockopt::rcvhwm, 64);
  bus.router.set(zmq::sockopt::maxmsgsize, socket_bound(wire::kMaxControl));
  bus.router.set(zmq::sockopt::linger, 1000);  // the last acks and byes
  bus.xpub.set(zmq::sockopt::xpub_verbose, true);
  bus.xpub.set(zmq::sockopt::sndhwm, 256);
  bus.xpub.set(zmq::sockopt::maxmsgsize, kMaxSubscription);
  bus.xpub.set(zmq::sockopt::linger, 500);
}

/// Who is asked who they are; without it nothing is different from what it was.
void ask_who(BusSockets& bus, Admission const& admission) {
  if (!admission.active()) return;
  for (auto const& [socket, domain] : {std::pair{&bus.pull, Admission::kPublish},
                                       {&bus.router, Admission::kControl},
                                       {&bus.xpub, Admission::kView}}) {
    socket->set(zmq::sockopt::zap_domain, domain);
    if (!admission.curve()) continue;
    socket->set(zmq::sockopt::curve_server, true);
    socket->set(zmq::sockopt::curve_secretkey, admission.server_key().secret_key.c_str());
  }
}

/// Who may connect to an ipc socket is who may write to its file: this user, or all, who are then asked who they are.
void open_files(delivery::Endpoint const& endpoint, bool live, bool to_all) {
  constexpr std::string_view kIpc = "ipc://";
  if (!endpoint.is_ipc()) return;
  for (auto const* address : {&endpoint.push, &endpoint.control, &endpoint.live}) {
    if (address == &endpoint.live && !live) continue;
    auto const path = address->substr(kIpc.size());
    if (::chmod(path.c_str(), to_all ? 0666 : 0600) != 0)
      throw delivery::BindError(
          errno, fmt::format("{}: its mode cannot be set: {}; choose an address on a file system "
                             "that has them",
                             path, std::strerror(errno)));
  }
}

/// ZeroMQ binds numbers and interfaces, not names.
std::string bindable(std::string const& address) {
  constexpr std::string_view kLocal = "tcp://localhost:";
  if (address.starts_with(kLocal)) return "tcp://127.0.0.1:" + address.substr(kLocal.size());
  return address;
}

[[noreturn]] void refuse(delivery::Endpoint const& endpoint, std::string const& address, int error) {
  auto const where = address == endpoint.text ? endpoint.text : fmt::format("{} ({})", endpoint.text, address);
  switch (error) {
    case EADDRINUSE:
      throw delivery::BindError(
          error, fmt::format("{}: the port is in use; stop the program that has it (ss -ltnp shows "
                             "it), or choose another one",
                             where));
    case ENODEV:
    case EADDRNOTAVAIL:
    case EINVAL:
      throw delivery::BindError(
          error, fmt::format("{}: not an address of this machine; give one of its own, tcp://*:PORT "
                             "for all of them, or tcp://127.0.0.1:PORT for this machine only",
                             where));
    case EACCES:
    case EPERM:
      throw delivery::BindError(
          error, fmt::format("{}: not permitted; choose a port from 1024 on, or a directory of your "
                             "own",
                             where));
    default:
      throw delivery::BindError(error,
                                fmt::format("{}: {}; choose another address", where, zmq_strerror(error)));
  }
}

int bind_to(zmq::socket_t& socket, std::string const& address) {
  return zmq_bind(socket.handle(), bindable(address).c_str()) == 0 ? 0 : zmq_errno();
}

struct Triple {
  std::array<zmq::socket_t*, 3> sockets;
  std::array<std::string, 3> addresses;
};

void bind_all(delivery::Endpoint const& endpoint, Triple const& triple) {
  for (std::size_t i = 0; i < triple.sockets.size(); ++i) {
    if (triple.sockets[i] == nullptr) continue;
    if (int const error = bind_to(*triple.sockets[i], triple.addresses[i]))
      refuse(endpoint, triple.addresses[i], error);
  }
}

/// Port 0: the first port is the system's choice, the other two follow it, so several may have to be tried.
delivery::Endpoint bind_chosen(delivery::Endpoint const& endpoint,
                               std::array<zmq::socket_t*, 3> const& sockets) {
  constexpr int kTries = 64;
  auto const base = endpoint.text.substr(0, endpoint.text.rfind(':'));
  int error = 0;
  for (int attempt = 0; attempt < kTries; ++attempt) {
    error = bind_to(*sockets[0], endpoint.push);
    if (error != 0) refuse(endpoint, endpoint.push, error);
    auto const bound = sockets[0]->get(zmq::sockopt::last_endpoint);
    unsigned port = 0;
    auto const digits = std::string_view(bound).substr(bound.rfind(':') + 1);
    std::from_chars(digits.data(), digits.data() + digits.size(), port);
    auto chosen = delivery::parse_endpoint(fmt::format("{}:{}", base, port > 65'533 ? 65'533 : port));
    error = port > 65'533 ? EADDRINUSE : bind_to(*sockets[1], chosen.control);
    if (error == 0) {
      error = sockets[2] == nullptr ? 0 : bind_to(*sockets[2], chosen.live);
      if (error == 0) return chosen;
      zmq_unbind(sockets[1]->handle(), bindable(chosen.control).c_str());
    }
    zmq_unbind(sockets[0]->handle(), bound.c_str());
  }
  refuse(endpoint, endpoint.text, error);
}

}  // namespace

BusSockets::BusSockets(std::vector<AddressClaim> claimed, std::span<delivery::Endpoint const> endpoints,
                       bool live, Admission& admission)
    : claims(std::move(claimed)),
      context(1),
      pull(context, zmq::socket_type::pull),
      router(context, zmq::socket_type::router),
      xpub(context, zmq::socket_type::xpub) {
  context.set(zmq::ctxopt::blocky, false);  // sockets say themselves how long they linger
  if (admission.active()) zap.emplace(context, admission);
  set_options(*this);
  ask_who(*this, admission);
  for (auto const& endpoint : endpoints) {
    std::array<zmq::socket_t*, 3> const sockets{&pull, &router, live ? &xpub : nullptr};
    if (endpoint.text.ends_with(":0")) {
      addresses.push_back(bind_chosen(endpoint, sockets).text);
    } else {
      bind_all(endpoint, {sockets, {endpoint.push, endpoint.control, endpoint.live}});
      open_files(endpoint, live, admission.admits_users());
      addresses.push_back(endpoint.text);
    }
  }
}

bool receive(zmq::socket_t& socket, zmq::message_t& part) {
  for (;;) {
    if (zmq_msg_recv(part.handle(), socket.handle(), ZMQ_DONTWAIT) >= 0) return true;
    if (zmq_errno() == EAGAIN) return false;
    if (zmq_errno() != EINTR) throw zmq::error_t();
  }
}

bool readable(zmq::socket_t& socket) {
  int events = 0;
  std::size_t size = sizeof events;
  while (zmq_getsockopt(socket.handle(), ZMQ_EVENTS, &events, &size) != 0) {
    if (zmq_errno() != EINTR) throw zmq::error_t();
  }
  return (events & ZMQ_POLLIN) != 0;
}

}  // namespace logboom::collector
