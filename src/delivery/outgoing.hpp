// What a speaker has to send, whatever it is and wherever it is kept. Must not know sockets.
#pragma once

#include "delivery/sender_window.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace logboom::delivery {

/// One thread.
class Outgoing {
 public:
  virtual ~Outgoing() = default;

  /// Makes the window know every stream there is.
  virtual void open_streams(SenderWindow& window) = 0;

  struct Batch {
    std::span<std::byte const> bytes;
    std::span<SenderWindow::Range const> ranges;
  };
  /// The next batch, from the window's cursors on; empty ranges: nothing to send now. Valid until the next call.
  /// @throws std::system_error when it cannot be read now: nothing is given up, try again later
  virtual Batch next(SenderWindow const& window) = 0;
  /// The cursors went back.
  virtual void rewind() = 0;
  /// Gives back what is committed. @throws std::system_error as next()
  virtual void release(SenderWindow const& window, std::int64_t now) = 0;
  /// Everything there is is committed.
  virtual bool drained(SenderWindow const& window) const = 0;
};

}  // namespace logboom::delivery
