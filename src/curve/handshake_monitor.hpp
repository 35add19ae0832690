// What becomes of a socket's one connection: made, lost, or refused and why. Must not know what travels on it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <zmq.hpp>

namespace logboom::curve {

/// One thread, the socket's. To be opened before the socket connects, and closed before the socket is.
class HandshakeMonitor {
 public:
  enum class Change {
    kConnected,
    kDisconnected,
    /// The other side does not let us in. The socket may never try again: it is to be closed, and another one opened when it is time.
    kRefused,
  };

  /// Why.
  enum class Refusal {
    kNotAdmitted,  // by its ZAP handler: this key, or this user
    kNoCurve,      // it speaks without, and we have keys
    kOnlyCurve,    // it asks for a key, and we have none
    kStranger,     // it speaks otherwise
    kHangsUp,      // without a word: our key of it is likely wrong, or it asks for one
  };

  HandshakeMonitor() = default;
  ~HandshakeMonitor() { close(); }
  HandshakeMonitor(HandshakeMonitor&&) = delete;

  /// @param curve whether the socket has keys. @throws zmq::error_t
  void open(zmq::context_t& context, zmq::socket_t& socket, bool curve);
  void close() noexcept;
  /// What happened since the last call, one at a time. Not blocking.
  std::optional<Change> next();
  /// Somebody took a connection since open(), whatever became of it: what they have to say may take its time on a busy machine.
  bool met() const noexcept { return met_; }
  /// After kRefused.
  Refusal refusal() const noexcept { return refusal_; }
  /// After kRefused by a collector: why, and what mends it.
  std::string const& reason() const noexcept { return reason_; }

  bool is_open() const noexcept { return events_.handle() != nullptr; }
  /// For zmq_poll.
  void* handle() noexcept { return events_.handle(); }
  /// For poll(2): readable when something happened after next() said that nothing did; -1: not open. @throws zmq::error_t
  int descriptor() const { return is_open() ? events_.get(zmq::sockopt::fd) : -1; }

 private:
  // Handshakes in a row that one who goes on listening ended without a word.
  static constexpr int kUnsaid = 2;
  static constexpr int kUnsaidInTheClear =
      5;  // there may be something between us, such as a tunnel with nobody at its end

  std::optional<Change> take(std::uint16_t event, std::uint32_t value);

  zmq::socket_t* socket_ = nullptr;
  zmq::socket_t events_;
  bool curve_ = false;
  int unsaid_ = 0;
  bool met_ = false;
  Refusal refusal_{};
  std::string reason_;
};

}  // namespace logboom::curve
