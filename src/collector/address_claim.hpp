// An ipc address held by one process: ZeroMQ takes over a path that somebody else is bound to without a word, so a lock file comes first.
// Must not know sockets.
#pragma once

#include "delivery/endpoint.hpp"

#include <span>
#include <string>
#include <vector>

namespace logboom::collector {

class AddressClaim {
 public:
  static constexpr char const* kShutEnd = ".full";  // of the name of a socket's file while nobody is to find it

  /// Makes the directory (0700; `to_all`: 0711, which one of ours is opened to) if it is missing, locks `PATH.lock`, removes what a dead collector left bound.
  /// @throws delivery::BindError: in use (with the holder's pid), directory not ours or not writable, not to be entered by all where that is wanted, something else stands at a socket's path.
  AddressClaim(delivery::Endpoint const& endpoint, bool to_all);
  ~AddressClaim();  // removes the sockets' files: ZeroMQ leaves them
  AddressClaim(AddressClaim&& other) noexcept;
  AddressClaim& operator=(AddressClaim&&) = delete;

 private:
  std::vector<std::string> sockets_;
  // The lock goes with its descriptor; the file stays, or two could hold two files of one name.
  int lock_ = -1;
};

/// One for each that is ipc. @throws delivery::BindError
std::vector<AddressClaim> claim_addresses(std::span<delivery::Endpoint const> endpoints, bool to_all);

}  // namespace logboom::collector
