// The lasting part of a publisher: see state.hpp.
#include "publisher/state.hpp"

#include "publisher/engine.hpp"

#include <atomic>
#include <mutex>
#include <utility>

namespace logboom::publisher {

namespace {

std::atomic<State*> newest{nullptr};

}  // namespace

State::State(Settings settings)
    : settings_(std::move(settings)), lock_(ForkLock::make()), loggers_(*this, settings_.levels) {
  older_ = newest.load(std::memory_order_relaxed);
  while (!newest.compare_exchange_weak(older_, this, std::memory_order_release, std::memory_order_relaxed)) {
  }
}

std::shared_ptr<Engine> State::engine() {
  std::uint64_t const generation = process_generation();
  std::lock_guard const guard(lock_);
  if (closed_.load()) return nullptr;
  if (engine_ == nullptr || generation_ != generation) {
    // The parent's engine is left as it is, never destroyed: its threads, sockets and rings are not here, and its memory may be half-written.
    if (engine_ != nullptr) abandoned_.push_front(std::move(engine_));
    generation_ = generation;
    engine_ = std::make_shared<Engine>(settings_, loggers_);
  }
  return engine_;
}

std::shared_ptr<Engine> State::running() const noexcept {
  std::uint64_t const generation = process_generation();
  std::lock_guard const guard(lock_);
  return generation_ == generation ? engine_ : nullptr;
}

void State::close(std::chrono::nanoseconds timeout) noexcept {
  closed_.store(true);  // before the look: no engine is made after it
  std::shared_ptr<Engine> const engine = running();
  loggers_.close();
  if (engine == nullptr) return;
  engine->stop(timeout);
  std::lock_guard const guard(lock_);
  engine_.reset();
}

}  // namespace logboom::publisher
