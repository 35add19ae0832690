// Asks a collector about itself, or to change something (docs/protocol.md, "Questions to a collector"). Must not know what the answers mean.
#pragma once

#include "curve/client_keys.hpp"
#include "curve/handshake_monitor.hpp"
#include "delivery/control.hpp"
#include "delivery/endpoint.hpp"

#include <chrono>
#include <string>
#include <zmq.hpp>

namespace logboom::viewer {

/// One connection, one question at a time. For one thread.
class CollectorTalk {
 public:
  /// @param keys for that collector; none: CURVE is not spoken
  CollectorTalk(delivery::Endpoint endpoint, curve::ClientKeys keys)
      : endpoint_(std::move(endpoint)), keys_(std::move(keys)) {}
  ~CollectorTalk() { close(); }
  CollectorTalk(CollectorTalk const&) = delete;
  CollectorTalk& operator=(CollectorTalk const&) = delete;

  enum class Outcome {
    kAnswered,
    kRefused,  // it takes no such question: `refusal` says why
    kShutOut,  // it does not let us in: `refusal` says why
    kTooOld,   // a collector is there, and does not know the question
    kSilent,   // nobody answered in time
    kStopped,  // `stop_fd` became readable
  };
  struct Answer {
    Outcome outcome = Outcome::kSilent;
    delivery::Control message;  // kAnswered
    std::string refusal;
    delivery::Info info;  // of who is there, unless kShutOut, kSilent or kStopped
    std::chrono::steady_clock::duration took{};
  };

  /// Blocks up to `timeout`. @param stop_fd −1: none. @throws zmq::error_t when there are no sockets to be had, curve::KeyError for keys that cannot be used
  Answer ask(delivery::Control const& question, std::chrono::milliseconds timeout, int stop_fd = -1);

 private:
  void connect();
  void close() noexcept;
  bool receive(Answer& answer);
  bool shut_out(Answer& answer);

  delivery::Endpoint endpoint_;
  curve::ClientKeys keys_;
  zmq::context_t context_{1};
  zmq::socket_t control_;  // none: to be connected with the next question
  curve::HandshakeMonitor monitor_;
};

}  // namespace logboom::viewer
