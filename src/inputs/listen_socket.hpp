// Sockets that an input takes records from: bound to the address that the user gave. Must not know what comes by them.
#pragma once

#include <cstdint>
#include <string>

namespace logboom::inputs {

enum class Transport { kTcp, kUdp, kUnix, kUnixDatagram };

/// Not blocking, closed on exec. Owns the descriptor, and the file of a Unix socket.
class ListenSocket {
 public:
  /// @param address "[HOST:]PORT" (host 127.0.0.1 unless given, `*`: all; IPv6 in brackets; port 0: any), or a path.
  /// A path where a socket stands that nobody listens to any more is taken over.
  /// @throws std::invalid_argument for an address that is none, delivery::BindError when it cannot be bound; each names the mend
  ListenSocket(Transport transport, std::string const& address);
  ~ListenSocket();
  ListenSocket(ListenSocket&& other) noexcept;
  ListenSocket& operator=(ListenSocket&&) = delete;

  Transport transport() const noexcept { return transport_; }
  bool is_stream() const noexcept { return transport_ == Transport::kTcp || transport_ == Transport::kUnix; }
  int fd() const noexcept { return fd_; }
  /// "python-tcp 127.0.0.1:9020", with the port chosen where 0 was asked for.
  std::string const& text() const noexcept { return text_; }

 private:
  void bind_internet(std::string const& address);
  void bind_path(std::string const& path);
  void listen_on();

  Transport const transport_;
  int fd_ = -1;
  std::string path_;  // of a Unix socket that is ours
  std::uint64_t inode_ = 0;
  std::string text_;
};

/// Whether others than this machine may reach the address. @throws std::invalid_argument for one that is none
bool reaches_out(Transport transport, std::string const& address);
/// "python-tcp ADDRESS" and the like.
std::string name_of(Transport transport, std::string const& address);
/// Checked without being bound. @throws std::invalid_argument
void check_listen_address(Transport transport, std::string const& address);

}  // namespace logboom::inputs
