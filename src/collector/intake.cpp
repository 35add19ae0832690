// The intake's turns. Must not know SQLite or spools.
#include "collector/intake.hpp"

#include "posix/fault_point.hpp"

#include <fmt/format.h>

#include <unistd.h>
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace logboom::collector {
namespace {

std::int64_t wall_clock() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::int64_t milliseconds(std::chrono::steady_clock::time_point at) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(at.time_since_epoch()).count();
}

std::span<std::byte const> bytes(zmq::message_t const& frame) {
  return {static_cast<std::byte const*>(frame.data()), frame.size()};
}

std::string_view property_of(zmq::message_t& frame, char const* name) {
  char const* const property = zmq_msg_gets(frame.handle(), name);
  return property == nullptr ? "" : property;
}

std::string_view peer_of(zmq::message_t& frame) { return property_of(frame, "Peer-Address"); }

/// The rest of a message whose first frame was read: a message arrives as a whole.
int skip_rest(zmq::socket_t& socket, zmq::message_t& part) {
  int skipped = 0;
  while (part.more() && receive(socket, part)) ++skipped;
  return skipped;
}

}  // namespace

Intake::Intake(BusSockets& bus, Doorkeeper& door, CommitQueue& queue, OwnLog& log,
               delivery::ReceiverLedger ledger, int wake, Options options)
    : bus_(bus),
      door_(door),
      queue_(queue),
      log_(log),
      wake_(wake),
      options_(std::move(options)),
      ledger_(std::move(ledger)),
      control_(
          options_.facts, ledger_, publishers_, log,
          [this](std::string const& route, std::span<std::byte const> frame) {
            return send_control(route, frame);
          },
          wall_clock),
      reception_(
          ledger_, publishers_, log,
          [this](PublisherId const& id, std::string const& reason) { control_.refuse_batch(id, reason); }),
      next_tick_(Clock::now()),
      next_probe_(Clock::now()),
      last_busy_(Clock::now()),
      last_change_(Clock::now()) {
  rated_ = Clock::now();
  control_.describe_with([this](delivery::Status& status) { describe(status); });
  reception_.set_own(options_.facts.forwarders);
  if (options_.live) {
    live_.emplace(
        options_.facts.epoch, options_.last_id,
        [this](std::string_view topic, std::string_view message) { send_live(topic, message); },
        [this] { return presence(); });
  }
  counters_.epoch = options_.facts.epoch;
  counters_.last_id = options_.last_id;
}

void Intake::do_work(std::chrono::milliseconds most) {
  if (control_.owes()) most = std::min(most, std::chrono::milliseconds(20));
  if (live_ && !settled_) most = std::min(most, kSettled / 2);  // viewers wait for it
  if (door_.shut()) most = std::min(most, Doorkeeper::kLookAgain);
  wait(most);
  take_turns();
}

/// @return whether there is something to do.
bool Intake::wait(std::chrono::milliseconds most) {
  auto const arrivals = door_.arrivals();
  items_.assign({{nullptr, wake_, ZMQ_POLLIN, 0},
                 {bus_.router.handle(), 0, ZMQ_POLLIN, 0},
                 {bus_.xpub.handle(), 0, ZMQ_POLLIN, 0},
                 {arrivals[0], 0, ZMQ_POLLIN, 0},
                 {arrivals[1], 0, ZMQ_POLLIN, 0},
                 {arrivals[2], 0, ZMQ_POLLIN, 0}});
  if (!full_) items_.push_back({bus_.pull.handle(), 0, ZMQ_POLLIN, 0});
  if (!full_ && published_ != nullptr) published_->add_to(items_);
  auto const ready = zmq_poll(items_.data(), static_cast<int>(items_.size()), static_cast<long>(most.count()));
  if (ready < 0 && zmq_errno() != EINTR) throw zmq::error_t();
  if ((items_[0].revents & ZMQ_POLLIN) != 0) {
    std::uint64_t news = 0;
    if (::read(wake_, &news, sizeof news) < 0) errno = 0;  // somebody's news was taken with an earlier read
  }
  return ready > 0;
}

void Intake::take_turns() {
  door_.forget_arrivals();
  watch_doors();
  watch_handshakes();
  take_commits();
  follow_orders();
  settle();  // acks do not wait for the batches that come next
  serve_control();
  serve_viewers();
  receive_batches();
  take_inputs();
  settle();
  watch_trouble();
  watch_clock();
  update_counters();
}

void Intake::ask_rights_of(Admission& admission) {
  admission_ = &admission;
  control_.ask_rights_of(admission);
}

void Intake::cut_all() {
  std::lock_guard const lock(orders_);
  cut_all_ = true;
}

