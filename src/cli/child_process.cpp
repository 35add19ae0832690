// Spawns, reads, passes signals on, reaps. Must not know what the output means.
#include "cli/child_process.hpp"

#include "cli/commands.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <memory>
#include <system_error>

extern char** environ;  // NOLINT(readability-redundant-declaration): POSIX declares it nowhere

namespace logboom::cli {
namespace {

constexpr std::array kPassedOn{SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH, SIGCONT};

void check(int result, char const* what) {
  if (result < 0) throw std::system_error(errno, std::generic_category(), what);
}

/// All signals but those of kPassedOn that are ignored.
sigset_t not_ignored() {
  sigset_t set;
  sigfillset(&set);
  for (int const signal : kPassedOn) {
    struct sigaction now {};
    if (sigaction(signal, nullptr, &now) == 0 && now.sa_handler == SIG_IGN) sigdelset(&set, signal);
  }
  return set;
}

struct SpawnSettings {
  posix_spawn_file_actions_t actions{};
  posix_spawnattr_t attributes{};

  SpawnSettings() {
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    sigset_t none;
    sigemptyset(&none);
    posix_spawnattr_setsigmask(&attributes, &none);
    auto const defaults = not_ignored();
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  ~SpawnSettings() {
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
  }
  SpawnSettings(SpawnSettings const&) = delete;
  SpawnSettings& operator=(SpawnSettings const&) = delete;
};

}  // namespace

ChildProcess::ChildProcess() {
  sigset_t set;
  sigemptyset(&set);
  for (int const signal : kPassedOn) sigaddset(&set, signal);
  sigaddset(&set, SIGCHLD);
  std::signal(SIGCHLD, SIG_DFL);
  check(sigprocmask(SIG_BLOCK, &set, nullptr), "sigprocmask");
  signals_ = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  check(signals_, "signalfd");
}

ChildProcess::~ChildProcess() {
  for (int const fd : pipes_) {
    if (fd >= 0) close(fd);
  }
  if (signals_ >= 0) close(signals_);
}

void ChildProcess::start(std::vector<std::string> const& command) {
  SpawnSettings settings;
  std::array<std::array<int, 2>, 2> ends{};
  for (std::size_t i = 0; i < 2; ++i) {
    check(pipe2(ends[i].data(), O_CLOEXEC), "pipe");
    pipes_[i] = ends[i][0];
    check(fcntl(pipes_[i], F_SETFL, O_NONBLOCK), "fcntl");
    posix_spawn_file_actions_adddup2(&settings.actions, ends[i][1], static_cast<int>(i) + 1);
  }
  std::vector<char*> arguments;
  arguments.reserve(command.size() + 1);
  for (auto const& argument : command) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  int const error =
      posix_spawnp(&pid_, arguments[0], &settings.actions, &settings.attributes, arguments.data(), environ);
  for (auto const& pair : ends) close(pair[1]);
  if (error == 0) return;
  pid_ = -1;
  throw Failure(error == ENOENT ? 127 : 126,
                fmt::format("{}: {}; check the name and PATH", command[0], std::strerror(error)));
}

int ChildProcess::wait(Output const& output) {
  while (!ended_ || pipes_[0] >= 0 || pipes_[1] >= 0) {
    std::array<pollfd, 3> fds{{{signals_, POLLIN, 0}, {pipes_[0], POLLIN, 0}, {pipes_[1], POLLIN, 0}}};
    int const ready = poll(fds.data(), fds.size(), ended_ ? 0 : -1);
    if (ready < 0 && errno != EINTR) throw std::system_error(errno, std::generic_category(), "poll");
    pass_signals_on();
    bool const got_stdout = read_some(Stream::kStdout, output);
    bool const got_stderr = read_some(Stream::kStderr, output);
    if (ended_ && ready == 0 && !got_stdout && !got_stderr) break;
  }
  return status_;
}

bool ChildProcess::read_some(Stream stream, Output const& output) {
  int& fd = pipes_[static_cast<std::size_t>(stream)];
  if (fd < 0) return false;
  std::array<char, 65'536> buffer;
  auto const got = read(fd, buffer.data(), buffer.size());
  if (got > 0) {
    output(stream, {buffer.data(), static_cast<std::size_t>(got)});
    return true;
  }
  if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
    close(fd);
    fd = -1;
  }
  return false;
}

void ChildProcess::reap() {
  auto const got = waitpid(pid_, &status_, WNOHANG);
  ended_ = ended_ || got == pid_;
  if (got >= 0 || errno != ECHILD || ended_) return;
  // Somebody else has taken it: how it ended is not known, and is not called a success.
  ended_ = true;
  status_ = W_EXITCODE(255, 0);
}

void ChildProcess::pass_signals_on() {
  signalfd_siginfo info{};
  while (read(signals_, &info, sizeof info) == sizeof info) {
    if (info.ssi_signo == SIGCHLD) {
      reap();
    } else if (!ended_ &&
               info.ssi_code !=
                   SI_KERNEL) {  // what a terminal sends goes to its whole process group: the command has it already
      kill(pid_, static_cast<int>(info.ssi_signo));
    }
  }
}

}  // namespace logboom::cli
