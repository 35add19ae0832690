// Publishes committed records as pyzmq's PUBHandler would, for `python -m zmq.log` and whoever else reads that: two frames, the topic `LEVEL.logger` and the text.
// Must not know the store.
#pragma once

#include "sinks/sink.hpp"
#include "sinks/subscriptions.hpp"

#include <string>
#include <zmq.hpp>

namespace logboom::sinks {

/// Never waits: who reads too slowly misses records. Renders nothing while nobody listens.
class ZmqLog final : public Sink {
 public:
  static constexpr int kMaxWaiting = 1'000;            // records a reader
  static constexpr std::size_t kMaxText = 64U << 10U;  // bytes of a record's text; longer ones are cut

  /// Binds. @throws std::invalid_argument for what cannot be bound: with the endpoint, the reason and the mend
  ZmqLog(zmq::context_t& context, std::string const& endpoint);

  void take(std::shared_ptr<Block const> const& block) override;
  /// As bound, with the port that the system chose.
  std::string const& endpoint() const noexcept { return endpoint_; }

 private:
  void look_for_readers();
  void send(Block const& block, Entry const& entry);

  zmq::socket_t socket_;
  std::string endpoint_;
  Subscriptions subscriptions_;
  std::string topic_, text_;
};

}  // namespace logboom::sinks