void Intake::set_levels(std::string rules) {
  std::lock_guard const lock(orders_);
  new_levels_ = std::move(rules);
}

void Intake::follow_orders() {
  std::optional<std::string> rules;
  bool cut = false;
  {
    std::lock_guard const lock(orders_);
    rules.swap(new_levels_);
    std::swap(cut, cut_all_);
  }
  if (cut)
    log_.note(OwnLog::Kind::kAccess, level::kInfo,
              fmt::format("rights were taken away: {} connections were cut, who may still come comes back",
                          door_.cut_all()));
  if (rules) control_.set_levels(*rules);
}

void Intake::settle() { control_.settle(pushed_ + (reception_.open() ? 1 : 0), committed_); }

void Intake::receive_batches() {
  received_ = false;
  int left = kBatchesAtOnce;
  while (left > 0 && !full_ && readable(bus_.pull)) {
    receive_batch();
    fault_point("batch.received");
    watch_doors();
    if (reception_.block_full(queue_.block_bytes())) hand_over(false);
    --left;
  }
  receive_published();
  received_ = received_ || left < kBatchesAtOnce;
  hand_over(left > 0 || control_.wants_commit());
  if (control_.wants_commit()) {
    queue_.hurry();
    control_.commit_ordered();
  }
}

void Intake::receive_published() {
  if (published_ == nullptr) return;
  for (auto& news : published_->follow())
    log_.tell(OwnLog::Kind::kInput, news.trouble ? level::kWarning : level::kInfo, std::move(news.line));
  inputs::PublishedRecords::Message message;
  for (int left = kBatchesAtOnce; left > 0 && !full_ && !closed_; --left) {
    if (!published_->receive(message)) return;
    received_ = true;
    auto const host = host_of(message.first);
    if (message.frames == 1) {
      reception_.take(bytes(message.first), host, wall_clock(), milliseconds(Clock::now()));
    } else if (message.frames == 2) {
      reception_.take_published(message.first.to_string_view(), message.second.to_string_view(), host,
                                wall_clock());
    } else {
      reception_.refuse_frame(fmt::format(
          "a published message of {} frames; a topic and a text are two, a record is one", message.frames));
    }
    if (reception_.block_full(queue_.block_bytes())) hand_over(false);
  }
}

/// At the bound their blocks stay where they are, and in the end their senders wait.
void Intake::take_inputs() {
  while (input_ != nullptr && !full_ && !closed_) {
    auto block = input_->take();
    if (!block) return;
    received_ = true;
    pushed_ = queue_.push(std::move(block), true);
    watch_queue();
  }
}

void Intake::receive_batch() {
  zmq::message_t frame;
  if (!receive(bus_.pull, frame)) return;
  if (frame.more()) {
    auto const frames = 1 + skip_rest(bus_.pull, frame);
    reception_.refuse_frame(fmt::format("a message of {} frames; a batch or a plain record is one", frames));
    return;
  }
  reception_.take(bytes(frame), host_of(frame), wall_clock(), milliseconds(Clock::now()));
}

/// Of a plain record that does not say.
std::string_view Intake::host_of(zmq::message_t& frame) const {
  auto const form = wire::form_of(bytes(frame));
  if (form == wire::Form::kBatch || form == wire::Form::kForward) return {};
  auto const peer = peer_of(frame);
  bool const here = peer.empty() || peer.starts_with("localhost") || peer.starts_with("127.") || peer == "::1";
  return here ? std::string_view(options_.facts.host) : peer;
}

void Intake::hand_over(bool drained) {
  auto block = full_ || closed_ ? nullptr : reception_.hand_over();
  if (block) {
    pushed_ = queue_.push(std::move(block), drained);
    watch_queue();
  } else if (drained && pushed_ > committed_) {
    queue_.hurry();
  }
}

/// At the bound PULL is left alone, so that ZeroMQ's own bounds hold the publishers back; from half of it on it is read again.
void Intake::watch_queue() {
  if (closed_) return;
  bool const full = full_ ? !queue_.has_room() : queue_.full();
  if (full == full_) return;
  full_ = full;
  control_.set_waiting(full_ || draining_);
}

void Intake::serve_control() {
  for (int left = kControlAtOnce; left > 0 && readable(bus_.router); --left) {
    zmq::message_t route;
    zmq::message_t frame;
    if (!receive(bus_.router, route)) return;
    if (!route.more() || !receive(bus_.router, frame)) {
      control_.refuse_frame("a message without a frame");
    } else if (frame.more()) {
      skip_rest(bus_.router, frame);
      control_.refuse_frame("a message of several frames; a control message is one");
    } else {
      auto const user = admission_ != nullptr ? property_of(frame, "User-Id") : std::string_view();
      left -=
          control_.take(route.to_string(), bytes(frame), counters_.last_id, milliseconds(Clock::now()), user) -
          1;
    }
  }
}

