// The collector as a whole: puts the parts together, runs their threads, ends them in order. Must not know what any of them does.
#include <logboom/collector.hpp>
#include <logboom/query.hpp>
#include <logboom/version.hpp>

#include "collector/address_claim.hpp"
#include "collector/admission.hpp"
#include "collector/adoption.hpp"
#include "collector/bus_sockets.hpp"
#include "collector/commit_queue.hpp"
#include "collector/commit_target.hpp"
#include "collector/doorkeeper.hpp"
#include "collector/intake.hpp"
#include "collector/own_log.hpp"
#include "collector/rules_file.hpp"
#include "collector/sink_set.hpp"
#include "delivery/endpoint.hpp"
#include "delivery/loopback.hpp"
#include "inputs/listen_socket.hpp"
#include "inputs/published_records.hpp"
#include "inputs/python_input.hpp"
#include "posix/background_thread.hpp"
#include "posix/fault_point.hpp"
#include "posix/file_size_signal.hpp"
#include "record/level_rules.hpp"
#include "sinks/sink_options.hpp"
#include "sinks/zmq_log.hpp"
#include "store/ledger_reader.hpp"
#include "store/retention_plan.hpp"
#include "store/store_size.hpp"
#include "upstream/forwarder.hpp"

#include <fmt/format.h>

#include <sys/eventfd.h>
#include <unistd.h>
#include <algorithm>
#include <array>
#include <cerrno>
#include <iterator>
#include <random>
#include <span>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <utility>

namespace logboom {
namespace {

using namespace collector;

/// Wakes the intake: written to by threads and signal handlers, read by the intake's poll.
class WakeUp {
 public:
  WakeUp() : fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (fd_ < 0) throw std::system_error(errno, std::generic_category(), "collector: eventfd");
  }
  ~WakeUp() { ::close(fd_); }
  WakeUp(WakeUp const&) = delete;
  WakeUp& operator=(WakeUp const&) = delete;

  void ring() const noexcept {
    int const before = errno;
    std::uint64_t const one = 1;
    if (::write(fd_, &one, sizeof one) < 0) errno = before;  // full: the intake wakes anyway
    errno = before;
  }
  int fd() const noexcept { return fd_; }

