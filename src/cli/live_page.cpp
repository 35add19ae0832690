// Escape sequences, terminal modes and signals. What a signal handler needs is static.
#include "cli/live_page.hpp"

#include "cli/write_all.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>
#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <string_view>
#include <system_error>
#include <utility>

namespace logboom::cli {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

constexpr std::string_view kEnter = "\x1b[?1049h\x1b[?25l";  // alternate screen, no cursor
constexpr std::string_view kLeave = "\x1b[?25h\x1b[?1049l";
constexpr std::string_view kHome = "\x1b[H";
constexpr std::string_view kEraseRest = "\x1b[K";   // of the line
constexpr std::string_view kEraseBelow = "\x1b[J";  // of the screen

constexpr std::array kEnds{SIGINT, SIGTERM, SIGHUP, SIGQUIT};

// For handlers: one page at a time.
int wake = -1;  // eventfd
volatile std::sig_atomic_t ending = 0;
volatile std::sig_atomic_t resized = 0;
volatile std::sig_atomic_t suspending = 0;
bool modes_kept = false;
termios modes{};  // of the terminal as it was found

void ring() noexcept {
  int const before = errno;
  std::uint64_t const one = 1;
  if (::write(wake, &one, sizeof one) < 0) errno = before;
  errno = before;
}

void on_signal(int signal) noexcept {
  if (signal == SIGWINCH)
    resized = 1;
  else if (signal == SIGTSTP)
    suspending = 1;
  else
    ending = 1;
  ring();
}

void handle(int signal, void (*handler)(int)) noexcept {
  struct sigaction action {};
  action.sa_handler = handler;
  ::sigemptyset(&action.sa_mask);
  ::sigaction(signal, &action, nullptr);
}

void restore() noexcept {
  [[maybe_unused]] auto const error = write_all(STDOUT_FILENO, kLeave);
  if (modes_kept) ::tcsetattr(STDIN_FILENO, TCSANOW, &modes);
}

}  // namespace

LivePage::LivePage(std::string between)
    : between_(std::move(between)),
      screen_(::isatty(STDOUT_FILENO) == 1),
      keys_(screen_ && ::isatty(STDIN_FILENO) == 1) {
  wake = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (wake < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
  ending = 0;
  resized = 0;
  suspending = 0;
  handle(SIGPIPE, SIG_IGN);  // the write tells
  for (int const signal : kEnds) handle(signal, on_signal);
  if (!screen_) return;
  handle(SIGWINCH, on_signal);
  handle(SIGTSTP, on_signal);
  modes_kept = keys_ && ::tcgetattr(STDIN_FILENO, &modes) == 0;
  enter();
}

LivePage::~LivePage() {
  if (screen_) restore();
  for (int const signal : kEnds) handle(signal, SIG_DFL);
  if (screen_) handle(SIGTSTP, SIG_DFL);
  ::close(wake);
  wake = -1;
}

void LivePage::enter() noexcept {
  if (modes_kept) {
    auto raw = modes;
    raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
    // With Ctrl-C and Ctrl-Z the kernel sends the signal and then drops what is on its way to the terminal: that may be kLeave already.
    raw.c_lflag |= NOFLSH;
    raw.c_cc[VMIN] = 0;
    raw.c_cc[VTIME] = 0;
    ::tcsetattr(STDIN_FILENO, TCSANOW, &raw);
  }
  [[maybe_unused]] auto const error = write_all(STDOUT_FILENO, kEnter);
}

/// Ctrl-Z: the shell gets its terminal as it was, and the page comes back with `fg`.
void LivePage::suspend() {
  suspending = 0;
  restore();
  handle(SIGTSTP, SIG_DFL);
  ::raise(SIGTSTP);
  handle(SIGTSTP, on_signal);
  enter();
  resized = 1;
}

LivePage::Size LivePage::size() const noexcept {
  winsize size{};
  if (!screen_) return {};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0) return {80, 24};
  return {size.ws_col, size.ws_row};
}

bool LivePage::show(std::string const& page) {
  std::string out;
  if (!screen_) {
    out = (shown_ ? between_ : "") + page;
    shown_ = true;
    return write_all(STDOUT_FILENO, out) == 0;
  }
  out = kHome;
  std::size_t left = size().height;
  for (std::string_view rest = page; !rest.empty() && left > 0; --left) {
    auto const end = std::min(rest.find('\n'), rest.size());
    out += rest.substr(0, end);
    out += kEraseRest;
    if (left > 1) out += '\n';
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  out += kEraseBelow;
  return write_all(STDOUT_FILENO, out) == 0;
}

bool LivePage::wait(milliseconds most) {
  auto const until = Clock::now() + most;
  for (;;) {
    if (suspending != 0) suspend();
    if (ending != 0) return false;
    if (resized != 0) {
      resized = 0;
      return true;
    }
    auto const left = std::max(milliseconds{0}, std::chrono::ceil<milliseconds>(until - Clock::now()));
    std::array<pollfd, 2> items{{{wake, POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}}};
    int const ready = ::poll(items.data(), keys_ ? 2 : 1, static_cast<int>(left.count()));
    if (ready == 0) return true;
    if ((items[0].revents & POLLIN) != 0) {
      std::uint64_t count = 0;
      if (::read(wake, &count, sizeof count) < 0) errno = 0;  // it was taken before
    }
    if (keys_ && (items[1].revents & (POLLIN | POLLHUP)) != 0) {
      std::array<char, 64> keys{};
      auto const got = ::read(STDIN_FILENO, keys.data(), keys.size());
      if (got == 0 || (got < 0 && errno != EINTR && errno != EAGAIN)) return false;  // the terminal is gone
      std::string_view const typed(keys.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
      // Escape alone; with more behind it, it is an arrow or the like.
      if (typed.find_first_of("qQ\x03") != std::string_view::npos || typed == "\x1b") return false;
    }
  }
}

int LivePage::stop_fd() const noexcept { return wake; }

}  // namespace logboom::cli
