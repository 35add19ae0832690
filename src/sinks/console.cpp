// The console sink. Must not know sockets or the store.
#include "sinks/console.hpp"

#include <logboom/record.hpp>

#include <fmt/format.h>

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

namespace logboom::sinks {
namespace {

constexpr std::size_t kPiece = 4'096;  // PIPE_BUF: after POLLOUT a pipe takes this much without blocking
constexpr std::size_t kTextTarget = 64U << 10U;
constexpr int kLastWords = 1'000;  // ms that a stuck reader is waited for at the end

int make_eventfd() {
  int const made = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (made < 0) throw std::system_error(errno, std::generic_category(), "console: eventfd");
  return made;
}

}  // namespace

ConsoleSink::ConsoleSink(Formatter formatter, int descriptor, std::size_t max_queued)
    : formatter_(std::move(formatter)),
      descriptor_(descriptor),
      stop_(make_eventfd()),
      max_queued_(max_queued),
      thread_([this] { run(); }) {}

ConsoleSink::~ConsoleSink() {
  {
    std::lock_guard const lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  std::uint64_t const one = 1;
  while (::write(stop_, &one, sizeof one) < 0 && errno == EINTR) {
  }
  thread_.join();
  ::close(stop_);
}

void ConsoleSink::take(std::shared_ptr<Block const> const& block) {
  if (block->entries.empty()) return;
  auto const size = block->bytes();
  std::lock_guard const lock(mutex_);
  // One block always fits, however large.
  if (queued_ > 0 && queued_ + size > max_queued_) {
    dropped_ += block->entries.size();
    lost_ += block->entries.size();
    return;
  }
  queued_ += size;
  queue_.push_back({block, size, std::exchange(lost_, 0)});
  changed_.notify_one();
}

std::uint64_t ConsoleSink::dropped() const {
  std::lock_guard const lock(mutex_);
  return dropped_;
}

void ConsoleSink::run() {
  bool usable = write(formatter_.header());
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [&] { return stopping_ || !queue_.empty(); });
    if (queue_.empty()) break;
    auto const next = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    usable = usable && print_lost(next.lost_before) && print(*next.block);
    lock.lock();
    queued_ -= next.size;
    if (!queue_.empty()) continue;
    auto const lost = std::exchange(lost_, 0);
    lock.unlock();
    usable = usable && print_lost(lost);
    lock.lock();
  }
}

bool ConsoleSink::print(Block const& block) {
  for (std::size_t i = 0; i < block.entries.size(); ++i) {
    formatter_.format(to_record(block, i), text_);
    if (text_.size() < kTextTarget && i + 1 < block.entries.size()) continue;
    bool const written = write(text_);
    text_.clear();
    if (!written) return false;
  }
  return true;
}

bool ConsoleSink::print_lost(std::uint64_t count) {
  if (count == 0) return true;
  return write(fmt::format(
      "… {} records were not printed: the reader of this output is too slow (the store has them)\n", count));
}

/// @return false when the reader is gone or, at the end, stuck.
bool ConsoleSink::write(std::string_view text) {
  while (!text.empty()) {
    if (!wait_writable()) return false;
    auto const size = ::write(descriptor_, text.data(), std::min(text.size(), kPiece));
    if (size < 0 && errno != EINTR && errno != EAGAIN) return false;
    if (size > 0) text.remove_prefix(static_cast<std::size_t>(size));
  }
  return true;
}

bool ConsoleSink::wait_writable() {
  std::array<pollfd, 2> fds{pollfd{descriptor_, POLLOUT, 0}, pollfd{stop_, POLLIN, 0}};
  for (;;) {
    if (::poll(fds.data(), fds.size(), -1) < 0 && errno != EINTR) return false;
    if ((fds[0].revents & POLLOUT) != 0) return true;
    if ((fds[0].revents & (POLLERR | POLLHUP | POLLNVAL)) != 0) return false;
    if ((fds[1].revents & POLLIN) == 0) continue;
    pollfd last{descriptor_, POLLOUT, 0};
    return ::poll(&last, 1, kLastWords) > 0 && (last.revents & POLLOUT) != 0;
  }
}

}  // namespace logboom::sinks
