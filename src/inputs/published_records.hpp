// Records that other programs publish on PUB sockets of their own: pyzmq's PUBHandler, logbook's ZeroMQHandler, the ZeroMQ handler of module logging's cookbook.
// Must not know what a frame says.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>
#include <zmq.hpp>

namespace logboom::inputs {

/// One SUB socket. For one thread.
class PublishedRecords {
 public:
  static constexpr int kMaxWaiting =
      1'000;  // messages a publisher; what comes then is dropped there, which nobody is told

  /// Connects to each, or will as soon as somebody is there. @throws std::invalid_argument for what ZeroMQ does not take for an endpoint
  PublishedRecords(zmq::context_t& context, std::span<std::string const> endpoints);

  /// For zmq_poll().
  void* handle() { return socket_.handle(); }

  struct Message {
    zmq::message_t first;   // the frame, or the topic
    zmq::message_t second;  // the text, if there is a topic
    std::size_t frames = 0;
  };
  /// Never waits. @return false: there is none
  bool receive(Message& message);

 private:
  zmq::socket_t socket_;
};

}  // namespace logboom::inputs
