// What may be asked of a collector, and its answers (docs/protocol.md, "Questions to a collector"): the level rules in force, and how it is.
// Each struct lists its entries once, for all who write or read them. No socket, no clock in it.
#pragma once

#include "record/block.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace logboom::delivery {

/// One rule that was laid over running publishers.
struct StandingRule {
  std::string logger;  // "": the root
  std::int64_t level = 0;
  std::string process = "*", host = "*";  // of the publishers that it is for; `*` stands for anything
  std::int64_t since = 0;                 // ns since the epoch
  std::int64_t until = 0;                 // 0: until it is taken back
  std::uint64_t followers = 0;            // publishers that are connected, in its scope, and were told

  template <class Self, class Each>
  static void members(Self& self, Each const& each) {
    each("logger", self.logger);
    each("level", self.level);
    each("process", self.process);
    each("host", self.host);
    each("since", self.since);
    each("until", self.until);
    each("followers", self.followers);
  }
};

/// Question. With neither `set` nor `reset` it changes nothing.
struct ChangeRules {
  bool set = false;
  bool reset = false;  // all rules of the scope, or those that `rules` names
  std::string rules;
  std::string process, host;  // "": any
  std::uint64_t seconds = 0;  // that they are to hold; 0: until they are taken back

  template <class Self, class Each>
  static void members(Self& self, Each const& each) {
    each("set", self.set);
    each("reset", self.reset);
    each("rules", self.rules);
    each("process", self.process);
    each("host", self.host);
    each("seconds", self.seconds);
  }
};

/// Its answer: what is in force after it.
struct Rules {
  std::uint64_t changed = 0;     // rules set, or taken back
  std::uint64_t publishers = 0;  // connected now, whatever their scope
  std::uint64_t forwarders = 0;  // collectors that forward to this one; what they forward is not told
  std::string base;              // the collector's own rules, under all others
  std::string not_kept;          // why they will be forgotten with the collector's end; "": they will not
  std::vector<StandingRule> rules;

  template <class Self, class Each>
  static void members(Self& self, Each const& each) {
    each("changed", self.changed);
    each("publishers", self.publishers);
    each("forwarders", self.forwarders);
    each("base", self.base);
    each("not_kept", self.not_kept);
    each("rules", self.rules);
  }
};

/// Said by a publisher now and then: what only it knows.
struct PublisherReport {
  std::uint64_t unacked = 0;        // records that no collector has committed
  std::uint64_t unacked_bytes = 0;  // of them in rings and overflow
  std::uint64_t spool_bytes = 0;    // of its files
  std::uint64_t dropped = 0;        // records, for want of room
  std::string problem;              // with its spool; "": none

  template <class Self, class Each>
  static void members(Self& self, Each const& each) {
    each("unacked", self.unacked);
    each("unacked_bytes", self.unacked_bytes);
    each("spool_bytes", self.spool_bytes);
    each("dropped", self.dropped);
    each("problem", self.problem);
  }
  friend bool operator==(PublisherReport const&, PublisherReport const&) = default;
};

struct PublisherState {
  PublisherId id{};
  std::string host, process;
  std::uint64_t pid = 0;
  std::int64_t started = 0;    // ns since the epoch, as all times here
  std::int64_t joined = 0;     // this collector, 0: before it said hello
  bool connected = false;      // false: gone without a bye
  bool leaving = false;        // said bye, and waits for its last records to be committed
  std::uint64_t received = 0;  // records taken from it by this collector
  std::uint64_t gaps = 0;      // records declared lost
  double rate = 0;             // records a second, of late
  std::int64_t reported = 0;   // when it said what follows; 0: never
  PublisherReport report;

  template <class Self, class Each>
  static void members(Self& self, Each const& each) {
    each("id", self.id);
    each("host", self.host);
    each("process", self.process);
    each("pid", self.pid);
    each("started", self.started);
    each("joined", self.joined);
    each("connected", self.connected);
    each("leaving", self.leaving);
    each("received", self.received);
    each("gaps", self.gaps);
    each("rate", self.rate);
    each("reported", self.reported);
    each("report", self.report);
  }
};

/// Numbers of records unless it says otherwise, since the sink was made.
struct SinkState {
  std::string name, type;
  std::uint64_t queued = 0, queued_bytes = 0;  // waiting now
  std::uint64_t written = 0;
  std::uint64_t filtered = 0, suppressed = 0;  // left out as it was asked to
  std::uint64_t dropped = 0;                   // because its queue was full
  std::uint64_t failures = 0;                  // attempts to write
  bool failing = false;                        // the latest attempt failed, and is repeated
  std::string last_error;                      // "": none yet
  std::int64_t last_error_time = 0;

  template <class Self, class Each>
  static void members(Self& self, Each const& each) {
    each("name", self.name);
    each("type", self.type);
    each("queued", self.queued);
    each("queued_bytes", self.queued_bytes);
    each("written", self.written);
    each("filtered", self.filtered);
    each("suppressed", self.suppressed);
    each("dropped", self.dropped);
    each("failures", self.failures);
    each("failing", self.failing);
    each("last_error", self.last_error);
    each("last_error_time", self.last_error_time);
  }
};

