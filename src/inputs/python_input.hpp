// Takes records from Python's stock socket handlers: one thread with epoll for all sockets and connections, which decodes and makes blocks.
// Must not know the store or who takes the blocks.
#pragma once

#include "inputs/block_exchange.hpp"
#include "inputs/frame_stream.hpp"
#include "inputs/host_names.hpp"
#include "inputs/listen_socket.hpp"
#include "inputs/peer_address.hpp"
#include "inputs/python_record.hpp"
#include "posix/descriptor.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <vector>

#include <sys/epoll.h>

namespace logboom::inputs {

using posix::Descriptor;

/// Written by the input's thread, read by anybody.
struct PythonInputCounters {
  std::atomic<std::uint64_t> connections = 0;  // open
  std::atomic<std::uint64_t> refused = 0;      // connections, for want of descriptors
  std::atomic<std::uint64_t> bad_frames = 0;
};

class PythonInput {
 public:
  // A block is handed over when it holds this much, and whenever nothing more is there to be read.
  static constexpr std::size_t kBlockEntries = 2'000;
  static constexpr std::size_t kBlockBytes = 512U << 10U;
  static constexpr std::size_t kRead = 128U << 10U;  // bytes from one connection before others have their turn
  static constexpr int kDatagramsAtOnce = 64;
  static constexpr std::size_t kMostHeld =
      64U << 20U;  // bytes of frames that have come in part, of all connections
  static constexpr std::size_t kMostConnections = 16'384;
  static constexpr std::size_t kOtherDescriptors =
      256;  // of the process, at least, that are not for connections
  static constexpr std::chrono::milliseconds kNameWait{2'000};  // for the name of a host; then its number does
  static constexpr std::chrono::milliseconds kLongestFinish{1'500};
  static constexpr std::chrono::milliseconds kQuiet{50};  // finishing: nothing came for this long

  enum class Trouble { kBadFrame, kRefused };
  /// One line for the collector's log. Called by the input's thread; must not block.
  using Report = std::function<void(Trouble, std::string)>;

  struct Options {
    std::string host;                  // this machine's name, of records that come from it
    std::size_t most_connections = 0;  // 0: what the limit of descriptors leaves
    HostNames::Lookup lookup = HostNames::system_lookup;
  };

  /// @param news called when take() has something, or finished() became true; must not block
  PythonInput(std::vector<ListenSocket> sockets, Options options, Report report, std::function<void()> news);
  /// Ends the thread, whatever is left.
  ~PythonInput();
  PythonInput(PythonInput const&) = delete;
  PythonInput& operator=(PythonInput const&) = delete;

  /// Begins the thread.
  void start();
  /// A block of records; nothing if there is none. While nobody takes them, nothing is read. One thread.
  std::unique_ptr<Block> take();
  /// What has arrived is still taken, not longer than kLongestFinish; then everything is closed.
  void finish();
  /// All is closed, and nothing comes after what take() still has.
  bool finished() const noexcept { return finished_; }

  std::vector<std::string> addresses() const;
  PythonInputCounters const& counters() const noexcept { return counters_; }

 private:
  using Clock = std::chrono::steady_clock;

  struct Connection {
    Connection(Descriptor descriptor, PeerAddress const& address)
        : fd(std::move(descriptor)), peer(address), stream(kMaxFrame) {}
    Descriptor const fd;
    PeerAddress const peer;
    FrameStream stream;
    std::string host;
  };
  struct Unnamed {
    std::unique_ptr<Connection> connection;
    Clock::time_point until;
  };

  void run(std::stop_token const& stop);
  bool work();
  void serve(epoll_event const& event);
  void accept_from(ListenSocket& socket);
  void admit(Descriptor fd, PeerAddress const& peer);
  void refuse_one(ListenSocket& socket);
  void name_connections(bool all);
  void add(std::unique_ptr<Connection> connection);
  void read_from(Connection& connection);
  void read_datagrams(ListenSocket& socket);
  void take_datagram(std::span<std::byte const> datagram, std::size_t size, PeerAddress const& peer);
  void take_frame(std::span<std::byte const> frame, std::string_view host);
  void bad_frame(std::string const& peer, std::string_view why);
  void close(Connection& connection);
  void close_all();
  void begin_block();
  void give_block(bool full);
  std::chrono::milliseconds longest_wait() const;
  bool watch(int fd, std::uint64_t tag) const noexcept;
  void ring() const noexcept;

  std::vector<ListenSocket> sockets_;
  std::vector<std::string> addresses_;
  Options const options_;
  Report const report_;
  std::function<void()> const news_;
  std::size_t most_connections_ = 0;
  Descriptor epoll_, wake_;
  Descriptor spare_;  // given up for a moment where no other is left
  BlockExchange exchange_;
  PythonInputCounters counters_;
  std::atomic<bool> finishing_ = false, finished_ = false;

  // Of the thread.
  HostNames names_;
  PythonRecords records_;
  std::unordered_map<int, std::unique_ptr<Connection>> connections_;
  std::deque<Unnamed> unnamed_;
  std::size_t held_ = 0;
  std::vector<std::byte> buffer_;
  std::vector<epoll_event> events_;
  std::size_t next_event_ = 0, event_count_ = 0;
  std::unique_ptr<Block> block_;
  std::size_t block_bytes_ = 0;
  Clock::time_point finish_by_{};
  std::jthread thread_;
};

}  // namespace logboom::inputs
