// The viewer's sockets and its way to the store. What was seen and what is missing is LiveTracker's business.
#include <logboom/subscriber.hpp>

#include "curve/client_keys.hpp"
#include "curve/handshake_monitor.hpp"
#include "delivery/endpoint.hpp"
#include "record/record_codec.hpp"
#include "store/store_reader.hpp"
#include "viewer/collector_info.hpp"
#include "viewer/idle_watch.hpp"
#include "viewer/live_tracker.hpp"
#include "viewer/missed_report.hpp"

#include <fmt/format.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <zmq.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <deque>
#include <filesystem>
#include <random>
#include <system_error>
#include <utility>

namespace logboom {

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds kInfoTimeout{10'000};  // a collector is there: it has answered a sync
constexpr int kMostUnanswered = 3;            // questions to collectors that have answered a sync, in turn
constexpr milliseconds kSyncPatience{500};
constexpr milliseconds kRefusedPause{1'000};  // between two attempts at a collector that does not let us in
constexpr int kReceiveHighWater = 1000;       // messages; DESIGN.md, "Bounded everywhere"

std::string random_nonce() {
  std::random_device entropy;
  return fmt::format("{:08x}{:08x}", entropy(), entropy());
}

milliseconds left_until(Clock::time_point deadline) {
  auto const left = std::chrono::ceil<milliseconds>(deadline - Clock::now());
  return std::max(left, milliseconds{0});
}

viewer::IdleWatch idle_watch(std::size_t publishers, SubscriberOptions const& options) {
  std::array<char, 256> host{};
  gethostname(host.data(), host.size() - 1);
  return viewer::IdleWatch({.publishers = publishers,
                            .earlier = options.replay || options.history.has_value(),
                            .host = host.data(),
                            .pid = static_cast<std::uint64_t>(getpid())});
}

std::span<std::byte const> bytes_of(zmq::message_t const& message) {
  return {static_cast<std::byte const*>(message.data()), message.size()};
}

/// An eventfd: one end of stop() and finish().
class StopSignal {
 public:
  StopSignal() : fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (fd_ < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
  }
  ~StopSignal() { close(fd_); }
  StopSignal(StopSignal const&) = delete;
  StopSignal& operator=(StopSignal const&) = delete;

  void raise() noexcept {
    raised_.store(true, std::memory_order_relaxed);
    wake();
  }
  void ask_to_finish() noexcept {
    finish_.store(true, std::memory_order_relaxed);
    wake();
  }
  /// True once for ask_to_finish().
  bool take_finish() noexcept {
    if (!finish_.load(std::memory_order_relaxed) || !finish_.exchange(false)) return false;
    std::uint64_t count = 0;
    if (read(fd_, &count, sizeof count) < 0) errno = 0;  // it was taken before
    if (raised()) wake();                                // its signal may have been taken as well
    return true;
  }
  bool raised() const noexcept { return raised_.load(std::memory_order_relaxed); }
  int fd() const noexcept { return fd_; }

 private:
  void wake() noexcept {
    int const before = errno;
    std::uint64_t const one = 1;
    if (write(fd_, &one, sizeof one) < 0) errno = before;
  }

  std::atomic<bool> raised_{false};
  std::atomic<bool> finish_{false};
  int fd_;
};

}  // namespace

struct Subscriber::Impl {
  explicit Impl(SubscriberOptions given)
      : options(std::move(given)),
        matcher(options.filter),
        topics(matcher.topics()),
        // Ids of different stores do not mix: a viewer watches one collector, the first that is named.
        endpoint(delivery::resolve_endpoints(options.endpoint).front()),
        keys(curve::resolve_client_keys(options.curve_server_key, options.curve_secret)),
        tracker(topics),
        missed_report(context, endpoint, keys) {
    context.set(zmq::ctxopt::blocky, 0);
    if (options.until_idle > 0) idle.emplace(idle_watch(options.until_idle, options));
    if (wants_history() && !options.database.empty()) open_store(options.database, true);
    check_given_keys();
    connect();
  }
  ~Impl() { monitor.close(); }

  // --- the caller's side

  std::optional<Record> next(milliseconds timeout) {
    auto const deadline = Clock::now() + timeout;
    // A stream of messages that the filter drops must not hold the caller longer than it wants to wait.
    for (bool tried = false; !stopped.raised(); tried = true) {
      if (stopped.take_finish()) finish();
      missed_report.tell();
      if (!ready.empty()) {
        Record record = std::move(ready.front());
        ready.pop_front();
        return record;
      }
      if (ended || (tried && Clock::now() >= deadline)) break;
      if (question || task) {
        work_on_task(left_until(deadline));
      } else if (last_of_all && tracker.complete_up_to() >= *last_of_all) {
        ended = true;
      } else {
        receive(left_until(deadline));
      }
    }
    return std::nullopt;
  }

  bool wait_until_live(milliseconds timeout) {
    auto const deadline = Clock::now() + timeout;
    while (!tracker.synced() && !stopped.raised()) {
      if (stopped.take_finish()) finish();
      receive(left_until(deadline));
      if (Clock::now() >= deadline) break;
    }
    return tracker.synced();
  }

  // Who is there now is what counts: a tick that is still in the queue may be older than the workers.
  void finish() {
    finishing = true;
    idle.reset();
    last_of_all.reset();
    if (live.handle() != nullptr) ask_for_sync();
  }

  // What the collector says of the publishers belongs to the id in the same message: it may be the end, once everything up to that was seen.
  void watch_publishers(LiveCounters const& counters) {
    if (!idle) return;
    last_of_all.reset();
    if (idle->take(counters)) last_of_all = counters.id;
  }

  // --- the bus

  void check_given_keys() const {
    if (options.curve_server_key.empty() && options.curve_secret.empty()) return;
    try {
      curve::check(keys, 1);
    } catch (curve::KeyError const& error) {
      throw std::invalid_argument(error.what());
    }
  }

  /// Keys that cannot be used are a refusal, which the next call says.
  void connect() {
    refusal.clear();
    live = zmq::socket_t(context, zmq::socket_type::sub);
    set_options();
    try {
      curve::apply(keys, 0, live);
    } catch (curve::KeyError const& error) {
      return refused(error.what());
    }
    try {
      monitor.open(context, live, keys.any());
      ask_for_sync();
      live.connect(endpoint.live);
    } catch (...) {
      monitor.close();
      live.close();
      throw;
    }
  }

  void set_options() {
    live.set(zmq::sockopt::linger, 0);
    live.set(zmq::sockopt::ipv6, endpoint.live.find('[') != std::string::npos);
    live.set(zmq::sockopt::rcvhwm, kReceiveHighWater);
    live.set(zmq::sockopt::maxmsgsize, static_cast<std::int64_t>(kMaxLiveFrame));
    live.set(zmq::sockopt::reconnect_ivl, 20);
    live.set(zmq::sockopt::reconnect_ivl_max, 1000);
    live.set(zmq::sockopt::tcp_keepalive, 1);
    live.set(zmq::sockopt::tcp_keepalive_idle, 30);
    live.set(zmq::sockopt::tcp_keepalive_intvl, 10);
    live.set(zmq::sockopt::tcp_keepalive_cnt, 3);
    for (auto const& topic : topics) live.set(zmq::sockopt::subscribe, topic);
    live.set(zmq::sockopt::subscribe, "T");
  }

  void refused(std::string line) {
    monitor.close();
    live.close();
    sync_topic.clear();
    refusal = std::move(line);
    try_again = Clock::now() + kRefusedPause;
  }

  /// Says a refusal once, then waits until it is time for another attempt. @return whether there is a socket.
  bool let_in(milliseconds timeout) {
    while (auto const change = monitor.next()) {
      if (*change != curve::HandshakeMonitor::Change::kRefused) continue;
      refused(fmt::format("{}: the collector refuses: {}", endpoint.text, monitor.reason()));
      break;
    }
    if (!refusal.empty()) throw RefusedError(std::exchange(refusal, {}));
    if (live.handle() != nullptr) return true;
    std::array<zmq::pollitem_t, 1> stop{{{nullptr, stopped.fd(), ZMQ_POLLIN, 0}}};
    try {
      zmq::poll(stop, std::min(timeout, left_until(try_again)));
    } catch (zmq::error_t const& error) {
      if (error.num() != EINTR) throw;
    }
    if (stopped.raised() || Clock::now() < try_again) return false;
    connect();
    return live.handle() != nullptr;
  }

  // The topics were subscribed before, and a pipe keeps its order: when the answer comes, they are active.
  void ask_for_sync() {
    if (!sync_topic.empty()) live.set(zmq::sockopt::unsubscribe, sync_topic);
    sync_topic = "S" + random_nonce();
    live.set(zmq::sockopt::subscribe, sync_topic);
    asked_at = Clock::now();
  }

  bool awaits_sync() const noexcept { return !tracker.synced() || finishing; }

  // Under load the answer may find the pipe to this viewer full, and is dropped like any message.
  void ask_again_if_unanswered() {
    if (awaits_sync() && Clock::now() - asked_at > kSyncPatience) ask_for_sync();
  }

  /// Waits for one message or stop(), and takes it.
  void receive(milliseconds timeout) {
    if (!let_in(timeout)) return;
    ask_again_if_unanswered();
    if (awaits_sync()) timeout = std::min(timeout, kSyncPatience);
    std::array<zmq::pollitem_t, 3> items{{{live.handle(), 0, ZMQ_POLLIN, 0},
                                          {nullptr, stopped.fd(), ZMQ_POLLIN, 0},
                                          {monitor.handle(), 0, ZMQ_POLLIN, 0}}};
    try {
      if (zmq::poll(items, timeout) == 0 || (items[0].revents & ZMQ_POLLIN) == 0) return;
      zmq::message_t topic;
      zmq::message_t body;
      if (!live.recv(topic, zmq::recv_flags::dontwait) || !topic.more()) return;
      if (!live.recv(body, zmq::recv_flags::dontwait)) return;
      bool more = body.more();
      for (zmq::message_t rest; more; more = rest.more()) {
        if (!live.recv(rest, zmq::recv_flags::dontwait)) break;
      }
      take(topic.to_string_view(), bytes_of(body));
    } catch (zmq::error_t const& error) {
      if (error.num() != EINTR) throw;
    } catch (wire::FrameError const&) {
      // What cannot be read was missed: the topic's counter will tell with the next message or tick.
    }
  }

  void take(std::string_view topic, std::span<std::byte const> body) {
    if (topic == sync_topic) return take_sync(decode_counters(body));
    if (topic == "T") {
      auto const counters = decode_counters(body);
      bool const synced = tracker.synced();
      auto const tick = tracker.tick(counters);
      if (tick.sync_again) ask_for_sync();
      if (tick.hole) fill(*tick.hole);
      if (synced && !tick.sync_again) watch_publishers(counters);
      return;
    }
    if (!tracker.synced()) return;  // it is in the history: the sync's id will not be below it
    std::uint64_t n = 0;
    Record record = decode_live(body, &n);
    auto const message = tracker.message(topic, n, record.id);
    if (!message.fresh) return;
    if (message.hole) fill(*message.hole);
    if (!matcher.matches(record)) return;
    (task ? after_task : ready).push_back(std::move(record));
  }

  void take_sync(LiveCounters const& answer) {
    missed_report.wanted(answer.wants_missed);
    bool const first = !tracker.synced();
    bool const other_collector = first || answer.epoch != tracker.epoch();
    auto const hole = tracker.sync(answer);
    if (other_collector) find_store();
    if (first && wants_history()) {
      read_history(answer.id);
    } else if (hole) {
      fill(*hole);
    }
    if (std::exchange(finishing, false)) idle.emplace(idle_watch(0, options));
    watch_publishers(answer);
  }

  // --- the store

  bool wants_history() const noexcept { return options.replay || options.history.has_value(); }

  void find_store() {
    if (!wants_history() && !options.refetch) return;
    store.reset();
    try {
      question.emplace(endpoint, keys, kInfoTimeout);
    } catch (curve::KeyError const& error) {
      refused(error.what());
    }
  }

  void take_info(std::optional<delivery::Info> const& info) {
    if (!info && had_store && options.database.empty() && ++unanswered < kMostUnanswered) return sync_anew();
    unanswered = 0;
    if (!options.database.empty()) {
      if (info && viewer::is_here(*info)) refuse_other_store(*info);
      return open_store(options.database, wants_history() && !had_store);
    }
    if (info && !info->database.empty() && viewer::is_here(*info)) {
      return open_store(info->database, wants_history() && !had_store);
    }
    if (!wants_history() || had_store) return;
    throw StoreError(fmt::format(
        "{}: its store cannot be read from here ({}); name the file with --db, or leave history out",
        endpoint.text,
        !info                    ? "no answer"
        : info->database.empty() ? "it has none"
                                 : "it is on host " + info->host));
  }

  /// The collector ended before it said where its store is. What was missed by then is asked of the next one.
  void sync_anew() {
    task.reset();
    tracker.forget_epoch();
    ask_for_sync();
  }

  /// Ids of one file mean nothing in another: records would be left out, or shown twice.
  void refuse_other_store(delivery::Info const& info) const {
    std::error_code unknown;
    if (!info.database.empty() &&
        (std::filesystem::equivalent(options.database, info.database, unknown) || unknown))
      return;
    throw StoreError(fmt::format(
        "{} is not the store of the collector at {}, which {}; leave --db out to follow that collector",
        options.database, endpoint.text,
        info.database.empty() ? std::string("has none") : "writes " + info.database));
  }

  void open_store(std::string const& path, bool must) {
    try {
      store.emplace(path);
      store->stop_when([this] { return stopped.raised(); });
      had_store = true;
    } catch (StoreError const&) {
      store.reset();
      if (must) throw;
    }
  }

  void read_history(std::int64_t up_to) {
    if (up_to > 0) task.emplace(Query{options.filter, options.history.value_or(0), 0, up_to}, std::nullopt);
  }

  void fill(viewer::Hole const& hole) {
    task.emplace(Query{options.filter, 0, hole.after, hole.up_to}, hole);
  }

  /// One step of what has to be read from the store, or of finding out where that is: milliseconds, or `most` for the collector's answer. What comes live
  /// meanwhile waits in the socket; if it is more than that holds, it is the next hole.
  void work_on_task(milliseconds most) {
    if (question) {
      if (!question->wait(most, stopped.fd()) || stopped.raised()) return;
      auto const info = question->answer();
      question.reset();
      return take_info(info);
    }
    if (!store || (task->hole && !options.refetch)) return end_task();
    try {
      if (!task->search) task->search.emplace(store->search(task->query));
      if (task->search->step([this](Record const& record) { return take_stored(record); })) return;
      if (task->hole) task->hole->count = 0;
    } catch (StoreError const&) {
      if (stopped.raised()) return;
      if (!task->hole) throw;  // history that was asked for
    }
    end_task();
  }

  bool take_stored(Record const& record) {
    if (!task->hole) {
      ready.push_back(record);
    } else if (tracker.unseen(record.id)) {
      ready.push_back(record);
      if (task->hole->count > 0) --task->hole->count;
    }
    return true;
  }

  /// What is left of a hole was missed.
  void end_task() {
    if (task->hole) {
      missed.fetch_add(task->hole->count, std::memory_order_relaxed);
      missed_report.add(task->hole->count);
      tracker.settled(task->hole->up_to);
    }
    task.reset();
    std::move(after_task.begin(), after_task.end(), std::back_inserter(ready));
    after_task.clear();
  }

  struct Task {
    Task(Query asked, std::optional<viewer::Hole> missing) : query(std::move(asked)), hole(missing) {}
    Query query;
    std::optional<viewer::Hole> hole;  // none: it is the history. Its count goes down as it is filled
    std::optional<store::StoreReader::Search> search;
  };

  SubscriberOptions options;
  Matcher matcher;
  std::vector<std::string> topics;
  delivery::Endpoint endpoint;
  curve::ClientKeys keys;
  viewer::LiveTracker tracker;
  std::optional<viewer::IdleWatch> idle;
  bool finishing = false;                   // finish() was asked for, and the collector has not answered yet
  std::optional<std::int64_t> last_of_all;  // id; all publishers have left, as far as is known
  std::atomic<bool> ended{false};
  StopSignal stopped;
  zmq::context_t context{1};
  zmq::socket_t live;
  curve::HandshakeMonitor monitor;  // of live
  std::string refusal;              // not said yet
  Clock::time_point try_again{};    // not before
  viewer::MissedReport missed_report;
  std::string sync_topic;
  Clock::time_point asked_at;

  std::optional<store::StoreReader> store;
  bool had_store = false;
  std::optional<viewer::InfoQuestion> question;  // where the store is
  int unanswered = 0;
  std::optional<Task> task;
  std::deque<Record> ready;       // at most one page and one live record
  std::deque<Record> after_task;  // the live record that revealed a hole
  std::atomic<std::uint64_t> missed{0};
};

Subscriber::Subscriber(SubscriberOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}
Subscriber::~Subscriber() = default;
Subscriber::Subscriber(Subscriber&&) noexcept = default;
Subscriber& Subscriber::operator=(Subscriber&&) noexcept = default;

std::optional<Record> Subscriber::next(milliseconds timeout) { return impl_->next(timeout); }
bool Subscriber::wait_until_live(milliseconds timeout) { return impl_->wait_until_live(timeout); }
std::uint64_t Subscriber::missed() const noexcept { return impl_->missed.load(std::memory_order_relaxed); }
bool Subscriber::ended() const noexcept { return impl_->ended.load(std::memory_order_relaxed); }
void Subscriber::finish() noexcept { impl_->stopped.ask_to_finish(); }
void Subscriber::stop() noexcept { impl_->stopped.raise(); }
bool Subscriber::stopped() const noexcept { return impl_->stopped.raised(); }

}  // namespace logboom
