// The slow path of a log call: everything between a disabled straight path and a place in a ring. May lock and wait; never throws.
// Must not know arguments.
#include "publisher/engine.hpp"
#include "publisher/registry.hpp"
#include "publisher/state.hpp"
#include "publisher/thread_rings.hpp"

#include <logboom/detail/call_site.hpp>
#include <logboom/detail/clock.hpp>
#include <logboom/logger.hpp>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <climits>
#include <ctime>
#include <exception>

namespace logboom {

constinit detail::LoggerNode const Logger::kSilent{INT_MAX, 0, nullptr, nullptr, {}, nullptr};

namespace detail {

constinit Producer no_producer;
constinit thread_local ThreadState thread_state{&no_producer, nullptr};

}  // namespace detail

namespace publisher {
namespace {

using Clock = std::chrono::steady_clock;

void sleep_for(std::chrono::nanoseconds time) noexcept {
  timespec const pause{static_cast<std::time_t>(time.count() / 1'000'000'000),
                       static_cast<long>(time.count() % 1'000'000'000)};
  nanosleep(&pause, nullptr);
}

bool try_reserve(Engine& engine, detail::RingProducer& ring, std::size_t size, std::byte*& payload) noexcept {
  detail::Reservation const reservation = detail::look_and_reserve(ring, size);
  payload = reservation.payload;
  if (payload == nullptr)
    engine.wakeup().wake();
  else if (reservation.wake)
    engine.wakeup().nudge();
  return payload != nullptr;
}

// Calls `attempt` until it is true or the time is over. The sender, not this thread, makes room, so that there is nothing to do but to look again.
template <class Attempt>
bool wait_for_room(State const& state, Attempt const& attempt) noexcept {
  constexpr std::chrono::microseconds kFirst{50}, kLongest{1000};
  auto const deadline = Clock::now() + state.settings().block_timeout;
  for (std::chrono::nanoseconds pause = kFirst; Clock::now() < deadline && !state.closed();
       pause = std::min<std::chrono::nanoseconds>(2 * pause, kLongest)) {
    sleep_for(pause);
    if (attempt()) return true;
  }
  return false;
}

void drop(Engine& engine, detail::RingProducer& ring) noexcept {
  detail::drop(ring, detail::ticks());
  engine.counters().dropped.fetch_add(1, std::memory_order_relaxed);
}

std::byte* own_place(State const& state, ThreadRings::Entry& entry, std::size_t size) noexcept {
  detail::RingProducer& ring = entry.producer->ring;
  entry.engine->seal_unsent(*entry.slot);
  std::byte* payload = nullptr;
  auto const attempt = [&] { return try_reserve(*entry.engine, ring, size, payload); };
  bool const may_wait = state.settings().when_full == FullPolicy::kBlock && !entry.gave_up;
  entry.gave_up = !attempt() && !(may_wait && wait_for_room(state, attempt));
  if (entry.gave_up) drop(*entry.engine, ring);
  return payload;
}

// Leaves the shared ring locked when there is a place.
std::byte* shared_place(State& state, std::shared_ptr<Engine> engine, std::size_t size) noexcept {
  SharedRing* const shared = engine->shared();
  if (shared == nullptr) {
    state.count_dropped();
    return nullptr;
  }
  std::byte* payload = nullptr;
  auto const attempt = [&] {
    shared->lock.lock();
    engine->seal_unsent(*shared->slot);
    if (try_reserve(*engine, shared->ring, size, payload)) return true;
    shared->lock.unlock();
    return false;
  };
  bool const may_wait =
      state.settings().when_full == FullPolicy::kBlock && !shared->gave_up.load(std::memory_order_relaxed);
  bool const found = attempt() || (may_wait && wait_for_room(state, attempt));
  shared->gave_up.store(!found, std::memory_order_relaxed);
  if (found) {
    shared->holder = std::move(engine);  // until release_shared()
    return payload;
  }
  shared->lock.lock();
  drop(*engine, shared->ring);
  shared->lock.unlock();
  return nullptr;
}

detail::Place too_late(State& state) noexcept {
  state.count_too_late();
  if (ThreadRings* const mine = ThreadRings::mine()) mine->give_back(&state);
  return {};
}

detail::Place place_for(State& state, detail::CallSite& site, std::uint64_t rendered, std::size_t size) {
  std::uint64_t const generation = process_generation();
  ThreadRings* const mine = ThreadRings::mine();
  ThreadRings::Entry* entry = mine != nullptr ? mine->find(state, generation) : nullptr;
  std::shared_ptr<Engine> engine;
  if (entry == nullptr) {
    engine = state.engine();
    if (engine == nullptr) return too_late(state);
    if (mine != nullptr) entry = mine->add(state, generation, engine);
  }
  detail::Place place;
  place.site = site.id.load_acquire();
  if (place.site == 0) place.site = register_site(site, rendered);
  if (entry != nullptr) {
    detail::thread_state.producer = place.producer = entry->producer;
    place.payload = own_place(state, *entry, size);
  } else {
    place.producer = engine->shared();
    place.payload = shared_place(state, std::move(engine), size);
  }
  return place;
}

}  // namespace
}  // namespace publisher

detail::Place detail::find_place(LoggerNode const& logger, CallSite& site, std::uint64_t rendered,
                                 std::size_t size) noexcept {
  int const error = errno;
  publisher::State* const state = logger.publisher;
  Place place;
  if (state != nullptr) {
    try {
      place = logger.live.load_acquire() == nullptr ? publisher::too_late(*state)
                                                    : publisher::place_for(*state, site, rendered, size);
    } catch (std::exception const&) {
      state->count_dropped();
    }
  }
  errno = error;
  return place;
}

void detail::release_shared(Producer& producer) noexcept {
  int const error = errno;
  auto& shared = static_cast<publisher::SharedRing&>(producer);
  std::shared_ptr<publisher::Engine> const engine = std::move(shared.holder);
  shared.lock.unlock();
  errno = error;
}

}  // namespace logboom
