// The connection between one speaker and one collector, as the speaker sees it: batches go one way, control messages both ways. Must not know the delivery protocol.
#pragma once

#include "delivery/control.hpp"
#include "delivery/endpoint.hpp"

#include <cstddef>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>

namespace logboom::delivery {

/// The system has no connection to give, or refuses the address.
class LinkError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// It would be in vain until somebody has mended what the text says: keys that cannot be used.
class LinkRefusal : public LinkError {
 public:
  using LinkError::LinkError;
};

/// One thread; never blocks.
class Link {
 public:
  Link() = default;
  virtual ~Link() = default;
  Link(Link const&) = delete;
  Link& operator=(Link const&) = delete;

  /// Begins to connect, and goes on trying until it is refused. Closes what was open. @throws LinkError, LinkRefusal
  virtual void open(Endpoint const& endpoint) = 0;
  /// Discards the batches that were not sent yet. @throws std::exception for want of what it takes: nothing has changed then
  virtual void reopen_push() = 0;
  virtual void close() noexcept = 0;

  enum class Change {
    kConnected,
    kDisconnected,
    kRefused,  // the collector does not let us in, and `reason()` says why: to be closed, and opened again when it is time
  };
  /// What became of the control connection since the last call, one at a time.
  virtual std::optional<Change> change() = 0;
  /// After kRefused: why, and what mends it.
  virtual std::string reason() const { return {}; }

  /// False: no connection, or no room now.
  virtual bool send(std::span<std::byte const> batch) = 0;
  virtual bool say(Control const& message) = 0;
  /// The next control message.
  virtual std::optional<Control> hear() = 0;
};

}  // namespace logboom::delivery
