// See python_input.hpp.
#include "inputs/python_input.hpp"

#include "posix/background_thread.hpp"
#include "record/wire.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

namespace logboom::inputs {
namespace {

constexpr std::size_t kEventsAtOnce = 256;
constexpr int kAcceptsAtOnce = 64;
// What an event is of: a connection's descriptor, or with these the number of a socket, or the wake-up.
constexpr std::uint64_t kSocketTag = 1ULL << 32U;
constexpr std::uint64_t kWakeTag = 1ULL << 33U;

std::int64_t wall_clock() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::size_t connections_that_fit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return PythonInput::kOtherDescriptors;
  auto const all = static_cast<std::size_t>(std::min<rlim_t>(limit.rlim_cur, 1U << 20U));
  // Half of the rest: the others' sockets need theirs, and ZeroMQ ends the process when it finds none.
  std::size_t const rest = all > PythonInput::kOtherDescriptors ? all - PythonInput::kOtherDescriptors : 0;
  return std::clamp<std::size_t>(rest / 2, 16, PythonInput::kMostConnections);
}

/// A peer whose machine is gone says nothing: after some minutes its connection ends.
void keep_alive(int fd) noexcept {
  int const on = 1;
  int const idle = 120;
  int const interval = 30;
  int const count = 4;
  ::setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof count);
}

}  // namespace

