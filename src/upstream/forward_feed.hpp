// What a forwarder has to send: the frames of its spool, one stream after the other. Must not know sockets.
#pragma once

#include "delivery/outgoing.hpp"
#include "record/wire.hpp"
#include "upstream/forward_spool.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace logboom::upstream {

/// One thread. The spool and the publisher outlive it.
class ForwardFeed final : public delivery::Outgoing {
 public:
  ForwardFeed(ForwardSpool& spool, wire::Publisher const& forwarder);

  /// Frames of a stream come after all of the one before: what they hold is in order across them.
  void open_streams(delivery::SenderWindow& window) override;
  Batch next(delivery::SenderWindow const& window) override;
  void rewind() override {}
  void release(delivery::SenderWindow const& window, std::int64_t now) override;
  bool drained(delivery::SenderWindow const& window) const override;

  std::uint64_t sent() const noexcept { return sent_; }    // records, repeats included
  std::uint64_t acked() const noexcept { return acked_; }  // records

 private:
  ForwardSpool* spool_;
  wire::Publisher const* forwarder_;
  std::uint64_t stream_ = 0;  // that is being sent; 0: none yet
  std::vector<std::byte> frame_;
  delivery::SenderWindow::Range range_;
  std::uint64_t sent_ = 0, acked_ = 0;
};

}  // namespace logboom::upstream
