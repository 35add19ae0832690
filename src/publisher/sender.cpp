// The sender's rounds, its waiting, and its end.
#include "publisher/sender.hpp"

#include "posix/background_thread.hpp"
#include "publisher/background.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <system_error>
#include <utility>

namespace logboom::publisher {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr std::int64_t kActive =
    200;  // ms after records were sent or acked: look at the rings without being told
constexpr microseconds kFirstWait{500};  // at first: a live viewer waits for it, the worker pays for it
constexpr std::int64_t kMoreRarely =
    4;  // and then after a quarter more of the time that nothing came: hundreds that wait for one collector must leave it the processors
constexpr milliseconds kIdleWait{10};  // between two looks else; a crowded ring, a flush or a message ends the wait
constexpr std::int64_t kLongIdle = 5000;  // ms without anything: then only every
constexpr milliseconds kLongWait{50};  // Hundreds of processes with nothing to say must not keep a machine busy
constexpr milliseconds kNudged{1};     // a sender that waits longer is woken by a ring that runs full
constexpr std::size_t kSpareRings =
    64;  // more than these: what ended threads left moves to the overflow while no collector takes it
// ms. What a collector has acked by then never needs a check of its payload, and the sender does not write to lines that the log call comes back to.
constexpr std::int64_t kSealEvery = 10;
constexpr std::int64_t kAdoptLook = 1000;       // ms between two looks at what the adopter did
constexpr std::int64_t kBroken = 1000;          // ms after a failure
constexpr std::int64_t kTellAgain = 60'000;     // ms; failures in between are not told
constexpr std::int64_t kCatalogueRetry = 1000;  // ms

}  // namespace

Sender::Sender(Engine& engine) : engine_(&engine), sockets_(std::make_shared<Sockets>()) {
  auto* const spool = engine.spool();
  if (spool == nullptr) return;
  zmq_ctx_set(sockets_->context.handle(), ZMQ_BLOCKY, 0);
  spool->overflow().set_bound(engine.settings().overflow_bound);
  feed_.emplace(*spool, engine.catalogue(), Feed::Kind::kLive);
  delivery::Speaker::Hooks hooks{[this](std::string_view rules) { engine_->push_level_rules(rules); },
                                 [this](Level level, std::string_view line) { engine_->report(level, line); }};
  hooks.state = [this] { return state(); };
  auto const& settings = engine.settings();
  link_.emplace(sockets_->context, settings.keys, settings.endpoints);
  speaker_.emplace(*link_, settings.endpoints, engine.identity(), *feed_, std::move(hooks));
  // Also where publishers keep their spools that cannot have one there: this one may be such a one itself.
  std::vector<std::filesystem::path> roots{spool->directory().parent_path()};
  for (auto& root : memory_roots()) {
    if (root != roots.front()) roots.push_back(std::move(root));
  }
  adopter_.emplace(std::move(roots), settings.endpoints, settings.keys);
  thread_ = posix::background_thread("logboom", [this] { run(); });
}

Sender::~Sender() { stop(std::chrono::nanoseconds(0)); }

// --- any thread

bool Sender::flush(std::chrono::nanoseconds timeout) {
  if (!feed_) return false;
  auto const wanted = std::make_shared<Flush>();
  std::unique_lock lock(mutex_);
  if (stopping_.load(std::memory_order_relaxed)) return false;
  flushes_.push_back(wanted);
  flush_waits_.store(true, std::memory_order_release);
  engine_->wakeup().wake();
  changed_.wait_for(lock, std::min<std::chrono::nanoseconds>(timeout, std::chrono::hours(24 * 365)),
                    [&] { return wanted->done || stopping_.load(std::memory_order_relaxed); });
  std::erase(flushes_, wanted);
  return wanted->done;
}

bool Sender::stop(std::chrono::nanoseconds timeout) noexcept {
  if (!thread_.joinable()) return all_committed_;
  {
    std::lock_guard const lock(mutex_);
    auto const patience = std::chrono::duration_cast<std::chrono::milliseconds>(
        std::min<std::chrono::nanoseconds>(timeout, std::chrono::hours(24 * 365)));
    deadline_.store(monotonic_ms() + patience.count(), std::memory_order_relaxed);
    stopping_.store(true, std::memory_order_release);
  }
  changed_.notify_all();
  engine_->wakeup().wake();

  std::unique_lock lock(sockets_->mutex);
  sockets_->changed.wait(lock, [this] { return sockets_->finished; });
  auto const gone =
      sockets_->changed.wait_for(lock, std::chrono::seconds(1), [this] { return sockets_->gone; });
  lock.unlock();
  if (gone)
    thread_.join();
  else
    thread_.detach();
  return all_committed_;
}

