// Socket options are measured ones (docs/protocol.md and MEASURED.md): short queues, no linger, nothing queued for a peer that is not there.
#include "publisher/collector_link.hpp"

#include "posix/fault_point.hpp"
#include "publisher/background.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <exception>
#include <utility>

namespace logboom::publisher {
namespace {

constexpr int kLastWord = 200;  // ms that a bye may take to leave when the program ends

/// Every call may be interrupted by a signal, whatever SA_RESTART says.
template <class Call>
auto uninterrupted(Call const& call) {
  for (;;) {
    try {
      return call();
    } catch (zmq::error_t const& error) {
      if (error.num() != EINTR) throw;
    }
  }
}

void set_common(zmq::socket_t& socket) {
  socket.set(zmq::sockopt::linger, 0);
  socket.set(zmq::sockopt::immediate, true);
  socket.set(zmq::sockopt::reconnect_ivl, 20);
  socket.set(zmq::sockopt::reconnect_ivl_max, 2000);
  socket.set(zmq::sockopt::ipv6, true);
  socket.set(zmq::sockopt::tcp_keepalive, 1);
  socket.set(zmq::sockopt::tcp_keepalive_idle, 30);
  socket.set(zmq::sockopt::tcp_keepalive_intvl, 10);
  socket.set(zmq::sockopt::tcp_keepalive_cnt, 3);
}

}  // namespace

void CollectorLink::open(delivery::Endpoint const& endpoint) {
  close_sockets();
  endpoint_ = endpoint;
  lost_ = false;
  try {
    open_sockets();
  } catch (zmq::error_t const& error) {
    throw delivery::LinkError(error.what());
  } catch (curve::KeyError const& error) {
    throw delivery::LinkRefusal(error.what());
  }
}

void CollectorLink::open_sockets() {
  control_ = zmq::socket_t(*context_, zmq::socket_type::dealer);
  set_common(control_);
  control_.set(zmq::sockopt::linger, kLastWord);
  control_.set(zmq::sockopt::sndhwm, 100);
  control_.set(zmq::sockopt::rcvhwm, 1000);
  control_.set(zmq::sockopt::maxmsgsize, static_cast<std::int64_t>(wire::kMaxControl));
  control_.set(zmq::sockopt::heartbeat_ivl, 2000);
  control_.set(zmq::sockopt::heartbeat_timeout, 6000);
  control_.set(zmq::sockopt::heartbeat_ttl, 6000);

  curve::apply(keys_, number(), control_);
  monitor_.open(*context_, control_, keys_.any());
  control_.connect(endpoint_.control);
  open_push();
}

/// The new socket stands before the old one is closed: where there is none to be had, the old one goes on.
void CollectorLink::open_push() {
  zmq::socket_t push(*context_, zmq::socket_type::push);
  set_common(push);
  push.set(zmq::sockopt::sndhwm, 8);
  // No heartbeats here: they cut connections that are merely back-pressured, and with them what is in the pipe.
  curve::apply(keys_, number(), push);
  if (endpoint_.push.starts_with("tcp:")) push.set(zmq::sockopt::sndbuf, 256 << 10);
  push.connect(endpoint_.push);
  push_ = std::move(push);
}

void CollectorLink::close_sockets() noexcept {
  control_news_ = monitor_news_ = {};
  monitor_.close();
  control_.close();
  push_.close();
}

/// Of the address, for its key.
std::size_t CollectorLink::number() const {
  auto const at = std::find(addresses_.begin(), addresses_.end(), endpoint_.text);
  return static_cast<std::size_t>(at - addresses_.begin());
}

std::optional<CollectorLink::Change> CollectorLink::change() {
  using Seen = curve::HandshakeMonitor::Change;
  if (std::exchange(monitor_news_.calm, false)) return std::nullopt;
  auto const seen = monitor_.next();
  monitor_news_.none = !seen;
  if (!seen) return std::nullopt;
  if (*seen == Seen::kRefused) return Change::kRefused;
  if (*seen == Seen::kDisconnected) {
    lost_ = true;
    return Change::kDisconnected;
  }
  // PUSH may have been refused while control was not there, and be dead; what it held is sent again after the next welcome anyhow.
  try {
    if (std::exchange(lost_, false) && keys_.any()) open_push();
  } catch (std::exception const&) {
    // No socket, no key to be had now: the old one goes on.
  }
  return Change::kConnected;
}

bool CollectorLink::send(std::span<std::byte const> batch) {
  zmq::const_buffer const bytes(batch.data(), batch.size());
  fault_point("batch.sending");
  bool const sent = uninterrupted([&] { return push_.send(bytes, zmq::send_flags::dontwait); }).has_value();
  if (sent) fault_point("batch.sent");
  return sent;
}

bool CollectorLink::say(delivery::Control const& message) {
  auto const frame = delivery::encode(message);
  control_news_ = {};
  zmq::const_buffer const bytes(frame.data(), frame.size());
  return uninterrupted([&] { return control_.send(bytes, zmq::send_flags::dontwait); }).has_value();
}

std::optional<delivery::Control> CollectorLink::hear() {
  if (std::exchange(control_news_.calm, false)) return std::nullopt;
  for (;;) {
    zmq::message_t message;
    control_news_.none = !uninterrupted([&] { return control_.recv(message, zmq::recv_flags::dontwait); });
    if (control_news_.none) return std::nullopt;
    if (message.more()) {  // none of ours: control messages have one frame
      ++unreadable_;
      while (message.more())
        static_cast<void>(uninterrupted([&] { return control_.recv(message, zmq::recv_flags::none); }));
      continue;
    }
    try {
      return delivery::decode({static_cast<std::byte const*>(message.data()), message.size()});
    } catch (wire::FrameError const&) {
      ++unreadable_;
    }
  }
}

// Not by zmq_poll, which asks every socket before and after it waits: twenty system calls of a publisher that has nothing to say, where this makes one.
bool CollectorLink::wait(int wake, bool to_send, std::chrono::microseconds most) {
  std::array<pollfd, 4> items;
  items.fill({-1, POLLIN, 0});
  items[0].fd = wake;
  bool known = true;  // that there is nothing to wait for yet
  if (control_.handle() != nullptr) {
    items[1].fd = control_.get(zmq::sockopt::fd);
    items[2].fd = monitor_.descriptor();
    known = control_news_.none && monitor_news_.none;
    if (to_send) {
      auto const events = uninterrupted([&] { return push_.get(zmq::sockopt::events); });
      known = known && (events & ZMQ_POLLOUT) == 0;
      items[3].fd = push_.get(zmq::sockopt::fd);
    }
  }
  bool const looked = poll(items, known ? most : std::chrono::microseconds(0));
  control_news_.calm = looked && control_news_.none && items[1].revents == 0;
  monitor_news_.calm = looked && monitor_news_.none && items[2].revents == 0;
  return items[0].revents != 0;
}

}  // namespace logboom::publisher
