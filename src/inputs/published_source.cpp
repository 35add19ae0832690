// See published_source.hpp.
#include "inputs/published_source.hpp"

#include "record/wire.hpp"

#include <fmt/format.h>

#include <exception>
#include <stdexcept>
#include <utility>

namespace logboom::inputs {
namespace {

std::string_view why(curve::HandshakeMonitor::Refusal refusal, bool curve) {
  using Refusal = curve::HandshakeMonitor::Refusal;
  switch (refusal) {
    case Refusal::kNotAdmitted:
      return "it does not admit us; have it admit the public key of subscribe_curve_secret";
    case Refusal::kNoCurve:
      return "it does not speak CURVE, and keys are set for it; take them away, or have it speak CURVE";
    case Refusal::kOnlyCurve:
      return "it asks for a key (CURVE); set subscribe_server_key to its public key, and "
             "subscribe_curve_secret";
    case Refusal::kHangsUp:
      return curve ? "it ends the handshake; subscribe_server_key is likely not its public key, or it speaks "
                     "no CURVE"
                   : "it ends the handshake, and likely asks for a key (CURVE); set subscribe_server_key to "
                     "its public key, "
                     "and subscribe_curve_secret";
    case Refusal::kStranger: break;
  }
  return "what answers there is no PUB socket of ZeroMQ; give the endpoint of one";
}

}  // namespace

PublishedSource::PublishedSource(zmq::context_t& context, std::string endpoint, curve::ClientKeys keys,
                                 std::size_t which)
    : context_(&context), endpoint_(std::move(endpoint)), keys_(std::move(keys)), which_(which) {
  open();
}

/// @throws std::invalid_argument, curve::KeyError, zmq::error_t
void PublishedSource::open() {
  zmq::socket_t socket(*context_, zmq::socket_type::sub);
  socket.set(zmq::sockopt::rcvhwm, kMaxWaiting);
  socket.set(zmq::sockopt::maxmsgsize, static_cast<std::int64_t>(wire::kMaxMessage));
  socket.set(zmq::sockopt::linger, 0);
  socket.set(zmq::sockopt::ipv6, true);
  socket.set(zmq::sockopt::tcp_keepalive, 1);
  socket.set(zmq::sockopt::reconnect_ivl, 20);
  socket.set(zmq::sockopt::reconnect_ivl_max, 2'000);
  socket.set(zmq::sockopt::subscribe, "");
  curve::apply(keys_, which_, socket);
  socket_ = std::move(socket);
  monitor_.open(*context_, socket_, keys_.any());
  if (zmq_connect(socket_.handle(), endpoint_.c_str()) == 0) return;
  auto const* const reason = zmq_strerror(zmq_errno());
  monitor_.close();
  socket_.close();
  throw std::invalid_argument(
      fmt::format("cannot subscribe to '{}': {}; give the endpoint that the program's PUB socket is "
                  "bound to, such as tcp://127.0.0.1:12345",
                  endpoint_, reason));
}

bool PublishedSource::receive(Message& message) {
  message.frames = 0;
  if (socket_.handle() == nullptr) return false;
  zmq::message_t rest;
  bool more = true;
  while (more) {
    auto& part = message.frames == 0 ? message.first : message.frames == 1 ? message.second : rest;
    if (!socket_.recv(part, zmq::recv_flags::dontwait)) return false;
    ++message.frames;
    more = part.more();
  }
  return true;
}

std::optional<PublishedSource::News> PublishedSource::follow() {
  using Change = curve::HandshakeMonitor::Change;
  if (socket_.handle() == nullptr) return try_again();
  while (auto const change = monitor_.next()) {
    if (*change == Change::kRefused)
      return refused(
          fmt::format("subscribed {}: nothing comes: {}", endpoint_, why(monitor_.refusal(), keys_.any())));
    if (*change == Change::kConnected && !std::exchange(told_, {}).empty())
      return News{false, fmt::format("subscribed {}: it lets us in now", endpoint_)};
  }
  return std::nullopt;
}

std::optional<PublishedSource::News> PublishedSource::try_again() {
  if (Clock::now() < again_) return std::nullopt;
  try {
    open();
  } catch (std::exception const& error) {
    return refused(fmt::format("subscribed {}: nothing comes: {}", endpoint_, error.what()));
  }
  return std::nullopt;
}

std::optional<PublishedSource::News> PublishedSource::refused(std::string line) {
  monitor_.close();
  socket_.close();
  again_ = Clock::now() + kTryAgain;
  if (line == told_) return std::nullopt;
  told_ = line;
  return News{true, std::move(line)};
}

void PublishedSource::add_to(std::vector<zmq_pollitem_t>& items) {
  if (socket_.handle() == nullptr) return;  // not a socket: zmq_poll would look at descriptor 0
  items.push_back({socket_.handle(), 0, ZMQ_POLLIN, 0});
  items.push_back({monitor_.handle(), 0, ZMQ_POLLIN, 0});
}

}  // namespace logboom::inputs
