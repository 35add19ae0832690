// Answers libzmq's questions who is to be let in, on a thread of its own: a handshake waits for nobody else. Must not know who is let in.
#pragma once

#include "collector/admission.hpp"

#include <stop_token>
#include <thread>
#include <zmq.hpp>

namespace logboom::collector {

/// Of one context. libzmq asks once a connection, and keeps the question with the connection: there are as many as may be open, at most.
class ZapHandler {
 public:
  /// Before the context's sockets are bound, which from then on ask. @throws zmq::error_t, std::system_error
  ZapHandler(zmq::context_t& context, Admission& admission);
  ~ZapHandler();
  ZapHandler(ZapHandler const&) = delete;
  ZapHandler& operator=(ZapHandler const&) = delete;

 private:
  void run(std::stop_token const& stop);
  void answer();

  Admission& admission_;
  zmq::socket_t questions_;
  zmq::socket_t wake_, end_;  // a pair: what is said into the one ends the waiting at the other
  std::jthread thread_;
};

}  // namespace logboom::collector
