// See forwarder.hpp.
#include "upstream/forwarder.hpp"

#include "posix/background_thread.hpp"
#include "publisher/background.hpp"
#include "spool/spool.hpp"
#include "upstream/span_cursors.hpp"

#include <logboom/query.hpp>

#include <fmt/format.h>

#include <sys/eventfd.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <exception>
#include <system_error>
#include <utility>

namespace logboom::upstream {
namespace {

constexpr std::int64_t kTurn = 20;           // ms between two looks at the window
constexpr std::int64_t kDeclareAgain = 100;  // ms between two attempts to declare losses
constexpr std::int64_t kBroken = 1'000;      // ms after a failure of the system
constexpr std::size_t kLossesAFrame = 500;
constexpr std::string_view kLost = "the spool of the forwarding collector was full";

std::int64_t wall_clock() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::string joined(std::vector<delivery::Endpoint> const& endpoints) {
  std::string list;
  for (auto const& endpoint : endpoints) list += (list.empty() ? "" : ",") + endpoint.text;
  return list;
}

std::vector<delivery::Endpoint> parsed(std::string const& endpoint) {
  if (endpoint.empty())
    throw std::invalid_argument(
        "upstream: no endpoint; give the address of the other collector, tcp://HOST:PORT");
  return delivery::resolve_endpoints(endpoint);
}

/// FNV-1a: the same for the same collector in every run.
std::uint64_t hash_of(std::vector<std::string> const& texts) {
  std::uint64_t hash = 0xcbf2'9ce4'8422'2325U;
  for (auto const& text : texts) {
    for (char const c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100'0000'01b3U;
    hash = (hash ^ 0xffU) * 0x100'0000'01b3U;
  }
  return hash;
}

/// Two collectors of a machine, and two hubs of a collector, have a spool each.
std::filesystem::path spool_directory(SinkOptions const& options, std::string const& name,
                                      std::vector<std::string> const& serves) {
  if (!options.spool.empty()) return std::filesystem::absolute(options.spool);
  std::string shown;
  for (char const c : name) shown += std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '-';
  auto all = serves;
  all.push_back(name);
  auto const root = std::filesystem::absolute(spool::default_root()).parent_path() / "upstream";
  return root / fmt::format("{}-{:016x}", shown.substr(0, 64), hash_of(all));
}

int make_eventfd() {
  int const made = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (made < 0) throw std::system_error(errno, std::generic_category(), "upstream: eventfd");
  return made;
}

}  // namespace

Forwarder::Forwarder(SinkOptions const& options, Surroundings surroundings)
    : options_(options),
      around_(std::move(surroundings)),
      endpoints_(parsed(options.endpoint)),
      name_(options.name.empty() ? joined(endpoints_) : options.name),
      waits_(options.when_full == SinkOptions::WhenFull::kWait ||
             (options.when_full == SinkOptions::WhenFull::kAuto && !around_.stored)),
      selector_(options.filter),
      spool_(spool_directory(options, joined(endpoints_), around_.serves), options.spool_bytes),
      losses_(spool_.directory() / "losses"),
      self_{spool_.id(), around_.host, static_cast<std::uint64_t>(::getpid()),
            std::string(wire::kForwarderProcess), wall_clock()},
      feed_(spool_, self_),
      wake_(make_eventfd()) {
  losing_ = !losses_.empty();
  for (auto const& line : spool_.problems()) around_.report(level::kWarning, "upstream spool: " + line);
}

Forwarder::~Forwarder() {
  stop();
  ::close(wake_);
}

// --- the appending thread

void Forwarder::append(std::span<std::unique_ptr<Block> const> blocks) {
  std::lock_guard const lock(appending_);
  committing_ = true;
  if (frames_.empty()) {  // else this is the same call again, which had no room
    for (auto const& block : blocks) encode(*block);
    finish_frame();
  }
  store_frames();
}

void Forwarder::committed() {
  std::lock_guard const lock(appending_);
  committing_ = false;
  spool_.publish();
  wake();
}

void Forwarder::reconcile(std::span<Progress const> ledger) {
  for (auto const& [publisher, stream, last, missing] : ledger) {
    if (publisher == spool_.id()) spool_.forget_after(stream, last);
  }
}

void Forwarder::encode(Block const& block) {
  SpanCursors cursors(block.spans);
  selector_.select(block, selected_);
  auto gap = block.gaps.begin();
  std::uint64_t const plain_stream = spool_.stream() + 1;
  for (std::size_t i = 0; i < block.entries.size(); ++i) {
    auto const& entry = block.entries[i];
    auto const& source = *block.sources[entry.source];
    if (gap != block.gaps.end() && gap->entry == i) {
      auto const from = cursors.settle(gap->publisher, gap->stream, gap->first, gap->last);
      builder_.add_gap(block.sources[entry.source], *gap, from);
      ++gap;
    } else if (!passes(block, i)) {
      filtered_.fetch_add(1, std::memory_order_relaxed);
      continue;
    } else if (entry.sequence == 0 || source.publisher == PublisherId{}) {
      ++plain_;
      builder_.add(block, entry, {spool_.id(), plain_stream, plain_, plain_});
    } else {
      auto const from = cursors.settle(source.publisher, source.stream, entry.sequence, entry.sequence);
      builder_.add(block, entry, {source.publisher, source.stream, from, entry.sequence});
    }
    if (builder_.full()) finish_frame();
  }
  cursors.rest([this](Span const& span) {
    builder_.withhold(span);
    if (builder_.full()) finish_frame();
  });
}

bool Forwarder::passes(Block const& block, std::size_t index) const {
  return selected_[index] && (!selector_.looks_inside() || selector_.matches(to_record(block, index)));
}

void Forwarder::finish_frame() {
  if (builder_.empty()) return;
  auto const parts = builder_.parts();
  Encoded frame{{}, builder_.records(), {parts.begin(), parts.end()}};
  auto const contents = builder_.finish();
  frame.contents.assign(contents.begin(), contents.end());
  frames_.push_back(std::move(frame));
}

void Forwarder::store_frames() {
  while (!frames_.empty()) {
    auto const& frame = frames_.front();
    if (!declare_losses() || !spool_.append(frame.contents, frame.records)) {
      if (waits_) refuse();
      lose(frame);
    }
    frames_.pop_front();
  }
}

/// What there was no room for comes before what there is room for now. False: there still is none.
bool Forwarder::declare_losses() {
  if (!losses_.empty() && !spool_.roomy()) return false;
  while (!losses_.empty()) {
    auto const losses = losses_.first(kLossesAFrame);
    wire::ForwardBuilder frame;
    for (auto const& [span, count] : losses) {
      if (count == 0) {
        frame.withhold(span);
        continue;
      }
      Source source;
      source.publisher = span.publisher;
      source.host = around_.host;
      source.stream = span.stream;
      frame.add_gap(
          std::make_shared<Source const>(std::move(source)),
          {span.publisher, span.stream, span.last - count + 1, span.last, wall_clock(), std::string(kLost)},
          span.first);
    }
    if (!spool_.append(frame.finish(), 0, ForwardSpool::Kind::kLosses)) return false;
    losses_.remove(losses);
  }
  losing_ = false;
  if (std::exchange(full_, false)) {
    {
      std::lock_guard const lock(mutex_);
      trouble_.failing = false;
    }
    around_.report(
        level::kInfo,
        fmt::format("upstream {}: there is room in the spool again; {} records were declared lost so far",
                    name_, dropped_.load(std::memory_order_relaxed)));
  }
  return true;
}

/// When nothing more comes to be appended. Not amid a commit: what stands after its frames is taken back with them.
void Forwarder::declare_quietly(std::int64_t now) {
  if (!losing_ || now < declare_again_) return;
  declare_again_ = now + kDeclareAgain;
  std::lock_guard const lock(appending_);
  if (!committing_ && declare_losses()) spool_.publish();
}

void Forwarder::lose(Encoded const& frame) {
  auto const why = spool_.error();
  std::uint64_t lost = 0;
  std::uint64_t unsaid = 0;
  for (auto const& [span, count] : frame.parts) {
    lost += count;
    if (!losses_.add({span, count})) unsaid += count;
  }
  losing_ = true;
  dropped_.fetch_add(lost, std::memory_order_relaxed);
  if (unsaid > 0) {
    around_.report(
        level::kError,
        fmt::format("upstream {}: {} records are lost to it, and of more streams than can be declared to it",
                    name_, unsaid));
  }
  if (std::exchange(full_, true)) return;
  bool const bound = why == std::errc::no_buffer_space;
  failed(fmt::format("upstream {}: {} ({}); what comes now is declared lost there{}", name_,
                     bound ? fmt::format("its spool is at its bound of {} bytes", options_.spool_bytes)
                           : "its spool cannot be written",
                     bound ? spool_.directory().string() : why.message(),
                     around_.stored ? ", and is in the store here" : ""));
}

void Forwarder::refuse() {
  auto const why = spool_.error();
  // All the room may have gone to what is being committed: it has to leave before there is more.
  spool_.publish();
  wake();
  throw StoreError(fmt::format("upstream {}: the spool {} {}", name_, spool_.directory().string(),
                               why == std::errc::no_buffer_space
                                   ? fmt::format("is at its bound of {} bytes", options_.spool_bytes)
                                   : "cannot be written: " + why.message()),
                   StoreError::Kind::kTransient);
}

// --- the delivering thread

void Forwarder::start() {
  publisher::Speaker::Hooks hooks;
  hooks.report = [this](Level, std::string_view line) { failed(fmt::format("upstream {}: {}", name_, line)); };
  hooks.objection = [](delivery::Welcome const& welcome) -> std::string {
    if (welcome.forward >= wire::kForwardVersion) return {};
    return "takes no forwarded records: it is of an older version; update it. The records wait in the spool";
  };
  zmq_ctx_set(context_.handle(), ZMQ_BLOCKY, 0);
  speaker_.emplace(context_, endpoints_, self_, feed_, std::move(hooks));
  thread_ = posix::background_thread("logboom-forward", [this] { run(); });
}

void Forwarder::stop() noexcept {
  if (!thread_.joinable()) return;
  stopping_ = true;
  wake();
  thread_.join();
}

void Forwarder::run() {
  std::int64_t broken_until = 0;
  silent_since_ = publisher::monotonic_ms();
  for (;;) {
    auto const now = publisher::monotonic_ms();
    bool worked = false;
    std::uint64_t news = 0;
    if (::read(wake_, &news, sizeof news) < 0) errno = 0;
    try {
      if (now >= broken_until) {
        declare_quietly(now);
        speaker_->open_streams();
        worked = speaker_->step(now);
      }
    } catch (std::exception const& error) {
      failed(fmt::format("upstream {}: {}; trying again every second", name_, error.what()));
      broken_until = now + kBroken;
    }
    watch_connection(now);
    count();
    if (over(now)) break;
    wait(worked);
  }
  speaker_.reset();
}

void Forwarder::watch_connection(std::int64_t now) {
  bool const welcomed = speaker_->window().welcomed();
  if (welcomed) silent_since_ = now;
  if (welcomed && !welcomed_) {
    {
      std::lock_guard const lock(mutex_);
      trouble_.failing = false;
    }
    if (said_)
      around_.report(level::kInfo, fmt::format("upstream {}: takes records again; {} waited in the spool",
                                               name_, spool_.records()));
    said_ = false;
  }
  welcomed_ = welcomed;
  if (!welcomed && !said_ && now - silent_since_ >= kFailing && !stopping_) {
    said_ = true;
    // What it does say was told already.
    if (!speaker_->heard() || speaker_->window().unanswered() == 0 || speaker_->window().unanswered() > 3)
      failed(fmt::format("upstream {}: no collector answers there; records wait in the spool {}", name_,
                         spool_.directory().string()));
  }
}

/// Only at the end.
bool Forwarder::over(std::int64_t now) {
  if (!stopping_) return false;
  if (stop_by_ == 0) {
    stop_by_ = now + kLongestStop;
    progressed_ = now;
    speaker_->hurry();
  }
  if (!speaker_->window().welcomed()) return true;
  auto const acked = feed_.acked();
  if (std::exchange(acked_before_, acked) != acked) progressed_ = now;
  if (speaker_->drained() && !losing_) {
    speaker_->end();
    if (speaker_->bye_answered()) return finished_ = true;
  }
  return now >= stop_by_ || now - progressed_ >= kNoProgress;
}

void Forwarder::wait(bool worked) {
  if (worked) return;
  items_.clear();
  items_.push_back({nullptr, wake_, ZMQ_POLLIN, 0});
  speaker_->add_to(items_);
  publisher::poll(items_, kTurn);
}

void Forwarder::count() {
  sent_.store(feed_.sent(), std::memory_order_relaxed);
  acked_.store(feed_.acked(), std::memory_order_relaxed);
}

// --- any thread

void Forwarder::failed(std::string line) {
  {
    std::lock_guard const lock(mutex_);
    ++trouble_.failures;
    trouble_.last_error = line;
    trouble_.last_error_time = wall_clock();
    trouble_.failing = true;
  }
  around_.report(level::kWarning, std::move(line));
}

void Forwarder::wake() const noexcept {
  std::uint64_t const one = 1;
  if (::write(wake_, &one, sizeof one) < 0) errno = 0;  // full: it wakes anyway
}

SinkStatus Forwarder::status() const {
  SinkStatus status;
  {
    std::lock_guard const lock(mutex_);
    status = trouble_;
  }
  status.name = name_;
  status.type = "upstream";
  status.queued = spool_.records();
  status.queued_bytes = spool_.bytes();
  status.written = acked_.load(std::memory_order_relaxed);
  status.sent = sent_.load(std::memory_order_relaxed);
  status.filtered = filtered_.load(std::memory_order_relaxed);
  status.dropped = dropped_.load(std::memory_order_relaxed);
  return status;
}

}  // namespace logboom::upstream
