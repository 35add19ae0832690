// Waiting without the GIL, for what may also be a Ctrl-C. Must not know what is waited for.
#pragma once

#include <pybind11/pybind11.h>

#include <sys/types.h>
#include <unistd.h>
#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>
#include <optional>
#include <stdexcept>
#include <utility>

namespace logboom::python {

/// How long a wait lasts before signals are looked at.
inline constexpr std::chrono::milliseconds kSlice{100};

/// Calls `step(how long)` without the GIL until it returns true or `seconds` (nothing: for ever) are over; between two slices signals have their turn.
/// @throws error_already_set, KeyboardInterrupt for one
template <class Step>
bool wait_for(std::optional<double> seconds, Step const& step) {
  using Clock = std::chrono::steady_clock;
  constexpr double kLongest = 1e8;  // three years
  auto const begin = Clock::now();
  auto const limit = seconds && !std::isnan(*seconds) ? std::clamp(*seconds, 0.0, kLongest) : kLongest;
  auto const deadline =
      begin + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(limit));
  for (;;) {
    auto const left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
    bool done = false;
    {
      pybind11::gil_scoped_release const released;
      done = step(std::clamp(left, std::chrono::milliseconds{0}, kSlice));
    }
    if (done) return true;
    if (PyErr_CheckSignals() != 0) throw pybind11::error_already_set();
    if (seconds && Clock::now() >= deadline) return false;
  }
}

/// Something with threads or sockets that a forked child must not touch: it is left alone there, even by the destructor.
template <class Thing>
class OwnedByProcess {
 public:
  explicit OwnedByProcess(std::unique_ptr<Thing> thing) : thing_(std::move(thing)) {}
  ~OwnedByProcess() { reset(); }
  OwnedByProcess(OwnedByProcess const&) = delete;
  OwnedByProcess& operator=(OwnedByProcess const&) = delete;

  bool here() const noexcept { return owner_ == ::getpid(); }
  /// @throws std::runtime_error in a child, std::logic_error once it is closed
  Thing& get() const {
    if (!here()) throw std::runtime_error("made before a fork; make a new one in the child process");
    if (!thing_) throw std::runtime_error("closed");
    return *thing_;
  }
  bool open() const noexcept { return thing_ != nullptr; }
  /// Closed from now on; nothing in a child, where the thing is left alone, or when it was closed before.
  std::unique_ptr<Thing> take() noexcept {
    auto taken = std::move(thing_);
    if (!here()) static_cast<void>(taken.release());
    return taken;
  }
  /// Ends it without the GIL, since its threads may take a while.
  void reset() {
    auto taken = take();
    if (!taken) return;
    pybind11::gil_scoped_release const released;
    taken.reset();
  }

 private:
  std::unique_ptr<Thing> thing_;
  pid_t const owner_ = ::getpid();
};

}  // namespace logboom::python
