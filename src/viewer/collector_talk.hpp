// Asks a collector about itself, or to change something (docs/protocol.md, "Questions to a collector"). Must not know what the answers mean.
#pragma once

#include "delivery/control.hpp"
#include "delivery/endpoint.hpp"

#include <chrono>
#include <string>
#include <zmq.hpp>

namespace logboom::viewer {

/// One connection, one question at a time. For one thread.
class CollectorTalk {
 public:
  explicit CollectorTalk(delivery::Endpoint endpoint) : endpoint_(std::move(endpoint)) {}

  enum class Outcome {
    kAnswered,
    kRefused,  // `refusal` says why
    kTooOld,   // a collector is there, and does not know the question
    kSilent,   // nobody answered in time
    kStopped,  // `stop_fd` became readable
  };
  struct Answer {
    Outcome outcome = Outcome::kSilent;
    delivery::Control message;  // kAnswered
    std::string refusal;
    delivery::Info info;  // of who is there, unless kSilent or kStopped
    std::chrono::steady_clock::duration took{};
  };

  /// Blocks up to `timeout`. @param stop_fd −1: none. @throws zmq::error_t when there are no sockets to be had
  Answer ask(delivery::Control const& question, std::chrono::milliseconds timeout, int stop_fd = -1);

 private:
  void connect();
  bool receive(Answer& answer);

  delivery::Endpoint endpoint_;
  zmq::context_t context_{1};
  zmq::socket_t control_;  // none: to be connected with the next question
};

}  // namespace logboom::viewer