 private:
  int const fd_;
};

std::uint64_t random_epoch() {
  std::random_device device;
  std::uniform_int_distribution<std::uint64_t> any(1, (1ULL << 63U) - 1);
  return any(device);
}

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

std::int64_t wall_clock() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::vector<delivery::Endpoint> endpoints_of(CollectorOptions const& options) {
  std::string list;
  for (auto const& endpoint : options.endpoints) list += (list.empty() ? "" : ",") + endpoint;
  auto endpoints = delivery::resolve_endpoints(list);
  for (auto const& endpoint : endpoints) (void)delivery::parse_served_endpoint(endpoint.text);
  return endpoints;
}

delivery::SinkState state_of(SinkStatus const& sink) {
  constexpr std::size_t kMaxText = 255;  // of its name and of an error: all sinks are to find room in one answer
  delivery::SinkState state;
  state.name = sink.name.substr(0, kMaxText);
  state.type = sink.type;
  state.queued = sink.queued;
  state.queued_bytes = sink.queued_bytes;
  state.written = sink.written;
  state.filtered = sink.filtered;
  state.suppressed = sink.suppressed;
  state.dropped = sink.dropped;
  state.failures = sink.failures;
  state.failing = sink.failing;
  state.last_error = sink.last_error.substr(0, kMaxText);
  state.last_error_time = sink.last_error_time;
  return state;
}

std::vector<std::pair<inputs::Transport, std::string>> python_sockets(CollectorOptions const& options) {
  using inputs::Transport;
  std::vector<std::pair<Transport, std::string>> wanted;
  if (options.python_tcp) wanted.emplace_back(Transport::kTcp, *options.python_tcp);
  if (options.python_udp) wanted.emplace_back(Transport::kUdp, *options.python_udp);
  if (options.python_unix) wanted.emplace_back(Transport::kUnix, *options.python_unix);
  if (options.python_unix_datagram)
    wanted.emplace_back(Transport::kUnixDatagram, *options.python_unix_datagram);
  return wanted;
}

/// "TCP://HOST:PORT" beyond this machine, or what may be anything.
bool reaches_out(std::string const& endpoint) {
  constexpr std::string_view kTcp = "tcp://";
  if (endpoint.starts_with("ipc://") || endpoint.starts_with("inproc://")) return false;
  if (!endpoint.starts_with(kTcp)) return true;
  auto const address = std::string_view(endpoint).substr(kTcp.size());
  return !delivery::is_loopback(address.substr(0, address.rfind(':')));
}

/// What whoever reaches it may use, by name: those inputs and outputs know no keys.
std::vector<std::string> open_to_others(CollectorOptions const& options) {
  std::vector<std::string> found;
  for (auto const& endpoint : endpoints_of(options)) {
    if (options.curve_secret.empty() && reaches_out(endpoint.text)) found.push_back(endpoint.text);
  }
  for (auto const& [transport, address] : python_sockets(options)) {
    if (inputs::reaches_out(transport, address)) found.push_back(inputs::name_of(transport, address));
  }
  if (options.zmq_log && reaches_out(*options.zmq_log)) found.push_back("zmq-log " + *options.zmq_log);
  return found;
}

void check_open_addresses(CollectorOptions const& options) {
  if (options.insecure) return;
  auto const found = open_to_others(options);
  if (found.empty()) return;
  auto const bus = found.front().find(' ') == std::string::npos;
  throw std::invalid_argument(
      fmt::format("{}: others than this machine reach it, and it asks nobody who they are; {}, or serve it "
                  "as it is with --insecure "
                  "(insecure = true)",
                  found.front(),
                  bus ? "ask for keys with --curve-secret and --authorized-keys (docs/security.md)"
                      : "give an address of 127.0.0.1 (it knows no keys)"));
}

curve::ClientKeys subscribe_keys(CollectorOptions const& options) {
  return {options.subscribe_server_key, options.subscribe_curve_secret};
}

CollectorOptions checked(CollectorOptions options) {
  if (options.queue_bytes < (64U << 10U))
    throw std::invalid_argument("queue_bytes: less than one batch of 64 KiB; give 65536 or more");
  if (options.commit_interval < std::chrono::milliseconds(1))
    throw std::invalid_argument("commit_interval: not a time to wait; give 1 ms or more");
  LevelRules::parse(options.level_rules);
  auto const mistakes = store::retention_mistakes(options.retention, options.database);
  if (!mistakes.empty()) throw std::invalid_argument("retention: " + mistakes.front().text);
  for (auto const& [transport, address] : python_sockets(options))
    inputs::check_listen_address(transport, address);
  inputs::PublishedRecords::check(options.subscribe, subscribe_keys(options));
  sinks::check_sinks(options.sinks);
  check_open_addresses(options);
  for (auto const& sink : options.sinks) {
    if (auto const clash = sinks::clash_with_store(sink, options.database); !clash.empty())
      throw std::invalid_argument(clash);
  }
  return options;
}

std::vector<SinkOptions> upstream_sinks(CollectorOptions const& options) {
  std::vector<SinkOptions> list;
  std::copy_if(options.sinks.begin(), options.sinks.end(), std::back_inserter(list),
               [](SinkOptions const& sink) { return sink.type == SinkOptions::Type::kUpstream; });
  return list;
}

/// What of the options only a new collector follows, and differs.
std::vector<std::string> fixed_differences(CollectorOptions const& old, CollectorOptions const& now) {
  std::vector<std::string> differ;
  auto const compare = [&](char const* name, auto const& a, auto const& b) {
    if (!(a == b)) differ.emplace_back(name);
  };
  compare("endpoints", old.endpoints, now.endpoints);
  compare("path of the store", old.database, now.database);
  compare("retention of the store", old.retention, now.retention);
  compare("publish", old.publish, now.publish);
  compare("inputs", python_sockets(old), python_sockets(now));
  compare("subscribe", old.subscribe, now.subscribe);
  compare("subscribe_server_key", old.subscribe_server_key, now.subscribe_server_key);
  compare("subscribe_curve_secret", old.subscribe_curve_secret, now.subscribe_curve_secret);
  compare("zmq_log", old.zmq_log, now.zmq_log);
  compare("upstream sinks", upstream_sinks(old), upstream_sinks(now));
  compare("curve_secret", old.curve_secret, now.curve_secret);
  compare("path of the authorised keys", old.authorized_keys, now.authorized_keys);
  compare("allow_users", old.allow_users, now.allow_users);
  compare("insecure", old.insecure, now.insecure);
  compare("adopt", old.adopt, now.adopt);
  compare("adopt_own", old.adopt_own, now.adopt_own);
  compare("until_idle", old.until_idle, now.until_idle);
  compare("queue", old.queue_bytes, now.queue_bytes);
  compare("max_connections", old.max_connections, now.max_connections);
  compare("commit_interval", old.commit_interval, now.commit_interval);
  return differ;
}

}  // namespace

