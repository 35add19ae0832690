// A page on the terminal that is drawn again and again: alternate screen, keys, its size, and the terminal as it was on every way out.
// Must not know what is on the page.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>

namespace logboom::cli {

/// One at a time, in the main thread. Where stdout is no terminal pages are appended.
class LivePage {
 public:
  /// @param between what stands between two pages that are appended
  explicit LivePage(std::string between);
  ~LivePage();  // the terminal is as it was
  LivePage(LivePage const&) = delete;
  LivePage& operator=(LivePage const&) = delete;

  struct Size {
    std::size_t width = 0, height = 0;  // 0: no terminal, no bound
  };
  Size size() const noexcept;

  /// Shows the page in place of the one before. Lines that the screen has no room for are left out. @return false: whoever read stdout is gone
  bool show(std::string const& page);
  /// Waits until it is time to draw again (the size has changed, or `most` is over). @return false: it is over (q, ESC, Ctrl-C, SIGTERM, SIGHUP)
  bool wait(std::chrono::milliseconds most);
  /// Readable when a signal came that ends it.
  int stop_fd() const noexcept;

 private:
  void enter() noexcept;
  void suspend();

  std::string const between_;
  bool screen_ = false;  // stdout is a terminal
  bool keys_ = false;    // and stdin as well
  bool shown_ = false;   // a page
};

}  // namespace logboom::cli
