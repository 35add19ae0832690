// See collector.hpp.
#include "collector.hpp"

#include <logboom/filter.hpp>
#include <logboom/query.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <system_error>
#include <utility>

namespace logboom::simulation {

namespace {

constexpr std::size_t kLosses = 64;  // ranges that the file of losses holds
constexpr std::int64_t kProbe = 2000;

sinks::Selector const& everything() {
  static sinks::Selector const selector{Filter{}};
  return selector;
}

/// For the history.
std::string contents(Bytes const& batch) try {
  std::string what;
  if (wire::form_of(batch) == wire::Form::kBatch) {
    wire::BatchDecoder decoder;
    decoder.open(batch);
    for (auto const& part : decoder.streams())
      what += fmt::format(" p{}.{}:{}..{} (base {})", decoder.publisher().pid - 1000, part.stream, part.first,
                          part.end - 1, part.base);
    return what;
  }
  wire::ForwardDecoder forward;
  forward.open(batch);
  what = fmt::format(" frame {}.{} (base {}) with", forward.stream(), forward.number(), forward.base());
  for (auto const& span : forward.spans())
    what += fmt::format(" p{}.{}:{}..{}", static_cast<unsigned>(span.publisher[1]), span.stream, span.first,
                        span.last);
  return what;
} catch (wire::FrameError const& error) {
  return fmt::format(" what cannot be read: {}", error.what());
}

std::int64_t wall() { return 1'700'000'000'000'000'000; }

}  // namespace

Collector::Forward::Forward(World& world, Plan const& plan, std::string const& name)
    : spool("/" + plan.address + "/upstream", upstream::ForwardSpool::kLeastBound,
            static_cast<std::uint64_t>(world.now) * 1000 + 2),
      losses("/" + plan.address + "/upstream/losses", kLosses),
      self{spool.id(), "host", 1, name, wall()},
      appender(spool, losses, everything(),
               {name, "host", plan.waits, true, upstream::ForwardSpool::kLeastBound},
               {[] {}, [&world](auto const&) { world.oracle.upstream_losses = true; }, [](auto const&) {},
                [](auto, auto const&) {}, wall}),
      feed(spool, self),
      link(world.network, spool.id(), name),
      speaker(link, {delivery::Endpoint{plan.hub, plan.hub, plan.hub, plan.hub}}, self, feed,
              {{},
               {},
               [](delivery::Welcome const& welcome) -> std::string {
                 return welcome.forward >= wire::kForwardVersion ? "" : "is too old";
               },
               {}}) {}

Collector::Collector(World& world, Plan plan, Store& store)
    : Process(world, plan.address, "/" + plan.address),
      plan_(std::move(plan)),
      store_(store),
      log_("host", level::kInfo, {}, wall),
      ledger_(plan_.streams,
              [this](PublisherId const& id, std::uint64_t stream) { return store_.progress(id, stream); }),
      publishers_(plan_.publishers) {
  Life::running = &life;
  if (plan_.fuse > 0) life.light_fuse(plan_.fuse);
  if (world_.mutation != Mutation::kLedgerNotLoaded) ledger_.load(store_.ledger());
  if (!plan_.hub.empty()) {
    forward_.emplace(world_, plan_, plan_.address + "^");
    begin();
  }
  std::vector<PublisherId> own;
  if (forward_) {
    own.push_back(forward_->spool.id());
    world_.oracle.forwarders.insert(own[0]);
  }
  control_.emplace(
      collector::ControlServer::Facts{.epoch = world_.dice.next(),
                                      .host = "host",
                                      .pid = 1,
                                      .database = "",
                                      .levels = "",
                                      .rules_file = "",
                                      .forwarders = own},
      ledger_, publishers_, log_,
      [this](std::string const& route, std::span<std::byte const> frame) { return send(route, frame); }, wall);
  reception_.emplace(ledger_, publishers_, log_, [this](PublisherId const& id, std::string const& reason) {
    control_->refuse_batch(id, reason);
  });
  reception_->set_own(own);
  if (!life.dead()) world_.network.listen(plan_.address);
  note("begins");
  Life::running = nullptr;
}

Collector::~Collector() { world_.network.hang_up(plan_.address); }

/// As Collector::Impl::make_upstreams().
void Collector::begin() {
  forward_->appender.reconcile(store_.ledger());
  std::vector<std::unique_ptr<Block>> begun;
  begun.push_back(std::make_unique<Block>());
  begun[0]->progress.push_back({forward_->spool.id(), forward_->spool.stream(), forward_->spool.last()});
  if (life.act()) store_.write(begun);
}

std::int64_t Collector::next_arrival() const {
  auto next = world_.network.next_arrival(plan_.address);
  if (full_) next = INT64_MAX;  // batches are left alone; control waits for the next step
  if (!done_.empty()) next = world_.now;
  if (!pending_.empty() || !group_.empty()) next = std::min(next, store_next_);
  return forward_ ? std::min(next, std::max(forward_->link.next_arrival(), forward_->speak_again)) : next;
}

bool Collector::step(std::int64_t now) {
  worked_ = false;
  take_turns(now);
  store_step(now);
  if (forward_ && !life.dead()) worked_ |= deliver(now);
  if (!life.dead()) watch_bounds();
  return worked_;
}

// --- the intake

void Collector::take_turns(std::int64_t now) {
  take_commits();
  settle();
  serve_control(now);
  receive_batches(now);
  settle();
  if (now >= probe_next_) {
    probe_next_ = now + kProbe;
    control_->probe(now);
  }
}

void Collector::take_commits() {
  committed_ = written_;
  for (auto& block : done_) {
    ledger_.commit(block->progress);
    control_->committed(*block);
    bytes_ -= sizes_.front();
    sizes_.pop_front();
    worked_ = true;
  }
  done_.clear();
  watch_queue();
}

void Collector::settle() { control_->settle(pushed_ + (reception_->open() ? 1 : 0), committed_); }

void Collector::serve_control(std::int64_t now) {
  while (auto const letter = world_.network.receive_control(plan_.address)) {
    if (noted()) note(fmt::format("by {}: {}", letter->route, describe(letter->bytes)));
    control_->take(letter->route, letter->bytes, 0, now);
    worked_ = true;
  }
}

void Collector::receive_batches(std::int64_t now) {
  for (int left = 16; left > 0 && !full_; --left) {
    auto const batch = world_.network.receive_batch(plan_.address);
    if (!batch) break;
    auto const before = reception_->duplicates();
    reception_->take(*batch, {}, wall(), now);
    if (noted())
      note("takes" + contents(*batch) + (reception_->duplicates() > before ? ", some of it known" : ""));
    if (reception_->block_full()) hand_over();
    worked_ = true;
  }
  hand_over();
  if (control_->wants_commit()) control_->commit_ordered();
}

void Collector::hand_over() {
  auto block = full_ ? nullptr : reception_->hand_over();
  if (!block) return;
  sizes_.push_back(block->bytes());
  bytes_ += sizes_.back();
  ++pushed_;
  if (world_.mutation == Mutation::kAckBeforeCommit) {
    ledger_.commit(block->progress);
    control_->committed(*block);
  }
  pending_.push_back(std::move(block));
  watch_queue();
}

void Collector::watch_queue() {
  bool const full = full_ ? bytes_ > plan_.queue_bytes / 2 : bytes_ >= plan_.queue_bytes;
  if (full == full_) return;
  full_ = full;
  control_->set_waiting(full_);
  note(full_ ? "is full, and reads no batches" : "reads batches again");
}

void Collector::watch_bounds() const {
  auto& oracle = world_.oracle;
  if (ledger_.size() > plan_.streams) oracle.fail(name() + "'s ledger is larger than its bound");
  if (publishers_.size() > plan_.publishers) oracle.fail(name() + " knows more publishers than its bound");
  if (bytes_ > plan_.queue_bytes + 6 * collector::Reception::kBlockBytes)
    oracle.fail(name() + "'s queue is larger than its bound");
  if (forward_ && forward_->spool.bytes() > upstream::ForwardSpool::kLeastBound)
    oracle.fail(name() + "'s upstream spool is larger than its bound");
  if (reception_->bad_frames() + control_->bad_frames() > 0)
    oracle.fail(name() + " was sent what it cannot read");
}

collector::ControlServer::Sent Collector::send(std::string const& route, std::span<std::byte const> frame) {
  using Sent = collector::ControlServer::Sent;
  if (!life.act()) return Sent::kDone;
  check_sent(route, frame);
  switch (world_.network.send_control(plan_.address, route, frame)) {
    case Network::Sent::kDone: return Sent::kDone;
    case Network::Sent::kBusy: return Sent::kBusy;
    case Network::Sent::kGone: break;
  }
  return Sent::kGone;
}

/// Nothing is said to be committed that is not.
void Collector::check_sent(std::string const& route, std::span<std::byte const> frame) const {
  auto const* const id = world_.network.speaker_of(route);
  if (id == nullptr) return;
  auto const message = delivery::decode(frame);
  auto const check = [&](std::vector<delivery::StreamState> const& states) {
    for (auto const& state : states) {
      auto const row = store_.progress(*id, state.stream);
      // A stream that the store does not know begins at the publisher's base.
      if (!row || state.committed <= row->last) continue;
      world_.oracle.fail(fmt::format("{} acks stream {} up to {}, and {} is committed", name(), state.stream,
                                     state.committed, row->last));
    }
  };
  if (auto const* ack = std::get_if<delivery::Ack>(&message)) check(ack->streams);
  if (auto const* welcome = std::get_if<delivery::Welcome>(&message)) check(welcome->streams);
}

// --- the store's thread

void Collector::store_step(std::int64_t now) {
  if (now < store_next_ || life.dead()) return;
  auto const slow = now < store_slow_until ? 200 : 8;
  if (group_.empty()) {
    auto const most = 1 + world_.dice.pick(4);
    while (!pending_.empty() && group_.size() < most) {
      group_.push_back(std::move(pending_.front()));
      pending_.pop_front();
    }
    if (group_.empty()) return;
    store_next_ = now + world_.dice.upto(slow);
    if (store_next_ > now) return;
  }
  worked_ = true;
  store_next_ = now + world_.dice.upto(slow);
  if (forward_ && world_.mutation != Mutation::kStoreBeforeSpool && !append()) return;
  if (world_.mutation == Mutation::kSendBeforeCommit && forward_) forward_->appender.committed();
  if (now < store_fails_until) {
    note("the store refuses the transaction");
    store_next_ = now + 50;
    return;
  }
  if (!life.act()) return;
  store_.write(group_);
  if (noted()) note(fmt::format("commits {} blocks", group_.size()));
  if (!life.act()) return;
  if (forward_ && world_.mutation == Mutation::kStoreBeforeSpool) append();
  appended_ = false;
  if (forward_) forward_->appender.committed();
  written_ += group_.size();
  for (auto& block : group_) done_.push_back(std::move(block));
  group_.clear();
}

/// As Collector::Impl::commit(). False: there is no room, it is tried again.
bool Collector::append() {
  if (appended_) return true;
  try {
    forward_->appender.append(group_);
  } catch (StoreError const& error) {
    note(error.what());
    world_.oracle.hub_may_lead = true;
    store_next_ = world_.now + 50;
    return false;
  }
  appended_ = true;
  group_.back()->progress.push_back({forward_->spool.id(), forward_->spool.stream(), forward_->spool.last()});
  return true;
}

/// As Forwarder::run().
bool Collector::deliver(std::int64_t now) {
  if (now < forward_->speak_again) return false;
  try {
    forward_->appender.declare_quietly(now);
    forward_->speaker.open_streams();
    return forward_->speaker.step(now);
  } catch (std::system_error const& error) {
    note(fmt::format("forwarding failed: {}", error.what()));
    forward_->speak_again = now + 1000;
    return false;
  }
}

bool Collector::idle() const {
  bool const own = pending_.empty() && group_.empty() && done_.empty() && !reception_->open();
  return own && (!forward_ || (forward_->speaker.drained() && !forward_->appender.losing()));
}

}  // namespace logboom::simulation
