// Named places at which a test has the process die: LOGBOOM_FAULT=POINT[:N][:ACTION], at the Nth passing (1). In builds of tests only (LOGBOOM_FAULTS); elsewhere a place costs nothing.
// Must not know what happens around a place. docs/fault-points.md lists them.
#pragma once

#ifdef LOGBOOM_FAULTS

#include <unistd.h>
#include <atomic>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace logboom {

/// What the environment asks for, read once a process.
class Fault {
 public:
  static Fault& asked() {
    static Fault fault;
    return fault;
  }

  /// SIGKILL: nothing of the process runs any more, as with the real one. SIGSTOP with the action `stop`.
  void pass(std::string_view point) noexcept {
    if (point != point_ || passed_.fetch_add(1, std::memory_order_relaxed) + 1 != at_) return;
    ::kill(::getpid(), stop_ ? SIGSTOP : SIGKILL);
    while (!stop_) ::pause();
  }

 private:
  Fault() {
    char const* const text = std::getenv("LOGBOOM_FAULT");  // NOLINT(concurrency-mt-unsafe): nobody sets it
    if (text == nullptr) return;
    std::string_view rest = text;
    point_ = rest.substr(0, rest.find(':'));
    for (auto at = rest.find(':'); at != std::string_view::npos; at = rest.find(':')) {
      rest.remove_prefix(at + 1);
      auto const word = std::string(rest.substr(0, rest.find(':')));
      if (word == "stop")
        stop_ = true;
      else if (word != "kill")
        at_ = std::strtoull(word.c_str(), nullptr, 10);
    }
  }

  std::string point_;
  std::uint64_t at_ = 1;
  bool stop_ = false;
  std::atomic<std::uint64_t> passed_{0};
};

inline void fault_point(std::string_view point) noexcept { Fault::asked().pass(point); }

}  // namespace logboom

#else

#include <string_view>

namespace logboom {

constexpr void fault_point(std::string_view) noexcept {}

}  // namespace logboom

#endif