void Intake::serve_viewers() {
  if (!live_) return;
  for (int left = kControlAtOnce; left > 0 && readable(bus_.xpub); --left) {
    zmq::message_t frame;
    if (!receive(bus_.xpub, frame)) return;
    if (!frame.more() && live_->on_subscription(frame.to_string_view()))
      left -= kControlAtOnce / kSyncsAtOnce;
    if (!frame.empty() && *static_cast<char const*>(frame.data()) == '\1')
      subscribed_.charge(peer_of(frame), frame.size());
    skip_rest(bus_.xpub, frame);
  }
  watch_viewers();
}

void Intake::take_commits() {
  auto committed = queue_.collect();
  committed_ = committed.last;
  for (auto& owned : committed.blocks) {
    std::shared_ptr<Block const> const block = std::move(owned);
    // Ids have no holes: another one than the next is of another file, opened because ours was moved away.
    if (!block->entries.empty() && block->first_id != counters_.last_id + 1) start_epoch(block->first_id - 1);
    ledger_.commit(block->progress);
    control_.committed(*block);
    if (live_) live_->take(block);
    if (zmq_log_) zmq_log_->take(block);
    if (sinks_ != nullptr) sinks_->take(block);
    counters_.records += block->entries.size() - block->gaps.size();
    for (auto const& gap : block->gaps) counters_.gap_records += gap.last - gap.first + 1;
    committed_at_ = wall_clock();
    if (!block->entries.empty())
      counters_.last_id = block->first_id + static_cast<std::int64_t>(block->entries.size()) - 1;
  }
  watch_queue();
}

void Intake::watch_trouble() {
  auto const trouble = queue_.trouble();
  if (trouble.has_value() == troubled_) return;
  troubled_ = trouble.has_value();
  if (troubled_) {
    log_.tell(OwnLog::Kind::kStore, level::kError,
              fmt::format("{}; trying on, publishers keep their records meanwhile", *trouble));
  } else {
    log_.tell(OwnLog::Kind::kStore, level::kWarning, "the store can be written again");
  }
}

void Intake::watch_clock() {
  auto const now = Clock::now();
  if (now >= next_tick_) {
    next_tick_ = now + std::chrono::seconds(1);
    if (live_) live_->tick();
    watch_rates(now);
  }
  if (now >= next_probe_) {
    next_probe_ = now + std::chrono::seconds(2);
    control_.probe(milliseconds(now));
  }
  if (present() > 0 || pushed_ > committed_ || received_) last_busy_ = now;
  watch_presence();
}

/// Viewers that end with the publishers hear at once when it is time; a tick each second repeats it.
void Intake::watch_presence() {
  auto const now = Clock::now();
  if (std::pair const who(publishers_.entered(), present()); who != seen_) {
    seen_ = who;
    last_change_ = now;
  }
  bool const settled = now - last_change_ >= kSettled && looked_since(last_change_);
  if (std::exchange(settled_, settled) == settled || !settled || !live_) return;
  live_->tick();
}

LivePresence Intake::presence() const {
  LivePresence presence;
  // A change since the last turn is not known yet: what is not looked at is not settled.
  std::pair const who(publishers_.entered(), present());
  presence.joined = who.first - joined_before_;
  presence.present = who.second;
  if (settled_ && who == seen_) presence.settled = milliseconds(Clock::now()) - milliseconds(last_change_);
  for (auto const& [id, publisher] : publishers_) {
    if (presence.who.size() == LivePresence::kMaxWho) break;
    if (publisher.route.empty() && !options_.looked_since) continue;
    presence.who.emplace_back(publisher.who.host, publisher.who.pid);
  }
  return presence;
}

/// One that is gone without a bye is waited for until its spool was read, where somebody reads spools.
std::size_t Intake::present() const noexcept {
  return options_.looked_since ? publishers_.size() : publishers_.connected();
}

bool Intake::looked_since(Clock::time_point at) const {
  return !options_.looked_since || options_.looked_since(at);
}

void Intake::update_counters() {
  counters_.bad_frames = reception_.bad_frames() + control_.bad_frames() +
                         (input_ != nullptr ? input_->counters().bad_frames.load() : 0);
  counters_.duplicates = reception_.duplicates();
  counters_.publishers = publishers_.size();
}

void Intake::watch_rates(Clock::time_point now) {
  auto const seconds = std::chrono::duration<double>(now - std::exchange(rated_, now)).count();
  rows_.tick(counters_.records, seconds);
  publishers_.tick(seconds);
}