struct StoreState {
  std::string path;                                 // "": there is no store
  std::uint64_t rows = 0;                           // records in it
  std::uint64_t bytes = 0;                          // of its files
  std::uint64_t log_bytes = 0;                      // of those, the write-ahead log's
  double rate = 0;                                  // rows a second, of late
  std::int64_t committed = 0;                       // when the last commit was; 0: none yet
  std::uint64_t queued_bytes = 0, queue_bytes = 0;  // waiting for it, and their bound
  std::string trouble;                              // why it cannot be written now; "": it can
  std::uint64_t set_aside = 0;  // files that were found damaged, and are kept under another name
  std::uint64_t mended = 0;     // damaged places that were put right, or worked out anew

  template <class Self, class Each>
  static void members(Self& self, Each const& each) {
    each("path", self.path);
    each("rows", self.rows);
    each("bytes", self.bytes);
    each("log_bytes", self.log_bytes);
    each("rate", self.rate);
    each("committed", self.committed);
    each("queued_bytes", self.queued_bytes);
    each("queue_bytes", self.queue_bytes);
    each("trouble", self.trouble);
    each("set_aside", self.set_aside);
    each("mended", self.mended);
  }
};

/// Question.
struct AskStatus {
  std::uint64_t most = 20;  // publishers to be listed; as many as find room in the answer
  bool all = false;         // by id, from the one after `after`; else those with the highest rates first
  PublisherId after{};

  template <class Self, class Each>
  static void members(Self& self, Each const& each) {
    each("most", self.most);
    each("all", self.all);
    each("after", self.after);
  }
};

/// Its answer.
struct Status {
  std::uint64_t epoch = 0;
  std::string program;  // version of the collector
  std::string host;
  std::uint64_t pid = 0;
  std::int64_t now = 0, started = 0;
  std::vector<std::string> endpoints, inputs;
  std::int64_t last_id = 0;
  std::uint64_t records = 0, gaps = 0, duplicates = 0, bad_frames = 0;
  std::uint64_t adopted_spools = 0;
  std::uint64_t spool_damage = 0;  // damaged places found in spools of dead publishers
  std::uint64_t input_connections = 0, input_refused = 0;
  std::uint64_t connections = 0, max_connections = 0;  // of all sockets together
  bool doors_shut = false;
  bool curve = false;                 // keys are asked for
  std::uint64_t authorized_keys = 0;  // that are known
  std::vector<std::string> insecure;  // addresses and inputs that whoever reaches them may use, beyond this machine
  std::uint64_t refused_keys = 0,
                refused_users = 0;  // connections, for the key or its rights, or the user of an ipc address
  std::uint64_t refused_requests = 0;  // control messages, for want of a right
  std::uint64_t failed_handshakes =
      0;  // of peers without a key, with a wrong one of the collector, of other protocols, or too slow
  bool live = false;          // viewers are served
  std::uint64_t viewers = 0;  // connected
  std::uint64_t missed = 0;   // messages that viewers said they missed and could not read from the store
  std::uint64_t level_rules = 0;
  StoreState store;
  std::vector<SinkState> sinks;
  std::uint64_t publishers_known = 0, publishers_connected = 0;
  double rate = 0;                // of all publishers
  std::uint64_t unacked = 0;      // of all publishers, as far as they said
  std::uint64_t spool_bytes = 0;  // likewise
  std::vector<PublisherState> publishers;
  std::uint64_t not_listed = 0;  // publishers; with `all` those that come after these

  template <class Self, class Each>
  static void members(Self& self, Each const& each) {
    each("epoch", self.epoch);
    each("program", self.program);
    each("host", self.host);
    each("pid", self.pid);
    each("now", self.now);
    each("started", self.started);
    each("endpoints", self.endpoints);
    each("inputs", self.inputs);
    each("last_id", self.last_id);
    each("records", self.records);
    each("gaps", self.gaps);
    each("duplicates", self.duplicates);
    each("bad_frames", self.bad_frames);
    each("adopted_spools", self.adopted_spools);
    each("spool_damage", self.spool_damage);
    each("input_connections", self.input_connections);
    each("input_refused", self.input_refused);
    each("connections", self.connections);
    each("max_connections", self.max_connections);
    each("doors_shut", self.doors_shut);
    each("curve", self.curve);
    each("authorized_keys", self.authorized_keys);
    each("insecure", self.insecure);
    each("refused_keys", self.refused_keys);
    each("refused_users", self.refused_users);
    each("refused_requests", self.refused_requests);
    each("failed_handshakes", self.failed_handshakes);
    each("live", self.live);
    each("viewers", self.viewers);
    each("missed", self.missed);
    each("level_rules", self.level_rules);
    each("store", self.store);
    each("sinks", self.sinks);
    each("publishers_known", self.publishers_known);
    each("publishers_connected", self.publishers_connected);
    each("rate", self.rate);
    each("unacked", self.unacked);
    each("spool_bytes", self.spool_bytes);
    each("publishers", self.publishers);
    each("not_listed", self.not_listed);
  }
};

}  // namespace logboom::delivery