// --- the thread

void Sender::run() {
  std::int64_t broken_until = 0;
  for (;;) {
    auto const now = monotonic_ms();
    bool worked = false;
    try {
      engine_->wakeup().clear(std::exchange(woken_, false));
      if (now >= broken_until)
        worked = do_work(now);
      else
        feed_->seal();
      if (over(now)) break;
      wait(worked, now);
    } catch (std::exception const& error) {
      failed(error, now);
      broken_until = now + kBroken;
      if (stopping_.load(std::memory_order_acquire)) break;
    }
  }
  adopter_->stop();
  feed_->seal();  // what came after the last round
  speaker_.reset();
  link_.reset();
  auto const sockets = sockets_;  // `this` may be gone as soon as `finished` is seen
  {
    std::lock_guard const lock(sockets->mutex);
    sockets->finished = true;
  }
  sockets->changed.notify_all();
  sockets->context.close();
  std::lock_guard const lock(sockets->mutex);
  sockets->gone = true;
  sockets->changed.notify_all();
}

bool Sender::do_work(std::int64_t now) {
  if (!speaker_) return false;
  engine_->spool()->clock().sync();
  look_for_rings();
  if (now >= seal_next_) {
    feed_->seal();
    seal_next_ = now + kSealEvery;
  }
  auto worked = speak(now);
  auto const relieved = feed_->relieve(now);
  spilled_ += relieved;
  worked = worked || relieved > 0;  // there may be more
  free_slots(now);
  if (speaker_->window().welcomed() && now >= adopt_next_) {
    adopt_next_ = now + kAdoptLook;
    adopt();
  }
  if (now >= catalogue_next_) {
    catalogue_next_ = now + kCatalogueRetry;
    engine_->complete_catalogue();
  }
  count();  // before the answers: who waits for one may look at once
  answer_flushes();
  // A collector's word that it is there is no reason to look more often.
  if (auto const moved = speaker_->sent() + speaker_->window().acked(); std::exchange(moved_, moved) != moved)
    worked_at_ = now;
  return worked;
}

/// What fails in it leaves the rest of a round to be done: rings are relieved and flushes answered meanwhile.
bool Sender::speak(std::int64_t now) {
  if (now < speak_again_) return false;
  try {
    return speaker_->step(now);
  } catch (std::exception const& error) {
    failed(error, now);
    speak_again_ = now + kBroken;
    return false;
  }
}

/// No memory, no sockets: records stay in the spool, and it is tried again when it may have passed.
void Sender::failed(std::exception const& error, std::int64_t now) {
  if (now < tell_again_) return;
  tell_again_ = now + kTellAgain;
  engine_->report(level::kError, fmt::format("sending failed: {}; trying again every second", error.what()));
}

void Sender::look_for_rings() {
  auto const version = engine_->slots_version();
  if (version == slots_version_) return;
  slots_version_ = version;
  for (auto const& slot : engine_->slots()) {
    if (std::find(slots_.begin(), slots_.end(), slot) != slots_.end()) continue;
    slots_.push_back(slot);
    feed_->add_ring({slot, &slot->file});
  }
  speaker_->open_streams();
}

void Sender::free_slots(std::int64_t now) {
  // Threads that come and go while no collector is there would take a ring each, up to the bound, and all later ones would have to share one.
  bool const make_room = slots_.size() > kSpareRings && !speaker_->window().welcomed();
  for (auto const& slot : slots_) {
    if (slot->state.load(std::memory_order_acquire) != RingSlot::State::kReturned) continue;
    if (make_room) spilled_ += feed_->empty(slot->file, now);
    if (slot->file.tail() != slot->file.head() || Engine::declare_drops(*slot)) continue;
    slot->state.store(RingSlot::State::kFree, std::memory_order_release);
  }
}

