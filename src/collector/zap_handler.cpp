// The thread of RFC 27. Must not know who is let in.
#include "collector/zap_handler.hpp"

#include "posix/background_thread.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <exception>
#include <string>
#include <vector>

namespace logboom::collector {
namespace {

constexpr char const* kAddress = "inproc://zeromq.zap.01";  // RFC 27's
constexpr char const* kEnd = "inproc://logboom.zap.end";

}  // namespace

ZapHandler::ZapHandler(zmq::context_t& context, Admission& admission)
    : admission_(admission),
      questions_(context, zmq::socket_type::rep),
      wake_(context, zmq::socket_type::pair),
      end_(context, zmq::socket_type::pair) {
  for (auto* socket : {&questions_, &wake_, &end_}) socket->set(zmq::sockopt::linger, 0);
  // libzmq's thread, which asks, never waits for this one: there are no more questions than connections.
  questions_.set(zmq::sockopt::rcvhwm, 0);
  questions_.set(zmq::sockopt::sndhwm, 0);
  questions_.bind(kAddress);
  wake_.bind(kEnd);
  end_.connect(kEnd);
  thread_ = posix::background_thread<std::jthread>("logboom-zap",
                                                   [this](std::stop_token const& stop) { run(stop); });
}

ZapHandler::~ZapHandler() {
  thread_.request_stop();
  zmq_send(end_.handle(), "", 0, ZMQ_DONTWAIT);
  thread_.join();
}

void ZapHandler::run(std::stop_token const& stop) {
  std::array<zmq_pollitem_t, 2> items{
      {{questions_.handle(), 0, ZMQ_POLLIN, 0}, {wake_.handle(), 0, ZMQ_POLLIN, 0}}};
  while (!stop.stop_requested()) {
    if (zmq_poll(items.data(), static_cast<int>(items.size()), -1) < 0 && zmq_errno() != EINTR) return;
    if ((items[0].revents & ZMQ_POLLIN) != 0) answer();
  }
}

/// Of what cannot be read nobody is let in; a question without an answer would let REP hear no other.
void ZapHandler::answer() try {
  std::vector<std::string> frames;
  zmq::message_t part;
  bool more = true;
  while (more) {
    if (zmq_msg_recv(part.handle(), questions_.handle(), ZMQ_DONTWAIT) < 0) {
      if (zmq_errno() == EINTR) continue;
      return;
    }
    more = part.more();
    if (frames.size() <= ZapRequest::kMostFrames) frames.push_back(part.to_string());
  }
  auto const request = parse_zap(frames);
  auto const verdict = request ? admission_.decide(*request) : Admission::Verdict{};
  auto const reply = zap_reply(request ? request->id : std::string_view(frames.size() > 1 ? frames[1] : ""),
                               verdict.admitted, verdict.user);
  for (std::size_t i = 0; i < reply.size(); ++i) {
    int const flags = i + 1 < reply.size() ? ZMQ_SNDMORE : 0;
    while (zmq_send(questions_.handle(), reply[i].data(), reply[i].size(), flags) < 0) {
      if (zmq_errno() != EINTR) return;
    }
  }
} catch (std::exception const&) {
  // No memory: an answer to nobody's question ends the connection, which comes again.
  for (char const* const frame : {"1.0", "", "400", "", ""})
    zmq_send(questions_.handle(), frame, std::strlen(frame), ZMQ_SNDMORE);
  zmq_send(questions_.handle(), "", 0, 0);
}

}  // namespace logboom::collector