struct Collector::Impl {
  explicit Impl(CollectorOptions given);
  void run();
  void work();
  void follow_store();
  std::vector<std::unique_ptr<upstream::Forwarder>> make_upstreams();
  std::chrono::nanoseconds commit(std::span<std::unique_ptr<Block> const> blocks);
  Intake::Options intake_options();
  void describe(delivery::Status& status);
  void watch_oldest(std::int64_t last_id);
  void add_zmq_log();
  std::unique_ptr<inputs::PythonInput> python_input();
  delivery::ReceiverLedger ledger();
  std::vector<std::string> reload(CollectorOptions wanted);
  std::vector<SinkStatus> sink_status() const;
  curve::ClientKeys own_keys() const;

  CollectorOptions const options;
  std::uint64_t const epoch = random_epoch();
  std::vector<delivery::Endpoint> const addresses;
  OwnLog log;
  Admission admission;
  std::vector<AddressClaim> claims;  // before the store's file is touched
  CommitTarget target;
  std::optional<store::LedgerReader> stored;  // the intake's own view of the file
  WakeUp wake;
  std::vector<std::unique_ptr<upstream::Forwarder>> upstreams;
  std::size_t ahead = 0;  // of them have what is being committed; the store's thread's own
  CommitQueue queue;
  BusSockets bus;
  Doorkeeper door;
  std::unique_ptr<inputs::PythonInput> input;  // for Python's handlers, if there is any
  SinkSet sinks;
  std::optional<inputs::PublishedRecords> published;
  Intake intake;
  std::optional<Adoption> adoption;
  std::string zmq_log;  // where records are published as pyzmq's PUBHandler does
  std::atomic<bool> stopping = false;
  std::uint64_t reopened = 0;
  std::int64_t const started = wall_clock();
  std::int64_t before_first = 0;  // id before that of the oldest record in the store
  bool many_files = false;        // there were closed files when last looked
};

Collector::Impl::Impl(CollectorOptions given)
    : options(checked(std::move(given))),
      addresses(endpoints_of(options)),
      log(host_name(), LevelRules::parse(options.level_rules).level_for("logboom.collector"), options.notice,
          wall_clock),
      admission({options.curve_secret, options.authorized_keys, options.allow_users}, log),
      claims(claim_addresses(addresses, admission.admits_users())),
      target(options.database, options.retention,
             [this](std::string line) { log.tell(OwnLog::Kind::kStore, level::kError, std::move(line)); }),
      upstreams(make_upstreams()),
      queue([this](auto blocks) { return commit(blocks); },
            {.limit_bytes = options.queue_bytes,
             .interval = options.commit_interval,
             .idle = std::chrono::seconds(target.path().empty() ? 0 : 1)},
            [this] { wake.ring(); }),
      bus(std::move(claims), addresses, options.publish, admission),
      door(bus, options.max_connections),
      input(python_input()),
      sinks(options.sinks, {.log = log, .host = host_name(), .stored = !target.path().empty()}),
      intake(bus, door, queue, log, ledger(), wake.fd(), intake_options()) {
  if (!target.path().empty())
    before_first = target.last_id() - static_cast<std::int64_t>(store::count_rows(target.path()));
  if (admission.active()) intake.ask_rights_of(admission);
  if (input) intake.add_input(*input);
  intake.add_sinks(sinks);
  if (!options.subscribe.empty())
    intake.add_input(published.emplace(bus.context, options.subscribe, subscribe_keys(options)));
  if (options.zmq_log) add_zmq_log();
  if (!options.adopt.empty() || !options.adopt_own.empty())
    adoption.emplace(Adoption::Roots{options.adopt, options.adopt_own}, bus.addresses, own_keys(), log);
}

