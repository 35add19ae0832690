// What stays of a publisher for ever: its loggers, and which engine runs it in this process. Loggers point here, so that it is never freed.
// Must not know rings, sockets or files.
#pragma once

#include "publisher/fork.hpp"
#include "publisher/loggers.hpp"
#include "publisher/settings.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <forward_list>
#include <memory>

namespace logboom::publisher {

class Engine;

class State {
 public:
  explicit State(Settings settings);
  State(State const&) = delete;
  // One is never destroyed: Publisher makes it with `new`, and a list of all keeps it in reach, for whoever looks for leaks.
  State& operator=(State const&) = delete;

  Settings const& settings() const noexcept { return settings_; }
  Loggers& loggers() noexcept { return loggers_; }

  /// The engine of this process, made if there is none yet: in a forked child the parent's is left alone. nullptr once closed.
  /// @throws std::bad_alloc, std::system_error
  std::shared_ptr<Engine> engine();
  /// The engine of this process if it runs; makes none.
  std::shared_ptr<Engine> running() const noexcept;
  /// The publisher ends. What its loggers are asked to log from now on is counted, no more.
  void close(std::chrono::nanoseconds timeout) noexcept;
  bool closed() const noexcept { return closed_.load(std::memory_order_relaxed); }

  void count_too_late() noexcept { too_late_.fetch_add(1, std::memory_order_relaxed); }
  std::uint64_t too_late() const noexcept { return too_late_.load(std::memory_order_relaxed); }
  /// Records for which there was no ring to drop them into.
  void count_dropped() noexcept { dropped_.fetch_add(1, std::memory_order_relaxed); }
  std::uint64_t dropped() const noexcept { return dropped_.load(std::memory_order_relaxed); }

 private:
  Settings settings_;
  ForkLock& lock_;
  Loggers loggers_;
  std::shared_ptr<Engine> engine_;
  std::forward_list<std::shared_ptr<Engine>> abandoned_;  // in a forked child
  std::uint64_t generation_ = 0;                          // of the process that engine_ belongs to
  std::atomic<bool> closed_{false};
  std::atomic<std::uint64_t> too_late_{0}, dropped_{0};
  State* older_ = nullptr;  // the list
};

}  // namespace logboom::publisher
