// See forwarder.hpp.
#include "upstream/forwarder.hpp"

#include "curve/client_keys.hpp"
#include "posix/background_thread.hpp"
#include "publisher/background.hpp"
#include "spool/spool.hpp"

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

constexpr std::chrono::milliseconds kTurn{20};  // between two looks at the window
constexpr std::int64_t kBroken = 1'000;         // ms after a failure of the system

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

curve::ClientKeys keys_of(SinkOptions const& options) {
  return {options.curve_server_key, options.curve_secret};
}

void check_keys(curve::ClientKeys const& keys, std::size_t addresses, std::string const& name) {
  try {
    curve::check(keys, addresses);
  } catch (curve::KeyError const& error) {
    throw std::invalid_argument(fmt::format("upstream {}: {}", name, error.what()));
  }
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
      selector_(options.filter),
      spool_(spool_directory(options, joined(endpoints_), around_.serves), options.spool_bytes),
      losses_(spool_.directory() / "losses"),
      self_{spool_.id(), around_.host, static_cast<std::uint64_t>(::getpid()),
            std::string(wire::kForwarderProcess), wall_clock()},
      appender_(spool_, losses_, selector_, appending(), hooks()),
      feed_(spool_, self_),
      wake_(make_eventfd()) {
  check_keys(keys_of(options_), endpoints_.size(), name_);
  for (auto const& line : spool_.problems()) around_.report(level::kWarning, "upstream spool: " + line);
}

Forwarder::~Forwarder() {
  stop();
  ::close(wake_);
}

Appender::Options Forwarder::appending() const {
  using When = SinkOptions::WhenFull;
  return {.name = name_,
          .host = around_.host,
          .waits = options_.when_full == When::kWait || (options_.when_full == When::kAuto && !around_.stored),
          .stored = around_.stored,
          .spool_bytes = options_.spool_bytes};
}

Appender::Hooks Forwarder::hooks() {
  return {.wake = [this] { wake(); },
          .failed = [this](std::string line) { failed(std::move(line)); },
          .recovered =
              [this](std::string line) {
                {
                  std::lock_guard const lock(mutex_);
                  trouble_.failing = false;
                }
                around_.report(level::kInfo, std::move(line));
              },
          .report = around_.report,
          .clock = wall_clock};
}

// --- the appending thread

void Forwarder::append(std::span<std::unique_ptr<Block> const> blocks) { appender_.append(blocks); }

void Forwarder::committed() { appender_.committed(); }

void Forwarder::reconcile(std::span<Progress const> ledger) { appender_.reconcile(ledger); }

// --- the delivering thread

void Forwarder::start() {
  delivery::Speaker::Hooks hooks;
  hooks.report = [this](Level, std::string_view line) { failed(fmt::format("upstream {}: {}", name_, line)); };
  hooks.objection = [](delivery::Welcome const& welcome) -> std::string {
    if (welcome.forward >= wire::kForwardVersion) return {};
    return "takes no forwarded records: it is of an older version; update it. The records wait in the spool";
  };
  zmq_ctx_set(context_.handle(), ZMQ_BLOCKY, 0);
  link_.emplace(context_, keys_of(options_), endpoints_);
  speaker_.emplace(*link_, endpoints_, self_, feed_, std::move(hooks));
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
        appender_.declare_quietly(now);
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
  link_.reset();
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
    if (!speaker_->refusal().empty()) return;
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
  if (speaker_->drained() && !appender_.losing()) {
    speaker_->end();
    if (speaker_->bye_answered()) return finished_ = true;
  }
  return now >= stop_by_ || now - progressed_ >= kNoProgress;
}

void Forwarder::wait(bool worked) {
  if (worked) return;
  link_->wait(wake_, speaker_->blocked(), kTurn);
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
  status.filtered = appender_.filtered();
  status.dropped = appender_.dropped();
  return status;
}

}  // namespace logboom::upstream
