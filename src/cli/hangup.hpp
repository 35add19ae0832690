// SIGHUP as an event: a thread that calls a function each time it comes. Must not know what for.
#pragma once

#include <functional>
#include <thread>

namespace logboom::cli {

/// One at a time in a process.
class Hangup {
 public:
  /// From now on SIGHUP no longer ends the process; the Hangup that is made later calls for those that came until then.
  static void expect();

  /// As expect(). @param action is called by another thread, one call at a time; signals that come meanwhile are one call more.
  /// Must not throw. @throws std::system_error
  explicit Hangup(std::function<void()> action);
  /// Waits for the call that is being made. SIGHUP is ignored from then on.
  ~Hangup();
  Hangup(Hangup const&) = delete;
  Hangup& operator=(Hangup const&) = delete;

 private:
  void run();

  std::function<void()> const action_;
  std::thread thread_;
};

}  // namespace logboom::cli
