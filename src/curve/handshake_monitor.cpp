// A socket monitor of libzmq. Must not know what travels on the socket.
#include "curve/handshake_monitor.hpp"

#include <fmt/format.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <string_view>

namespace logboom::curve {
namespace {

constexpr int kEvents = ZMQ_EVENT_CONNECTED | ZMQ_EVENT_CLOSED | ZMQ_EVENT_HANDSHAKE_SUCCEEDED |
                        ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH |
                        ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL;

bool receive(zmq::socket_t& socket, zmq::message_t& part) {
  for (;;) {
    if (zmq_msg_recv(part.handle(), socket.handle(), ZMQ_DONTWAIT) >= 0) return true;
    if (zmq_errno() != EINTR) return false;
  }
}

HandshakeMonitor::Refusal refusal_by(std::uint16_t event, std::uint32_t value, bool curve) {
  using Refusal = HandshakeMonitor::Refusal;
  if (event == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH) return Refusal::kNotAdmitted;
  if (event != ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL) return Refusal::kHangsUp;
  if (value != ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH) return Refusal::kStranger;
  return curve ? Refusal::kNoCurve : Refusal::kOnlyCurve;
}

std::string why(HandshakeMonitor::Refusal refusal, std::uint32_t value, bool curve) {
  using Refusal = HandshakeMonitor::Refusal;
  switch (refusal) {
    case Refusal::kNotAdmitted:
      return curve
                 ? "it does not admit this key here; have the public key of LOGBOOM_CURVE_SECRET added to "
                   "its --authorized-keys with the right "
                   "that is wanted (publish, view, control), and SIGHUP sent to it"
                 : "it does not admit this user; have it started with --allow-user for it, or be another one";
    case Refusal::kNoCurve:
      return "it does not speak CURVE, and keys are set here; unset LOGBOOM_CURVE_SERVER_KEY and "
             "LOGBOOM_CURVE_SECRET, or start it with "
             "--curve-secret";
    case Refusal::kOnlyCurve:
      return "it asks for a key (CURVE); set LOGBOOM_CURVE_SERVER_KEY to its public key and "
             "LOGBOOM_CURVE_SECRET to a file of `logboom "
             "keygen -o`";
    case Refusal::kStranger:
      return fmt::format("what answers there speaks otherwise (error {:#x}); look whether it is a collector",
                         value);
    case Refusal::kHangsUp: break;
  }
  if (!curve)
    return "it ends the handshake, and likely asks for a key (CURVE); set LOGBOOM_CURVE_SERVER_KEY to its "
           "public key "
           "and LOGBOOM_CURVE_SECRET to a file of `logboom keygen -o`, or look whether it is a collector";
  return "it ends the handshake; LOGBOOM_CURVE_SERVER_KEY is likely not its public key (compare it with what "
         "`logboom keygen` printed for it), or it has none (--curve-secret)";
}

}  // namespace

void HandshakeMonitor::open(zmq::context_t& context, zmq::socket_t& socket, bool curve) {
  close();
  static std::atomic<std::uint64_t> opened{0};
  auto const address =
      fmt::format("inproc://logboom-monitor-{}", opened.fetch_add(1, std::memory_order_relaxed));
  if (zmq_socket_monitor(socket.handle(), address.c_str(), kEvents) != 0) throw zmq::error_t();
  socket_ = &socket;
  curve_ = curve;
  unsaid_ = 0;
  met_ = false;
  events_ = zmq::socket_t(context, zmq::socket_type::pair);
  events_.set(zmq::sockopt::linger, 0);
  events_.connect(address);
}

/// libzmq's thread waits for room in the pipe of events, under the lock that stopping takes: what is there is read first.
void HandshakeMonitor::close() noexcept {
  if (socket_ == nullptr) return;
  zmq::message_t part;
  while (events_.handle() != nullptr && receive(events_, part)) {
  }
  if (socket_->handle() != nullptr) zmq_socket_monitor(socket_->handle(), nullptr, 0);
  events_.close();
  socket_ = nullptr;
}

std::optional<HandshakeMonitor::Change> HandshakeMonitor::next() {
  zmq::message_t part;
  while (events_.handle() != nullptr && receive(events_, part)) {
    std::uint16_t event = 0;
    std::uint32_t value = 0;
    if (part.size() >= sizeof event + sizeof value) {
      std::memcpy(&event, part.data(), sizeof event);
      std::memcpy(&value, static_cast<char const*>(part.data()) + sizeof event, sizeof value);
    }
    // The frames of one event are there together.
    while (part.more() && receive(events_, part)) {
    }
    if (auto const change = take(event, value)) return change;
  }
  return std::nullopt;
}

std::optional<HandshakeMonitor::Change> HandshakeMonitor::take(std::uint16_t event, std::uint32_t value) {
  switch (event) {
    case ZMQ_EVENT_CONNECTED: met_ = true; return std::nullopt;
    // Nobody listens: who ended the handshake was ending itself.
    case ZMQ_EVENT_CLOSED: unsaid_ = 0; return std::nullopt;
    case ZMQ_EVENT_HANDSHAKE_SUCCEEDED: unsaid_ = 0; return Change::kConnected;
    case ZMQ_EVENT_DISCONNECTED: return Change::kDisconnected;
    case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL:
      // Of what does not fit libzmq closes the connection, and often before the other side has seen why: a collector that cannot open the first box, or asks for a key (there it is
      // a race with its greeting). One that ends, or has no room, does it once.
      if (++unsaid_ < (curve_ ? kUnsaid : kUnsaidInTheClear)) return std::nullopt;
      [[fallthrough]];
    case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH:
    case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
      refusal_ = refusal_by(event, value, curve_);
      reason_ = why(refusal_, value, curve_);
      return Change::kRefused;
    default: return std::nullopt;
  }
}

}  // namespace logboom::curve
