// The sockets between one speaker and one collector: PUSH for batches, DEALER for control, and the monitor that tells when control stands.
// Must not know the delivery protocol, nor what is in a batch. Never blocks. One thread.
#pragma once

#include "delivery/control.hpp"
#include "delivery/endpoint.hpp"
#include "delivery/link.hpp"

#include <zmq.hpp>

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace logboom::publisher {

class CollectorLink final : public delivery::Link {
 public:
  explicit CollectorLink(zmq::context_t& context) : context_(&context) {}
  ~CollectorLink() override { close_sockets(); }

  void open(delivery::Endpoint const& endpoint) override;
  /// @throws zmq::error_t
  void reopen_push() override { open_push(); }
  void close() noexcept override { close_sockets(); }
  std::optional<Change> change() override;
  bool send(std::span<std::byte const> batch) override;
  bool say(delivery::Control const& message) override;
  /// Messages that cannot be read are skipped and counted.
  std::optional<delivery::Control> hear() override;
  std::size_t unreadable() const noexcept { return unreadable_; }

  /// For zmq_poll; nothing where nothing is open. `to_send`: wake up as well when PUSH can take a batch.
  void add_to(std::vector<zmq_pollitem_t>& items, bool to_send);

 private:
  void open_sockets();
  void open_push();
  void close_sockets() noexcept;

  zmq::context_t* context_;
  delivery::Endpoint endpoint_;
  zmq::socket_t push_, control_, monitor_;
  std::size_t unreadable_ = 0;
};

}  // namespace logboom::publisher
