// One question on a socket of its own. Must not know the store.
#include "viewer/collector_info.hpp"

#include <unistd.h>
#include <zmq.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>
#include <variant>

namespace logboom::viewer {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kAskAgain{1'000};

milliseconds left_until(std::chrono::steady_clock::time_point end) {
  return std::max(milliseconds{0}, std::chrono::ceil<milliseconds>(end - std::chrono::steady_clock::now()));
}

}  // namespace

InfoQuestion::InfoQuestion(delivery::Endpoint const& endpoint, curve::ClientKeys const& keys,
                           milliseconds timeout)
    : control_(context_, zmq::socket_type::dealer), deadline_(Clock::now() + timeout) {
  context_.set(zmq::ctxopt::blocky, 0);
  control_.set(zmq::sockopt::linger, 0);
  control_.set(zmq::sockopt::reconnect_ivl, 20);
  control_.set(zmq::sockopt::reconnect_ivl_max, 500);
  control_.set(zmq::sockopt::ipv6, endpoint.control.find('[') != std::string::npos);
  control_.set(zmq::sockopt::maxmsgsize, static_cast<std::int64_t>(wire::kMaxControl));
  curve::apply(keys, 0, control_);
  monitor_.open(context_, control_, keys.any());
  control_.connect(endpoint.control);
  ask();
}

void InfoQuestion::ask() {
  auto const question = delivery::encode(delivery::InfoRequest{});
  control_.send(zmq::buffer(question.data(), question.size()), zmq::send_flags::dontwait);
  ask_again_ = Clock::now() + kAskAgain;
}

bool InfoQuestion::wait(milliseconds most, int stop_fd) {
  auto const end = std::min(deadline_, Clock::now() + most);
  std::array<zmq::pollitem_t, 3> items{{{control_.handle(), 0, ZMQ_POLLIN, 0},
                                        {monitor_.handle(), 0, ZMQ_POLLIN, 0},
                                        {nullptr, stop_fd, ZMQ_POLLIN, 0}}};
  std::size_t const watched = stop_fd < 0 ? 2 : 3;
  try {
    do {
      if (Clock::now() >= ask_again_) ask();
      zmq::poll(items.data(), watched, left_until(std::min(end, ask_again_)));
      if (items[2].revents != 0) return true;
      while (auto const change = monitor_.next()) {
        if (*change != curve::HandshakeMonitor::Change::kRefused) continue;
        refusal_ = monitor_.reason();
        return true;
      }
      zmq::message_t frame;
      if (!control_.recv(frame, zmq::recv_flags::dontwait)) continue;
      auto decoded = delivery::decode({static_cast<std::byte const*>(frame.data()), frame.size()});
      if (auto* const info = std::get_if<delivery::Info>(&decoded)) {
        answer_ = std::move(*info);
        return true;
      }
      if (auto* const error = std::get_if<delivery::Error>(&decoded)) {
        refusal_ = std::move(error->text);
        return true;
      }
    } while (Clock::now() < end);
  } catch (wire::FrameError const&) {
    return true;  // somebody else's socket
  } catch (zmq::error_t const& error) {
    if (error.num() != EINTR) throw;  // a signal: whoever sent it wants to go on with something else
  }
  return Clock::now() >= deadline_;
}

bool is_here(delivery::Info const& info) {
  std::array<char, 256> name{};
  return gethostname(name.data(), name.size() - 1) == 0 && info.host == name.data();
}

}  // namespace logboom::viewer
