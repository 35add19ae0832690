// The question, and `info` after it: messages of a connection keep their order, so who answers the second and not the first does not know the first.
#include "viewer/collector_talk.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <type_traits>
#include <utility>
#include <variant>

namespace logboom::viewer {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

}  // namespace

void CollectorTalk::connect() {
  context_.set(zmq::ctxopt::blocky, 0);
  control_ = zmq::socket_t(context_, zmq::socket_type::dealer);
  control_.set(zmq::sockopt::linger, 0);
  control_.set(zmq::sockopt::ipv6, true);
  control_.set(zmq::sockopt::reconnect_ivl, 20);
  control_.set(zmq::sockopt::reconnect_ivl_max, 500);
  control_.set(zmq::sockopt::maxmsgsize, static_cast<std::int64_t>(wire::kMaxControl));
  curve::apply(keys_, 0, control_);
  monitor_.open(context_, control_, keys_.any());
  control_.connect(endpoint_.control);
}

void CollectorTalk::close() noexcept {
  monitor_.close();
  control_.close();
}

CollectorTalk::Answer CollectorTalk::ask(delivery::Control const& question, milliseconds timeout, int stop_fd) {
  auto const begun = Clock::now();
  auto const deadline = begun + timeout;
  try {
    if (control_.handle() == nullptr) connect();
  } catch (...) {
    close();
    throw;
  }
  for (auto const& frame : {delivery::encode(question), delivery::encode(delivery::InfoRequest{})})
    control_.send(zmq::buffer(frame.data(), frame.size()), zmq::send_flags::dontwait);
  Answer answer;
  std::array<zmq::pollitem_t, 3> items{{{control_.handle(), 0, ZMQ_POLLIN, 0},
                                        {monitor_.handle(), 0, ZMQ_POLLIN, 0},
                                        {nullptr, stop_fd, ZMQ_POLLIN, 0}}};
  for (;;) {
    auto const left = std::max(milliseconds{0}, std::chrono::ceil<milliseconds>(deadline - Clock::now()));
    try {
      zmq::poll(items.data(), stop_fd < 0 ? 2 : 3, left);
    } catch (zmq::error_t const& error) {
      if (error.num() != EINTR) throw;
      continue;
    }
    if (items[2].revents != 0) answer.outcome = Outcome::kStopped;
    if (items[2].revents != 0 || receive(answer) || shut_out(answer)) break;
    if (Clock::now() >= deadline) break;
  }
  answer.took = Clock::now() - begun;
  // What may still come would be taken for the answer to the next question.
  if (answer.outcome == Outcome::kSilent || answer.outcome == Outcome::kStopped ||
      answer.outcome == Outcome::kShutOut)
    close();
  return answer;
}

bool CollectorTalk::shut_out(Answer& answer) {
  while (auto const change = monitor_.next()) {
    if (*change != curve::HandshakeMonitor::Change::kRefused) continue;
    answer.outcome = Outcome::kShutOut;
    answer.refusal = monitor_.reason();
    return true;
  }
  return false;
}

/// @return whether that was all.
bool CollectorTalk::receive(Answer& answer) {
  zmq::message_t frame;
  while (control_.recv(frame, zmq::recv_flags::dontwait)) {
    try {
      auto message = delivery::decode({static_cast<std::byte const*>(frame.data()), frame.size()});
      if (auto* const info = std::get_if<delivery::Info>(&message)) {
        answer.info = std::move(*info);
        if (answer.outcome == Outcome::kSilent) answer.outcome = Outcome::kTooOld;
        return true;
      }
      if (auto* const error = std::get_if<delivery::Error>(&message)) {
        answer.outcome = Outcome::kRefused;
        answer.refusal = std::move(error->text);
      } else {
        answer.outcome = Outcome::kAnswered;
        answer.message = std::move(message);
      }
    } catch (wire::FrameError const& error) {
      answer.outcome = Outcome::kRefused;
      answer.refusal = error.what();
    }
  }
  return false;
}

}  // namespace logboom::viewer