void Intake::describe(delivery::Status& status) const {
  status.last_id = counters_.last_id;
  status.records = counters_.records;
  status.gaps = counters_.gap_records;
  status.duplicates = counters_.duplicates;
  status.bad_frames = counters_.bad_frames;
  status.connections = door_.connections();
  status.max_connections = door_.bound();
  status.doors_shut = door_.shut();
  status.failed_handshakes = door_.failed_handshakes();
  status.live = live_.has_value();
  status.viewers = door_.viewers();
  status.store.path = options_.facts.database;
  status.store.rate = rows_.value();
  status.store.committed = committed_at_;
  status.store.queued_bytes = queue_.bytes();
  status.store.queue_bytes = options_.queue_bytes;
  status.store.trouble = queue_.trouble().value_or("");
  if (options_.describe) options_.describe(status);
}

bool Intake::idle() const {
  return publishers_.entered() > 0 && present() == 0 && pushed_ == committed_ &&
         Clock::now() - last_busy_ >= kSettled && looked_since(last_busy_);
}

void Intake::watch_doors() {
  if (auto line = door_.look(); !line.empty())
    log_.tell(OwnLog::Kind::kControl, level::kWarning, std::move(line));
}

void Intake::watch_handshakes() {
  auto const failed = door_.failed_handshakes();
  if (auto const before = std::exchange(failed_handshakes_, failed); failed == before || admission_ == nullptr)
    return;
  log_.note(OwnLog::Kind::kAccess, level::kWarning,
            "refused: a handshake failed: a peer without a key, with another key than this collector's, or "
            "of another "
            "protocol");
}

/// ZeroMQ keeps what viewers subscribe to without a bound. Who has too much is cut off, which frees it; who means well comes back, finds by its sync what it missed, and
/// reads that from the store.
void Intake::watch_viewers() {
  if (!subscribed_.over()) return;
  auto const whom = subscribed_.settle();
  auto const cut = door_.cut_viewers(whom);
  log_.note(OwnLog::Kind::kControl, level::kWarning,
            fmt::format("viewers subscribed to more than there is room for: {} connections were cut off{}",
                        cut, whom.empty() ? "" : ", of " + whom.front()));
}

/// What viewers know of ids and counters is void.
void Intake::start_epoch(std::int64_t last_id) {
  auto const epoch = ++counters_.epoch;
  joined_before_ = publishers_.entered() - present();
  control_.set_epoch(epoch);
  if (live_) live_->start_epoch(epoch, last_id);
}

void Intake::drain() {
  draining_ = true;
  control_.set_waiting(true);
  control_.tell_window();
  if (input_ != nullptr) input_->finish();
  auto const end = Clock::now() + kLongestDrain;
  auto quiet = Clock::now() + kQuiet;
  auto const awaited = [&] { return Clock::now() < quiet || (input_ != nullptr && !input_->finished()); };
  while (Clock::now() < end && awaited() && !queue_.finished()) {
    do_work(kQuiet / 2);
    if (received_ || full_) quiet = Clock::now() + kQuiet;
  }
  end_drain();
}

void Intake::end_drain() {
  log_.note(OwnLog::Kind::kLife, level::kInfo, "stopped");
  full_ = false;  // the last blocks go in whatever the bound says
  hand_over(true);
  while (auto block = input_ != nullptr ? input_->take() : nullptr)
    pushed_ = queue_.push(std::move(block), true);
  full_ = closed_ = true;  // and nothing is read any more
  queue_.close();
  while (!queue_.finished()) do_work(kQuiet);
  take_turns();
}

ControlServer::Sent Intake::send_control(std::string const& route, std::span<std::byte const> frame) {
  auto const part = [this](void const* data, std::size_t size, int flags) {
    while (zmq_send(bus_.router.handle(), data, size, flags | ZMQ_DONTWAIT) < 0) {
      if (zmq_errno() != EINTR) return zmq_errno();
    }
    return 0;
  };
  // The route decides: the frame after it goes where the route's pipe has room, or nowhere when the peer went away in between.
  if (int const error = part(route.data(), route.size(), ZMQ_SNDMORE))
    return error == EAGAIN ? ControlServer::Sent::kBusy : ControlServer::Sent::kGone;
  return part(frame.data(), frame.size(), 0) == 0 ? ControlServer::Sent::kDone : ControlServer::Sent::kGone;
}

void Intake::send_live(std::string_view topic, std::string_view message) {
  // XPUB never waits: what a slow viewer has no room for is dropped for that viewer.
  if (zmq_send(bus_.xpub.handle(), topic.data(), topic.size(), ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0) return;
  zmq_send(bus_.xpub.handle(), message.data(), message.size(), ZMQ_DONTWAIT);
}

}  // namespace logboom::collector
