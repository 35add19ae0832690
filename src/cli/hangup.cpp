// SIGHUP as an event. Must not know what for.
#include "cli/hangup.hpp"

#include "posix/background_thread.hpp"

#include <sys/eventfd.h>
#include <unistd.h>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <system_error>
#include <utility>

namespace logboom::cli {
namespace {

std::atomic<int> event{
    -1};  // eventfd, for the handler: it counts signals, and one large number says that it is over
static_assert(std::atomic<int>::is_always_lock_free);
std::atomic<bool> early{false};  // it came, and there was no event yet
constexpr std::uint64_t kEnd = 1ULL << 32U;

void add(std::uint64_t number) noexcept {
  int const before = errno;
  if (int const fd = event.load(); fd >= 0) [[maybe_unused]]
    auto const written = ::write(fd, &number, sizeof number);
  errno = before;
}

void on_hangup(int) {
  early = true;  // before the event is looked at: whoever makes one looks here after it
  add(1);
}

void handle(void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  ::sigemptyset(&action.sa_mask);
  ::sigaction(SIGHUP, &action, nullptr);
}

}  // namespace

void Hangup::expect() { handle(on_hangup); }

Hangup::Hangup(std::function<void()> action) : action_(std::move(action)) {
  int const fd = ::eventfd(0, EFD_CLOEXEC);
  if (fd < 0) throw std::system_error(errno, std::generic_category(), "collect: eventfd");
  event = fd;
  if (early.exchange(false)) add(1);
  thread_ = posix::background_thread("logboom-hangup", [this] { run(); });
  handle(on_hangup);
}

Hangup::~Hangup() {
  handle(SIG_IGN);
  add(kEnd);
  thread_.join();
  ::close(event.exchange(-1));
  early = false;
}

void Hangup::run() {
  for (;;) {
    std::uint64_t count = 0;
    if (::read(event.load(), &count, sizeof count) < 0) {
      if (errno == EINTR) continue;
      return;
    }
    if (count >= kEnd) return;
    action_();
  }
}

}  // namespace logboom::cli
