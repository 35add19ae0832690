// The sockets between one speaker and one collector: PUSH for batches, DEALER for control, and the monitor that tells when control stands.
// Must not know the delivery protocol, nor what is in a batch. Never blocks. One thread.
#pragma once

#include "curve/client_keys.hpp"
#include "curve/handshake_monitor.hpp"
#include "delivery/control.hpp"
#include "delivery/endpoint.hpp"
#include "delivery/link.hpp"

#include <zmq.hpp>

#include <chrono>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace logboom::publisher {

class CollectorLink final : public delivery::Link {
 public:
  /// @param keys for these addresses; none: CURVE is not spoken
  CollectorLink(zmq::context_t& context, curve::ClientKeys keys,
                std::vector<delivery::Endpoint> const& endpoints)
      : context_(&context), keys_(std::move(keys)) {
    for (auto const& endpoint : endpoints) addresses_.push_back(endpoint.text);
  }
  ~CollectorLink() override { close_sockets(); }

  void open(delivery::Endpoint const& endpoint) override;
  /// @throws zmq::error_t, curve::KeyError
  void reopen_push() override { open_push(); }
  void close() noexcept override { close_sockets(); }
  std::optional<Change> change() override;
  std::string reason() const override { return monitor_.reason(); }
  bool send(std::span<std::byte const> batch) override;
  bool say(delivery::Control const& message) override;
  /// Messages that cannot be read are skipped and counted.
  std::optional<delivery::Control> hear() override;
  std::size_t unreadable() const noexcept { return unreadable_; }

  /// Waits, `most` at the longest, for something to hear, for `wake` (a descriptor) to be readable, and, `to_send`, for PUSH to take a batch. What it says there is
  /// nothing of is not looked for again before the next wait: this is what a publisher with nothing to say does all day. @return whether `wake` is readable
  /// @throws zmq::error_t
  bool wait(int wake, bool to_send, std::chrono::microseconds most);

 private:
  /// What is known of a socket without asking it. ZeroMQ's descriptors tell of what came after a socket was asked last, and sending asks as well.
  struct News {
    bool none = false;  // there was nothing to read when it was asked last
    bool calm = false;  // and nothing came while we waited: holds for one look
  };

  void open_sockets();
  void open_push();
  void close_sockets() noexcept;
  std::size_t number() const;

  zmq::context_t* context_;
  curve::ClientKeys keys_;
  std::vector<std::string> addresses_;
  delivery::Endpoint endpoint_;
  zmq::socket_t push_, control_;
  curve::HandshakeMonitor monitor_;  // of control
  bool lost_ = false;                // the connection, since it was opened
  News control_news_, monitor_news_;
  std::size_t unreadable_ = 0;
};

}  // namespace logboom::publisher
