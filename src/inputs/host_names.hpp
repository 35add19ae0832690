// Names of the hosts that records come from, looked up on a thread of their own: a lookup may take seconds. Bounded.
// Must not know what the names are for.
#pragma once

#include "inputs/peer_address.hpp"

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace logboom::inputs {

/// One thread asks; the lookups are done by another, which ends with the last lookup once this is gone.
class HostNames {
 public:
  static constexpr std::size_t kMostNames = 4'096;    // kept; at the bound all are forgotten
  static constexpr std::size_t kMostQuestions = 256;  // waiting; who finds no room is called by his number
  static constexpr int kKept = 600;                   // s, then a name is looked up again

  /// Blocks; empty if there is none.
  using Lookup = std::function<std::string(PeerAddress const&)>;
  /// getnameinfo().
  static std::string system_lookup(PeerAddress const& address);

  /// @param news called by the lookups' thread when find() would answer what it did not before; must not block
  HostNames(Lookup lookup, std::function<void()> news);
  ~HostNames();
  HostNames(HostNames const&) = delete;
  HostNames& operator=(HostNames const&) = delete;

  /// The name, or the number of an address without one; nothing while it is being looked up.
  std::optional<std::string> find(PeerAddress const& address);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace logboom::inputs
