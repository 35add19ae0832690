// A collector inside a program: what `logboom collect` runs.
#pragma once

#include <logboom/export.hpp>
#include <logboom/level.hpp>
#include <logboom/retention.hpp>
#include <logboom/sinks.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace logboom {

struct CollectorOptions {
  std::vector<std::string> endpoints;    ///< addresses to bind; empty = LOGBOOM_ENDPOINT, then the default
  std::string database = "logs.sqlite";  ///< the store's file; "" = no store
  RetentionOptions retention;            ///< how long the store keeps records
  bool publish = true;                   ///< serve live viewers
  /// Records of Python's stock socket handlers (docs/inputs.md): "[HOST:]PORT" with 127.0.0.1 and 9020 (udp: 9021) as their usual values, port 0 = any; a path of a Unix
  /// socket. Not set: none are taken.
  std::optional<std::string> python_tcp, python_udp, python_unix, python_unix_datagram;
  /// PUB sockets of other programs to connect to, as ZeroMQ endpoints: what pyzmq's PUBHandler, logbook's ZeroMQHandler and the cookbook's ZeroMQSocketHandler publish there
  /// becomes records. Such a program drops what it publishes while nobody reads it or too much waits (1,000 messages here).
  std::vector<std::string> subscribe;  ///< 64 at most
  /// Where those programs speak CURVE: their public key, or a file of it (one for all, or as many as there are endpoints, with commas), and the file of this collector's secret
  /// key there (`logboom keygen -o`). Both or neither; "": nothing is encrypted. No environment variable is asked.
  std::string subscribe_server_key, subscribe_curve_secret;
  /// ZeroMQ endpoint to publish records on as pyzmq's PUBHandler does (topic LEVEL.logger, text), for `python -m zmq.log`. Who reads too slowly misses records.
  std::optional<std::string> zmq_log;
  /// Where records go besides the store, 64 at most; each has a thread of its own.
  std::vector<SinkOptions> sinks;
  /// File of the collector's secret key (`logboom keygen -o`): every address asks for keys by CURVE, and `authorized_keys` says which are let in. "": nobody is asked. docs/security.md.
  std::string curve_secret;
  /// File of lines "publish,view,control KEY NAME", or a directory of such files. reload() reads it again.
  std::string authorized_keys;
  /// Users of this machine who may connect to ipc addresses, besides the collector's own and root: "NAME" or "NAME=publish,view", with a number in place of a name as well.
  /// Their directories and sockets are opened to all then, and whoever connects is asked who it is. Empty: the file system lets only this user in.
  std::vector<std::string> allow_users;
  /// Serve addresses that others than this machine reach and that ask for no key. Without it they are refused.
  bool insecure = false;
  std::vector<std::string> adopt;  ///< spool roots (or spools) whose orphaned spools are read, whatever collector they were meant for
  /// Spool roots of which only those are read whose publisher had one of this collector's addresses (or is of a version that did not say): several buses may share such
  /// a root. `logboom collect` adds the default ones.
  std::vector<std::string> adopt_own;
  std::string level_rules;  ///< sent to publishers in `welcome`
  /// run() returns once every publisher that said hello has said bye (at least one did). One that died is waited for until its spool was read;
  /// with `adopt` and `adopt_own` empty until its connection is found to be gone.
  bool until_idle = false;
  std::size_t queue_bytes = 8U << 20U;  ///< blocks waiting for the store; at the bound PULL is not read
  /// Connections at a time, all sockets together (a publisher has two, a viewer one); at the bound who comes waits, as without a collector, until a tenth has left. 0: what
  /// RLIMIT_NOFILE leaves (an eighth of it, 32 to 1,024, is kept free), 16,384 at most. docs/architecture.md, "Bounds", says what one may cost.
  std::size_t max_connections = 0;
  std::chrono::milliseconds commit_interval{50};  ///< at most this long after the first pending record
  /// Told what a person at the terminal should know at once (the store cannot be written, a spool cannot be read): one line without a newline, a few a
  /// minute at most. Called by one thread at a time; must not throw or block. Not set: nobody is told (the records of `logboom.collector` say it as well).
  std::function<void(std::string_view line)> notice;
};

