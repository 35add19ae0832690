// The sockets between one speaker and one collector: PUSH for batches, DEALER for control, and the monitor that tells when control stands.
// Must not know the delivery protocol, nor what is in a batch. Never blocks. One thread.
#pragma once

#include "delivery/control.hpp"
#include "delivery/endpoint.hpp"

#include <zmq.hpp>

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace logboom::publisher {

class CollectorLink {
 public:
  explicit CollectorLink(zmq::context_t& context) : context_(&context) {}
  ~CollectorLink() { close(); }
  CollectorLink(CollectorLink const&) = delete;
  CollectorLink& operator=(CollectorLink const&) = delete;

  /// Begins to connect, and goes on trying for ever. Closes what was open. @throws zmq::error_t when the system has no more sockets or the address is refused
  void open(delivery::Endpoint const& endpoint);
  /// Discards what PUSH still holds. @throws zmq::error_t when there is no other socket to be had: nothing has changed then
  void reopen_push() { open_push(); }
  void close() noexcept;

  enum class Change { kConnected, kDisconnected };
  /// What became of the control connection since the last call, one at a time.
  std::optional<Change> change();

  /// False: no connection, or no room now.
  bool send(std::span<std::byte const> batch);
  bool say(delivery::Control const& message);
  /// The next control message. Ones that cannot be read are skipped and counted.
  std::optional<delivery::Control> hear();
  std::size_t unreadable() const noexcept { return unreadable_; }

  /// For zmq_poll; nothing where nothing is open. `to_send`: wake up as well when PUSH can take a batch.
  void add_to(std::vector<zmq_pollitem_t>& items, bool to_send);

 private:
  void open_push();

  zmq::context_t* context_;
  delivery::Endpoint endpoint_;
  zmq::socket_t push_, control_, monitor_;
  std::size_t unreadable_ = 0;
};

}  // namespace logboom::publisher
