// A command with its stdout and stderr on pipes, and the signals of this process passed on to it. Must not know what the output means.
#pragma once

#include <sys/types.h>

#include <array>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace logboom::cli {

class ChildProcess {
 public:
  enum class Stream { kStdout = 0, kStderr = 1 };
  using Output = std::function<void(Stream, std::string_view)>;

  /// Make it before any thread is started: SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH, SIGCONT and SIGCHLD are blocked from here on and read from a descriptor.
  /// SIGCHLD is no longer ignored: the system would take the command's exit code away.
  ChildProcess();
  ~ChildProcess();
  ChildProcess(ChildProcess const&) = delete;
  ChildProcess& operator=(ChildProcess const&) = delete;

  /// Starts the command (found in PATH), with stdin, environment and directory of this process, and no signal blocked. Those of the signals above (but SIGCHLD) that
  /// this process was told to ignore, by nohup for one, it ignores as well; all others do what they do by default.
  /// @throws Failure with the shell's exit codes: 127 not found, 126 not executable.
  void start(std::vector<std::string> const& command);
  pid_t pid() const noexcept { return pid_; }

  /// Hands over output as it comes until the command has ended and its output is read; a grandchild that keeps the pipes open is not waited for.
  /// @return what waitpid() says of the command.
  int wait(Output const& output);

 private:
  bool read_some(Stream stream, Output const& output);  // false: nothing at the moment, or the end
  void pass_signals_on();
  void reap();

  pid_t pid_ = -1;
  bool ended_ = false;
  int status_ = 0;
  int signals_ = -1;
  std::array<int, 2> pipes_{-1, -1};
};

}  // namespace logboom::cli