void Sender::answer_flushes() {
  if (!flush_waits_.load(std::memory_order_acquire)) return;
  // Who asks may have logged into a ring that came since the round began.
  look_for_rings();
  std::lock_guard const lock(mutex_);
  bool answered = false;
  for (auto const& flush : flushes_) {
    if (!flush->seen) {
      flush->seen = true;
      flush->ends = feed_->ends();
      speaker_->hurry();
    }
    if (!flush->done && speaker_->committed(flush->ends)) answered = flush->done = true;
  }
  flush_waits_.store(
      std::any_of(flushes_.begin(), flushes_.end(), [](auto const& flush) { return !flush->done; }),
      std::memory_order_relaxed);
  if (answered) changed_.notify_all();
}

void Sender::adopt() {
  try {
    adopter_->allow();
  } catch (std::system_error const& error) {
    // No thread to be had: others may adopt; one's own records go on.
    engine_->report(level::kWarning,
                    fmt::format("spools of dead publishers are not looked for: {}", error.what()));
  }
  for (auto const& line : adopter_->take_reports()) engine_->report(level::kWarning, line);
}

void Sender::count() {
  auto& counters = engine_->counters();
  auto const& window = speaker_->window();
  counters.acked.store(window.acked(), std::memory_order_relaxed);
  counters.sent.store(speaker_->sent(), std::memory_order_relaxed);
  counters.resent.store(window.resent(), std::memory_order_relaxed);
  counters.spilled.store(spilled_, std::memory_order_relaxed);
  counters.overflow_bytes.store(engine_->spool()->overflow().bytes(), std::memory_order_relaxed);
  counters.adopted.store(adopter_->adopted(), std::memory_order_relaxed);
  counters.connected.store(window.welcomed(), std::memory_order_relaxed);
  if (speaker_->refusal() != refusal_) engine_->set_refusal(refusal_ = speaker_->refusal());
}

delivery::PublisherReport Sender::state() const {
  delivery::PublisherReport state;
  auto const acked = speaker_->window().acked();  // before `logged`, which never is below it
  state.unacked = engine_->logged() - acked;
  auto const overflow = engine_->spool()->overflow().bytes();
  state.unacked_bytes = state.spool_bytes = overflow;
  for (auto const& slot : slots_) {
    auto const tail = slot->file.tail();
    state.unacked_bytes += slot->file.head() - tail;
    state.spool_bytes += slot->file.capacity();
  }
  state.dropped = engine_->counters().dropped.load(std::memory_order_relaxed);
  state.problem = engine_->problem().substr(0, 255);
  return state;
}

bool Sender::over(std::int64_t now) {
  if (!stopping_.load(std::memory_order_acquire)) return false;
  look_for_rings();
  if (!speaker_->drained()) {
    drained_at_ = INT64_MIN;
    return now >= deadline_.load(std::memory_order_relaxed);
  }
  // Whatever the deadline: a collector that hears no bye waits for it for ever.
  speaker_->end();
  if (drained_at_ == INT64_MIN) drained_at_ = now;
  bool const awaited = speaker_->known() && !speaker_->bye_answered();
  if (awaited && now - drained_at_ < kByePatience) return false;
  // A bye without an answer may be lost: whoever adopts the spool, empty as it is, says it again.
  all_committed_ = awaited || engine_->spool()->remove();
  return true;
}

/// From one look at the rings to the next, so many ms after records were sent or acked. A collector that lets one wait for acks is busy: it would have to wait for what is new as well.
microseconds Sender::pause_after(std::int64_t quiet) const {
  if (quiet >= kLongIdle) return kLongWait;
  microseconds const most = speaker_->window().in_flight() > 0 ? kLongWait : kIdleWait;
  return quiet >= kActive
             ? most
             : std::clamp<microseconds>(microseconds(milliseconds(quiet)) / kMoreRarely, kFirstWait, most);
}

void Sender::wait(bool worked, std::int64_t now) {
  if (worked) return;
  auto& wakeup = engine_->wakeup();
  auto pause = pause_after(now - worked_at_);
  wakeup.doze(pause > kNudged);
  if (feed_->crowded()) pause = std::min<microseconds>(pause, kNudged);
  if (now >= speak_again_) {
    woken_ = link_->wait(wakeup.fd(), speaker_->blocked(), pause);
    return;
  }
  pollfd own{wakeup.fd(), POLLIN, 0};  // nobody would read what is in the sockets
  poll({&own, 1}, pause);
  woken_ = own.revents != 0;
}

}  // namespace logboom::publisher
