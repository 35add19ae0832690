// Keeps connections within their bound, and with them descriptors (ZeroMQ ends the process when an ipc listener finds none left) and memory.
// Must not know what travels on the connections.
#pragma once

#include "collector/bus_sockets.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>
#include <zmq.hpp>

namespace logboom::collector {

/// At the bound the doors are shut: who is connected stays, who comes finds nobody and tries again, as without a collector. They open again when a tenth has left.
/// ZeroMQ cannot do that (to unbind cuts the connections as well), so that it is done beneath it: the socket's file of an ipc address is called otherwise for the
/// time, and a port's listener gets a packet filter that takes nothing. A crowd that comes between two looks is there before: a reserve of descriptors is for it.
/// Belongs to the thread of the sockets.
class Doorkeeper {
 public:
  static constexpr std::size_t kMostConnections = 16'384;  // unless asked for more
  static constexpr std::chrono::milliseconds kLookAgain{200};

  /// @param max_connections 0: as many as descriptors allow, kMostConnections at most. Whatever the process opens later counts as one.
  /// @throws delivery::BindError when RLIMIT_NOFILE leaves no room for any
  Doorkeeper(BusSockets& bus, std::size_t max_connections);
  ~Doorkeeper();  // opens the doors
  Doorkeeper(Doorkeeper const&) = delete;
  Doorkeeper& operator=(Doorkeeper const&) = delete;

  /// Readable when somebody came or left.
  std::array<void*, 3> arrivals() noexcept;
  void forget_arrivals();

  /// Shuts or opens the doors if it is time. A system call or two. @return what a person should know: the first time that they are shut, and when they cannot be.
  std::string look();
  bool shut() const noexcept { return shut_; }
  /// Handshakes that came to no end, or to a refusal, since the start: a peer with the wrong key of the collector or none at all, of another protocol, or too slow.
  std::uint64_t failed_handshakes() const noexcept { return failed_handshakes_; }
  /// Ends all connections of the bus: who may still come comes back. @return how many.
  std::size_t cut_all();
  /// Ends the connections to the live sockets of these peers (as ZeroMQ's Peer-Address names them); empty: of all. @return how many.
  std::size_t cut_viewers(std::vector<std::string> const& peers);
  /// Connections at which the doors are shut.
  std::size_t bound() const noexcept { return bound_ - at_start_; }
  /// Connections as of the last forget_arrivals(): of all sockets, and those to the live one.
  std::size_t connections() const noexcept { return open_[0] + open_[1] + open_[2]; }
  std::size_t viewers() const noexcept { return open_[2]; }

 private:
  using Clock = std::chrono::steady_clock;

  void watch(zmq::socket_t& socket, std::size_t number);
  template <class Wanted>
  std::size_t cut(Wanted wanted);
  bool shut_doors();
  void open_doors();

  BusSockets& bus_;
  std::array<zmq::socket_t, 3> arrivals_;
  std::array<std::size_t, 3> open_{};  // connections of each socket
  std::vector<std::string> paths_;     // of ipc sockets
  std::vector<std::string> live_paths_;
  std::vector<unsigned> ports_, live_ports_;
  std::vector<int> listeners_;  // of ports; the descriptors are ZeroMQ's
  std::size_t at_start_ = 0;    // descriptors that are no connections
  std::size_t bound_ = 0;       // descriptors
  std::uint64_t failed_handshakes_ = 0;
  bool shut_ = false;
  bool told_ = false;
  Clock::time_point next_look_{};
};

}  // namespace logboom::collector