/// As whom the collector connects to itself.
curve::ClientKeys Collector::Impl::own_keys() const {
  if (!admission.curve()) return {};
  return {admission.server_key().public_key, {}, admission.own_key()};
}

std::vector<std::unique_ptr<upstream::Forwarder>> Collector::Impl::make_upstreams() {
  std::vector<std::unique_ptr<upstream::Forwarder>> made;
  for (auto const& sink : upstream_sinks(options)) {
    upstream::Forwarder::Surroundings around;
    around.host = host_name();
    for (auto const& address : addresses) around.serves.push_back(address.text);
    around.stored = !target.path().empty();
    around.report = [this](Level level, std::string line) {
      if (level >= level::kWarning)
        log.tell(OwnLog::Kind::kSink, level, std::move(line));
      else
        log.note(OwnLog::Kind::kSink, level, std::move(line));
    };
    made.push_back(std::make_unique<upstream::Forwarder>(sink, std::move(around)));
  }
  if (made.empty()) return made;
  auto const ledger = target.ledger();
  std::array<std::unique_ptr<Block>, 1> begun{std::make_unique<Block>()};
  for (auto const& forwarder : made) {
    forwarder->reconcile(ledger);
    begun[0]->progress.push_back(forwarder->progress());
  }
  try {
    target.write(begun);
  } catch (StoreError const& error) {
    if (!error.retryable()) throw;  // else the first transaction says it
  }
  return made;
}

/// Spools first: what the store has is acked, and is sent again by nobody. The transaction says how far they are, so that after a death no spool has more than the store.
std::chrono::nanoseconds Collector::Impl::commit(std::span<std::unique_ptr<Block> const> blocks) {
  if (blocks.empty()) {
    target.write(blocks);
    return {};
  }
  for (; ahead < upstreams.size(); ++ahead) {
    upstreams[ahead]->append(blocks);
    fault_point("forward.appended");
    blocks.back()->progress.push_back(upstreams[ahead]->progress());
  }
  target.write(blocks);
  ahead = 0;
  for (auto const& forwarder : upstreams) forwarder->committed();
  return target.commit_took();
}

Intake::Options Collector::Impl::intake_options() {
  Intake::Options made{.facts = {.epoch = epoch,
                                 .host = host_name(),
                                 .pid = static_cast<std::uint64_t>(::getpid()),
                                 .database = target.path(),
                                 .levels = options.level_rules,
                                 .rules_file = rules_path(target.path(), bus.addresses.front()),
                                 .forwarders = {}},
                       .queue_bytes = options.queue_bytes,
                       .last_id = target.last_id(),
                       .live = options.publish,
                       .looked_since = {},
                       .describe = [this](delivery::Status& status) { describe(status); }};
  for (auto const& forwarder : upstreams) made.facts.forwarders.push_back(forwarder->id());
  if (!options.adopt.empty() || !options.adopt_own.empty())
    made.looked_since = [this](auto since) { return adoption && adoption->looked_since(since); };
  return made;
}

/// The oldest file may have been removed since it was last asked.
void Collector::Impl::watch_oldest(std::int64_t last_id) {
  auto const before = store::before_closed(target.path());
  if (before) {
    before_first = *before;
  } else if (many_files) {
    before_first = last_id - static_cast<std::int64_t>(store::count_rows(target.path()));
  }
  many_files = before.has_value();
}

