// Writes that a stuck reader does not hold for ever. Must not know records.
#include "sinks/console.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace logboom::sinks {
namespace {

constexpr std::size_t kPiece = 4'096;  // PIPE_BUF: after POLLOUT a pipe takes this much without blocking

int make_eventfd() {
  int const made = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (made < 0) throw std::system_error(errno, std::generic_category(), "console: eventfd");
  return made;
}

}  // namespace

ConsoleWriter::ConsoleWriter(int descriptor, std::string name, std::chrono::milliseconds last_words)
    : descriptor_(descriptor), name_(std::move(name)), last_words_(last_words), hurry_(make_eventfd()) {}

ConsoleWriter::~ConsoleWriter() { ::close(hurry_); }

void ConsoleWriter::write(LogChunk& chunk) {
  try {
    while (done_ < chunk.size()) {
      wait_writable();
      auto const piece = chunk.bytes(done_, std::min(chunk.size(), done_ + kPiece));
      auto const size = ::write(descriptor_, piece.data(), piece.size());
      if (size < 0 && errno != EINTR && errno != EAGAIN)
        throw std::system_error(errno, std::generic_category(), name_);
      if (size > 0) done_ += static_cast<std::size_t>(size);
    }
  } catch (...) {
    take_out_written(chunk);
    throw;
  }
  chunk.clear();
  done_ = 0;
}

/// The record that is written in part stays, and its rest comes next.
void ConsoleWriter::take_out_written(LogChunk& chunk) {
  std::size_t whole = 0;
  while (whole < chunk.records() && chunk.end_of(whole) <= done_) ++whole;
  if (whole == 0) return;
  done_ -= chunk.end_of(whole - 1);
  chunk.drop(whole);
}

void ConsoleWriter::hurry() noexcept {
  end_ = std::chrono::steady_clock::now() + last_words_;
  std::uint64_t const one = 1;
  while (::write(hurry_, &one, sizeof one) < 0 && errno == EINTR) {
  }
}

/// Returns as well when the reader is gone: the write says so.
void ConsoleWriter::wait_writable() const {
  for (;;) {
    bool const hurried = end_.load() != std::chrono::steady_clock::time_point{};
    std::array<pollfd, 2> fds{pollfd{descriptor_, POLLOUT, 0}, pollfd{hurry_, POLLIN, 0}};
    int const ready = ::poll(fds.data(), hurried ? 1 : 2, patience());
    if (ready < 0 && errno != EINTR) throw std::system_error(errno, std::generic_category(), name_);
    if (ready > 0 && fds[0].revents != 0) return;
    if (ready == 0) throw std::runtime_error(name_ + ": nobody reads it");
  }
}

int ConsoleWriter::patience() const {
  auto const end = end_.load();
  if (end == std::chrono::steady_clock::time_point{}) return -1;
  auto const left =
      std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
  return static_cast<int>(std::max<std::int64_t>(left.count(), 0));
}

}  // namespace logboom::sinks