PythonInput::PythonInput(std::vector<ListenSocket> sockets, Options options, Report report,
                         std::function<void()> news)
    : sockets_(std::move(sockets)),
      options_(std::move(options)),
      report_(std::move(report)),
      news_(std::move(news)),
      most_connections_(options_.most_connections > 0 ? options_.most_connections : connections_that_fit()),
      names_(options_.lookup, [this] { ring(); }),
      // A datagram may be as long as a frame with its header; one byte more tells that it is longer.
      buffer_(std::max(kRead, FrameStream::kHeader + kMaxFrame + 1)),
      events_(kEventsAtOnce) {
  for (auto const& socket : sockets_) addresses_.push_back(socket.text());
  epoll_.reset(::epoll_create1(EPOLL_CLOEXEC));
  wake_.reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  spare_.reset(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  bool watched = watch(wake_.get(), kWakeTag);
  for (std::size_t i = 0; i < sockets_.size(); ++i)
    watched = watched && watch(sockets_[i].fd(), kSocketTag + i);
  if (!watched) throw std::system_error(errno, std::generic_category(), "an input for Python: epoll");
}

PythonInput::~PythonInput() {
  if (thread_.joinable()) {
    thread_.request_stop();
    ring();
    thread_.join();
  }
}

void PythonInput::start() {
  thread_ = posix::background_thread<std::jthread>("logboom-input",
                                                   [this](std::stop_token const& stop) { run(stop); });
}

std::unique_ptr<Block> PythonInput::take() {
  bool const had_room = exchange_.room();
  auto block = exchange_.take();
  if (block && !had_room) ring();
  return block;
}

void PythonInput::finish() {
  finishing_ = true;
  if (!thread_.joinable()) finished_ = true;
  ring();
}

std::vector<std::string> PythonInput::addresses() const { return addresses_; }

void PythonInput::ring() const noexcept {
  std::uint64_t const one = 1;
  if (::write(wake_.get(), &one, sizeof one) < 0) errno = 0;  // full: the thread wakes anyway
}

bool PythonInput::watch(int fd, std::uint64_t tag) const noexcept {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = tag;
  return ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0;
}

void PythonInput::run(std::stop_token const& stop) {
  while (!stop.stop_requested()) {
    if (finishing_ && finish_by_ == Clock::time_point{}) finish_by_ = Clock::now() + kLongestFinish;
    if (finishing_ && Clock::now() >= finish_by_) break;
    bool const something = work();
    if (finishing_ && !something && exchange_.room()) break;
  }
  close_all();
  finished_ = true;
  news_();
}

/// One turn: waits for something and does it. @return whether there was something
bool PythonInput::work() {
  auto const wait = longest_wait();
  if (!exchange_.room()) {
    // Nobody takes the blocks: what comes waits in the kernel, and holds its senders back.
    pollfd item{wake_.get(), POLLIN, 0};
    ::poll(&item, 1, static_cast<int>(wait.count()));
    std::uint64_t news = 0;
    if (::read(wake_.get(), &news, sizeof news) < 0) errno = 0;
    return true;
  }
  if (next_event_ == event_count_) {
    int const count = ::epoll_wait(epoll_.get(), events_.data(), static_cast<int>(events_.size()),
                                   static_cast<int>(wait.count()));
    next_event_ = 0;
    event_count_ = count > 0 ? static_cast<std::size_t>(count) : 0;
  }
  bool const something = event_count_ > 0 || !unnamed_.empty();
  name_connections(finishing_);
  // Those that find no room are served first next time, so that nobody waits for ever.
  while (next_event_ < event_count_ && exchange_.room()) serve(events_[next_event_++]);
  give_block(false);
  return something;
}

std::chrono::milliseconds PythonInput::longest_wait() const {
  // What was sent before may still be on the sender's side of a connection whose window was full: a moment without news is not the end.
  if (finishing_ && exchange_.room()) return kQuiet;
  std::chrono::milliseconds wait{500};
  if (!unnamed_.empty())
    wait = std::chrono::duration_cast<std::chrono::milliseconds>(unnamed_.front().until - Clock::now()) +
           std::chrono::milliseconds(1);
  return std::clamp(wait, std::chrono::milliseconds(0), std::chrono::milliseconds(500));
}

void PythonInput::serve(epoll_event const& event) {
  std::uint64_t const tag = event.data.u64;
  if (tag == kWakeTag) {
    std::uint64_t news = 0;
    if (::read(wake_.get(), &news, sizeof news) < 0) errno = 0;
  } else if (tag >= kSocketTag) {
    auto& socket = sockets_[tag - kSocketTag];
    socket.is_stream() ? accept_from(socket) : read_datagrams(socket);
  } else if (auto const found = connections_.find(static_cast<int>(tag)); found != connections_.end()) {
    read_from(*found->second);
  }
}

void PythonInput::accept_from(ListenSocket& socket) {
  for (int left = kAcceptsAtOnce; left > 0; --left) {
    PeerAddress peer;
    peer.size = sizeof peer.storage;
    Descriptor fd(::accept4(socket.fd(), reinterpret_cast<sockaddr*>(&peer.storage), &peer.size,
                            SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (fd) {
      admit(std::move(fd), peer);
    } else if (errno == EMFILE || errno == ENFILE) {
      return refuse_one(socket);
    } else if (errno != EINTR && errno != ECONNABORTED) {
      return;
    }
  }
}

void PythonInput::admit(Descriptor fd, PeerAddress const& peer) {
  if (connections_.size() + unnamed_.size() >= most_connections_) {
    ++counters_.refused;
    report_(Trouble::kRefused,
            fmt::format("a connection of {} was refused: {} are open, the limit of descriptors "
                        "(ulimit -n) allows no more",
                        peer.text(), most_connections_));
    return;
  }
  if (!peer.is_local()) keep_alive(fd.get());
  auto connection = std::make_unique<Connection>(std::move(fd), peer);
  ++counters_.connections;
  if (peer.is_local()) {
    connection->host = options_.host;
    return add(std::move(connection));
  }
  // Not read before its name is known: the records of one connection have one host.
  if (auto name = names_.find(peer)) {
    connection->host = std::move(*name);
    return add(std::move(connection));
  }
  unnamed_.push_back({std::move(connection), Clock::now() + kNameWait});
}

/// No descriptor is left for a connection that waits, and it would be shown for ever: one is kept to turn it away.
void PythonInput::refuse_one(ListenSocket& socket) {
  spare_.reset();
  Descriptor(::accept4(socket.fd(), nullptr, nullptr, SOCK_CLOEXEC)).reset();
  spare_.reset(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  ++counters_.refused;
  report_(Trouble::kRefused, "a connection was refused: no descriptor is left (raise ulimit -n)");
}

void PythonInput::name_connections(bool all) {
  if (unnamed_.empty()) return;
  std::deque<Unnamed> still;
  auto const now = Clock::now();
  for (auto& one : unnamed_) {
    auto name = names_.find(one.connection->peer);
    if (!name && (all || now >= one.until)) name = one.connection->peer.host();
    if (!name) {
      still.push_back(std::move(one));
      continue;
    }
    one.connection->host = std::move(*name);
    add(std::move(one.connection));
  }
  unnamed_.swap(still);
}

void PythonInput::add(std::unique_ptr<Connection> connection) {
  int const fd = connection->fd.get();
  if (!watch(fd, static_cast<std::uint64_t>(fd))) {
    --counters_.connections;
    ++counters_.refused;
    report_(Trouble::kRefused,
            "a connection was refused: the system watches no more of them (fs.epoll.max_user_watches)");
    return;
  }
  connections_.emplace(fd, std::move(connection));
}

void PythonInput::read_from(Connection& connection) {
  ssize_t const size = ::recv(connection.fd.get(), buffer_.data(), kRead, 0);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (size <= 0) {
    // A peer that dies amid a frame leaves a part of a record, which nobody can make whole.
    if (connection.stream.amid_frame())
      bad_frame(connection.peer.text(), "the connection ended amid a frame");
    return close(connection);
  }
  held_ -= connection.stream.held();
  try {
    connection.stream.feed(std::span(buffer_).first(static_cast<std::size_t>(size)),
                           [&](auto frame) { take_frame(frame, connection.host); });
    held_ += connection.stream.held();
    if (held_ <= kMostHeld) return;
    bad_frame(connection.peer.text(), fmt::format("frames that came in part fill {} bytes", kMostHeld));
  } catch (wire::FrameError const& error) {
    held_ += connection.stream.held();
    bad_frame(connection.peer.text(), error.what());
  }
  close(connection);
}

void PythonInput::read_datagrams(ListenSocket& socket) {
  for (int left = kDatagramsAtOnce; left > 0 && exchange_.room(); --left) {
    PeerAddress peer;
    peer.size = sizeof peer.storage;
    ssize_t const size = ::recvfrom(socket.fd(), buffer_.data(), buffer_.size(), MSG_TRUNC,
                                    reinterpret_cast<sockaddr*>(&peer.storage), &peer.size);
    if (size < 0) return;
    if (socket.transport() == Transport::kUnixDatagram) peer.storage.ss_family = AF_UNIX;
    auto const whole = static_cast<std::size_t>(size);
    take_datagram(std::span(buffer_).first(std::min(whole, buffer_.size())), whole, peer);
  }
}

void PythonInput::take_datagram(std::span<std::byte const> datagram, std::size_t size, PeerAddress const& peer) {
  try {
    if (size < FrameStream::kHeader ||
        size - FrameStream::kHeader != detail::record_layout::load32(datagram.data()))
      throw wire::FrameError(fmt::format("a datagram of {} bytes whose length says otherwise", size));
    if (size - FrameStream::kHeader > kMaxFrame)
      throw wire::FrameError(fmt::format("a frame of {} bytes, more than {}", size, kMaxFrame));
    auto const frame = datagram.subspan(FrameStream::kHeader);
    if (peer.is_local()) return take_frame(frame, options_.host);
    auto const name = names_.find(peer);
    take_frame(frame, name ? *name : peer.host());
  } catch (wire::FrameError const& error) {
    bad_frame(peer.text(), error.what());
  }
}

void PythonInput::take_frame(std::span<std::byte const> frame, std::string_view host) {
  begin_block();
  records_.take(frame, host, wall_clock());
  block_bytes_ += frame.size();
  if (block_->entries.size() >= kBlockEntries || block_bytes_ >= kBlockBytes) give_block(true);
}

void PythonInput::bad_frame(std::string const& peer, std::string_view why) {
  ++counters_.bad_frames;
  report_(Trouble::kBadFrame, fmt::format("bad frame of {} at an input for Python: {}", peer, why));
}

void PythonInput::close(Connection& connection) {
  held_ -= connection.stream.held();
  connections_.erase(connection.fd.get());
  --counters_.connections;
}

void PythonInput::close_all() {
  connections_.clear();
  unnamed_.clear();
  sockets_.clear();
  counters_.connections = 0;
}

void PythonInput::begin_block() {
  if (block_) return;
  block_ = exchange_.reopen();
  if (!block_) {
    block_ = std::make_unique<Block>();
    block_bytes_ = 0;
  }
  records_.begin(*block_);
}

void PythonInput::give_block(bool full) {
  if (!block_) return;
  bool const empty = block_->entries.empty();
  if (!empty) exchange_.give(std::move(block_), full);
  block_.reset();
  if (!empty) news_();
}

}  // namespace logboom::inputs