void Collector::Impl::describe(delivery::Status& status) {
  status.program = LOGBOOM_VERSION;
  status.started = started;
  status.endpoints = bus.addresses;
  if (adoption) {
    status.adopted_spools = adoption->adopted();
    status.spool_damage = adoption->damage();
  }
  for (auto const& endpoint : options.subscribe) status.inputs.push_back("subscribed " + endpoint);
  if (!target.path().empty()) {
    watch_oldest(status.last_id);
    status.store.rows = static_cast<std::uint64_t>(std::max<std::int64_t>(0, status.last_id - before_first));
    status.store.bytes = store::bytes_on_disk(target.path());
    status.store.log_bytes = store::log_bytes(target.path());
    status.store.set_aside = target.set_aside();
    status.store.mended = target.mended();
  }
  status.curve = admission.curve();
  status.authorized_keys = admission.keys();
  status.insecure = open_to_others(options);
  status.refused_keys = admission.counters().keys;
  status.refused_users = admission.counters().users;
  status.refused_requests = admission.counters().requests;
  for (auto const& sink : sink_status()) status.sinks.push_back(state_of(sink));
  if (input) {
    for (auto& address : input->addresses()) status.inputs.push_back(std::move(address));
    status.input_connections = input->counters().connections;
    status.input_refused = input->counters().refused;
  }
}

std::unique_ptr<inputs::PythonInput> Collector::Impl::python_input() {
  std::vector<inputs::ListenSocket> sockets;
  for (auto const& [transport, address] : python_sockets(options)) sockets.emplace_back(transport, address);
  if (sockets.empty()) return nullptr;
  using Trouble = inputs::PythonInput::Trouble;
  inputs::PythonInput::Options made;
  made.host = host_name();
  return std::make_unique<inputs::PythonInput>(
      std::move(sockets), std::move(made),
      [this](Trouble trouble, std::string line) {
        log.note(trouble == Trouble::kBadFrame ? OwnLog::Kind::kBadFrame : OwnLog::Kind::kInput,
                 level::kWarning, std::move(line));
      },
      [this] { wake.ring(); });
}

void Collector::Impl::add_zmq_log() {
  auto sink = std::make_unique<sinks::ZmqLog>(bus.context, *options.zmq_log);
  zmq_log = sink->endpoint();
  intake.set_zmq_log(std::move(sink));
}

/// Streams that the ledger had to forget are looked up in the file again.
delivery::ReceiverLedger Collector::Impl::ledger() {
  if (target.path().empty()) return delivery::ReceiverLedger{};
  stored.emplace(target.path());
  delivery::ReceiverLedger made(
      delivery::ReceiverLedger::kMaxStreams,
      [this](PublisherId const& id, std::uint64_t stream) { return stored->find(id, stream); });
  // One more than there is room for says that there are more.
  auto const rows = target.ledger(delivery::ReceiverLedger::kMaxStreams + 1);
  made.load(rows);
  return made;
}

void Collector::Impl::run() {
  std::string served;
  for (auto const& address : bus.addresses) served += (served.empty() ? "" : ", ") + address;
  if (input) {
    for (auto const& address : input->addresses()) served += ", " + address;
  }
  log.note(OwnLog::Kind::kLife, level::kInfo,
           fmt::format("collecting on {} into {}", served, target.path().empty() ? "no store" : target.path()));
  for (auto const& open : open_to_others(options))
    log.tell(OwnLog::Kind::kAccess, level::kWarning,
             fmt::format("INSECURE: {} asks nobody who they are, and others than this machine reach it", open));
  auto store = posix::background_thread("logboom-store", [this] { queue.run(); });
  std::exception_ptr broken;
  try {
    for (auto const& forwarder : upstreams) forwarder->start();
    if (adoption) adoption->start();
    if (input) input->start();
    work();
  } catch (...) {
    broken = std::current_exception();
    queue.close();
  }
  if (adoption) adoption->stop();
  store.join();
  for (auto const& forwarder : upstreams) forwarder->stop();
  sinks.close();
  if (auto const failure = queue.failure()) std::rethrow_exception(failure);
  if (broken) std::rethrow_exception(broken);
}

