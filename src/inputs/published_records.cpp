// See published_records.hpp.
#include "inputs/published_records.hpp"

#include "record/wire.hpp"

#include <fmt/format.h>

#include <stdexcept>

namespace logboom::inputs {

PublishedRecords::PublishedRecords(zmq::context_t& context, std::span<std::string const> endpoints)
    : socket_(context, zmq::socket_type::sub) {
  socket_.set(zmq::sockopt::rcvhwm, kMaxWaiting);
  socket_.set(zmq::sockopt::maxmsgsize, static_cast<std::int64_t>(wire::kMaxMessage));
  socket_.set(zmq::sockopt::linger, 0);
  socket_.set(zmq::sockopt::ipv6, true);
  socket_.set(zmq::sockopt::tcp_keepalive, 1);
  socket_.set(zmq::sockopt::reconnect_ivl, 100);
  socket_.set(zmq::sockopt::reconnect_ivl_max, 2'000);
  socket_.set(zmq::sockopt::subscribe, "");
  for (auto const& endpoint : endpoints) {
    if (zmq_connect(socket_.handle(), endpoint.c_str()) != 0)
      throw std::invalid_argument(
          fmt::format("cannot subscribe to '{}': {}; give the endpoint that the program's PUB socket is "
                      "bound to, such as tcp://127.0.0.1:12345",
                      endpoint, zmq_strerror(zmq_errno())));
  }
}

bool PublishedRecords::receive(Message& message) {
  message.frames = 0;
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

}  // namespace logboom::inputs