struct CollectorStatus {
  std::uint64_t epoch = 0;
  std::uint64_t records = 0;         ///< committed
  std::uint64_t gap_records = 0;     ///< declared lost
  std::uint64_t duplicates = 0;      ///< dropped because stored before
  std::uint64_t bad_frames = 0;      ///< messages refused: unreadable, of an unknown kind or version
  std::uint64_t queued_bytes = 0;    ///< waiting for the store
  std::uint64_t publishers = 0;      ///< said hello and not bye
  std::uint64_t adopted_spools = 0;  ///< of dead publishers, read to their end
  std::int64_t last_id = 0;
  std::uint64_t refused_keys = 0;       ///< connections, for their key or its rights
  std::uint64_t refused_users = 0;      ///< connections by ipc, for their user
  std::uint64_t refused_requests = 0;   ///< control messages, for want of a right
  std::uint64_t input_connections = 0;  ///< of Python's handlers, open
  std::uint64_t input_refused = 0;  ///< connections of Python's handlers turned away for want of descriptors
  std::vector<SinkStatus> sinks;    ///< in the order of the options, those of type upstream last
};

/// Binds in the constructor, works in run(). run() belongs to one thread; the rest is safe from any thread; stop() also from a signal handler.
/// How the program handles signals is not touched: threads of the collector's own take none, and a write beyond RLIMIT_FSIZE fails as on a full disk, although SIGXFSZ ends a program by default.
class LOGBOOM_API Collector {
 public:
  /// @throws std::invalid_argument for malformed options, StoreError for the store's file (in use by another collector, newer version, not writable …),
  /// std::system_error when an address is in use or cannot be bound. Each names the thing, the reason and the mend.
  explicit Collector(CollectorOptions options = {});
  /// Only looks whether the options are right, files of keys included. Binds nothing and touches no store. @throws std::invalid_argument as the constructor
  static void check(CollectorOptions const& options);
  ~Collector();
  Collector(Collector const&) = delete;
  Collector& operator=(Collector const&) = delete;

  /// Receives, stores and publishes until stop() (or idle, see until_idle); then drains what has arrived, commits and acks. Blocks.
  /// @throws StoreError when the store is lost for good.
  void run();

  /// Makes run() return soon. Async-signal-safe.
  void stop() noexcept;

  /// Goes on with other sinks and level rules: sinks whose options are the same are not touched; those that write to the same file (console, address) go on with what they have
  /// queued; those that are gone write what they have, for which a stuck reader is waited for at most a second. All or nothing. Blocks meanwhile.
  /// @return what else differs, by name: it takes effect with the next start. @throws std::invalid_argument for malformed options, std::system_error for a sink's file that
  /// cannot be opened; nothing is changed then
  /// Authorised keys are read again as well; when somebody has lost a right, all connections are cut, and who may still come comes back.
  std::vector<std::string> reload(CollectorOptions options);

  /// Sinks close their files and open them under their names again, soon: for whoever moves log files away. Does not block.
  void reopen();

  /// A record of the collector's own, of logger `logboom.collector`. Kept out where it is below that logger's level, and beyond 50 at once and 5 a second. Does not block.
  void note(Level level, std::string_view line);

  CollectorStatus status() const;
  /// The addresses bound, with the port that the system chose where 0 was asked for.
  std::vector<std::string> endpoints() const;
  /// The inputs for Python's handlers likewise: "python-tcp 127.0.0.1:9020", "python-unix /run/logs.sock" …
  std::vector<std::string> inputs() const;
  /// The endpoint of CollectorOptions::zmq_log as bound; "" without it.
  std::string zmq_log() const;

 private:
  struct LOGBOOM_HIDDEN Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace logboom