std::vector<SinkStatus> Collector::Impl::sink_status() const {
  auto all = sinks.status();
  for (auto const& forwarder : upstreams) all.push_back(forwarder->status());
  return all;
}

std::vector<std::string> Collector::Impl::reload(CollectorOptions wanted) {
  wanted = checked(std::move(wanted));
  auto differ = fixed_differences(options, wanted);
  auto keys = admission.read();
  sinks.replace(wanted.sinks);
  intake.set_levels(wanted.level_rules);
  if (admission.replace(std::move(keys))) intake.cut_all();
  wake.ring();
  std::string line = "reloaded";
  for (auto const& one : differ)
    line += (line.size() > 8 ? ", " : "; takes effect with the next start: ") + one;
  log.note(OwnLog::Kind::kLife, level::kInfo, std::move(line));
  return differ;
}

void Collector::Impl::work() {
  constexpr std::chrono::milliseconds kTurn{500};
  auto const turn = options.until_idle ? Intake::kSettled / 2 : kTurn;
  while (!stopping && !queue.finished()) {
    intake.do_work(turn);
    follow_store();
    if (options.until_idle && intake.idle()) break;
  }
  if (adoption) adoption->stop();
  intake.drain();
}

void Collector::Impl::follow_store() {
  auto const now = target.reopened();
  if (now == reopened) return;
  reopened = now;
  stored.emplace(target.path());
  before_first = 0;
  log.tell(OwnLog::Kind::kStore, level::kError, fmt::format("{}: {}", target.path(), target.left()));
}

Collector::Collector(CollectorOptions options) {
  posix::FileSizeSignal const held;
  impl_ = std::make_unique<Impl>(std::move(options));
}

void Collector::check(CollectorOptions const& options) {
  auto const right = checked(options);
  OwnLog log(host_name(), level::kOff, nullptr, wall_clock);
  (void)Admission({right.curve_secret, right.authorized_keys, right.allow_users}, log);
}

Collector::~Collector() {
  posix::FileSizeSignal const held;
  impl_.reset();
}

void Collector::run() {
  posix::FileSizeSignal const held;
  impl_->run();
}

void Collector::stop() noexcept {
  impl_->stopping = true;
  impl_->wake.ring();
}

std::vector<std::string> Collector::reload(CollectorOptions options) {
  posix::FileSizeSignal const held;
  return impl_->reload(std::move(options));
}

void Collector::reopen() { impl_->sinks.reopen(); }

void Collector::note(Level level, std::string_view line) {
  impl_->log.note(OwnLog::Kind::kLife, level, std::string(line));
  impl_->wake.ring();
}

CollectorStatus Collector::status() const {
  auto const& counters = impl_->intake.counters();
  CollectorStatus status;
  status.epoch = counters.epoch;
  status.records = counters.records;
  status.gap_records = counters.gap_records;
  status.duplicates = counters.duplicates;
  status.bad_frames = counters.bad_frames;
  status.queued_bytes = impl_->queue.bytes();
  status.publishers = counters.publishers;
  status.refused_keys = impl_->admission.counters().keys;
  status.refused_users = impl_->admission.counters().users;
  status.refused_requests = impl_->admission.counters().requests;
  status.adopted_spools = impl_->adoption ? impl_->adoption->adopted() : 0;
  status.last_id = counters.last_id;
  status.sinks = impl_->sink_status();
  if (impl_->input) {
    status.input_connections = impl_->input->counters().connections;
    status.input_refused = impl_->input->counters().refused;
  }
  return status;
}

std::vector<std::string> Collector::endpoints() const { return impl_->bus.addresses; }

std::vector<std::string> Collector::inputs() const {
  return impl_->input ? impl_->input->addresses() : std::vector<std::string>{};
}

std::string Collector::zmq_log() const { return impl_->zmq_log; }

}  // namespace logboom
