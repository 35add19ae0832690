// One question on a socket of its own. Must not know the store.
#include "viewer/collector_info.hpp"

#include <unistd.h>
#include <zmq.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>

namespace logboom::viewer {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

std::optional<delivery::Info> answer_on(zmq::socket_t& control, Clock::time_point deadline, int stop_fd) {
  std::array<zmq::pollitem_t, 2> items{
      {{control.handle(), 0, ZMQ_POLLIN, 0}, {nullptr, stop_fd, ZMQ_POLLIN, 0}}};
  std::size_t const watched = stop_fd < 0 ? 1 : 2;
  for (auto now = Clock::now(); now < deadline; now = Clock::now()) {
    zmq::poll(items.data(), watched, std::chrono::ceil<milliseconds>(deadline - now));
    if (items[1].revents != 0) return std::nullopt;
    zmq::message_t answer;
    if (!control.recv(answer, zmq::recv_flags::dontwait)) continue;
    auto decoded = delivery::decode({static_cast<std::byte const*>(answer.data()), answer.size()});
    if (auto* const info = std::get_if<delivery::Info>(&decoded)) return std::move(*info);
  }
  return std::nullopt;
}

}  // namespace

std::optional<delivery::Info> ask_for_info(delivery::Endpoint const& endpoint, milliseconds timeout,
                                           int stop_fd) {
  zmq::context_t context{1};
  context.set(zmq::ctxopt::blocky, 0);
  zmq::socket_t control(context, zmq::socket_type::dealer);
  control.set(zmq::sockopt::linger, 0);
  control.set(zmq::sockopt::maxmsgsize, static_cast<std::int64_t>(wire::kMaxControl));
  control.connect(endpoint.control);
  auto const question = delivery::encode(delivery::InfoRequest{});
  control.send(zmq::buffer(question.data(), question.size()), zmq::send_flags::dontwait);
  auto const deadline = Clock::now() + timeout;
  try {
    return answer_on(control, deadline, stop_fd);
  } catch (wire::FrameError const&) {
    return std::nullopt;  // somebody else's socket
  } catch (zmq::error_t const& error) {
    if (error.num() != EINTR) throw;
    return std::nullopt;  // a signal: whoever sent it wants to go on with something else
  }
}

bool is_here(delivery::Info const& info) {
  std::array<char, 256> name{};
  return gethostname(name.data(), name.size() - 1) == 0 && info.host == name.data();
}

}  // namespace logboom::viewer
