// One PUB socket of another program. Must not know what a frame says.
#pragma once

#include "curve/client_keys.hpp"
#include "curve/handshake_monitor.hpp"

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>
#include <zmq.hpp>

namespace logboom::inputs {

/// A SUB socket that goes on trying, also where it is refused: keys are read anew for each attempt. For one thread.
class PublishedSource {
 public:
  static constexpr int kMaxWaiting =
      1'000;  // messages; what comes then is dropped at the publisher, which nobody is told
  static constexpr std::chrono::seconds kTryAgain{3};  // after a refusal

  /// @param which number of the endpoint, for its key. @throws std::invalid_argument for what ZeroMQ does not take for an endpoint
  PublishedSource(zmq::context_t& context, std::string endpoint, curve::ClientKeys keys, std::size_t which);
  ~PublishedSource() = default;
  PublishedSource(PublishedSource const&) = delete;
  PublishedSource& operator=(PublishedSource const&) = delete;

  struct Message {
    zmq::message_t first;   // the frame, or the topic
    zmq::message_t second;  // the text, if there is a topic
    std::size_t frames = 0;
  };
  /// Never waits. @return false: there is none
  bool receive(Message& message);

  struct News {
    bool trouble = false;  // else it has passed
    std::string line;
  };
  /// Looks what became of the connection, and tries again if it is time. @return what a person should know, each thing once
  std::optional<News> follow();

  /// For zmq_poll(); nothing between a refusal and the next attempt.
  void add_to(std::vector<zmq_pollitem_t>& items);

 private:
  using Clock = std::chrono::steady_clock;

  void open();
  std::optional<News> try_again();
  std::optional<News> refused(std::string line);

  zmq::context_t* context_;
  std::string const endpoint_;
  curve::ClientKeys const keys_;
  std::size_t const which_;
  zmq::socket_t socket_;             // none: refused
  curve::HandshakeMonitor monitor_;  // of it, and closed before it
  std::string told_;                 // why it is refused; "": it is not
  Clock::time_point again_{};
};

}  // namespace logboom::inputs
