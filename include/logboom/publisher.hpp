// The publisher: a process's connection to the bus. Records are written to a spool on this machine by the calling threads and sent by a
// thread of the publisher; see docs/architecture.md. Must not show sockets, rings or message formats.
#pragma once

#include <logboom/callback.hpp>
#include <logboom/export.hpp>
#include <logboom/level.hpp>
#include <logboom/logger.hpp>
#include <logboom/milliseconds.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace logboom {

namespace publisher {
class State;
}

/// What a log call does when neither its ring nor the overflow has room: no collector for long, or a slow one.
enum class FullPolicy {
  kBlock,  ///< waits for room up to PublisherOptions::block_timeout; once that was in vain, drops until there is room again
  kDrop,   ///< drops at once
};
// Either way the number of what was dropped is kept, and the store shows it as a gap.

// What a log call reads as its clock is one choice for the process, made before its first record: LOGBOOM_CLOCK=auto|tsc|system (docs/spool.md, "Clock").

/// Arguments of a Publisher. An empty text means: the environment variable, else the default.
struct PublisherOptions {
  std::string endpoint;  ///< LOGBOOM_ENDPOINT; one address, or several with commas, the first that answers is used. Default: this user's bus on this host
  std::string spool;  ///< LOGBOOM_SPOOL; directory of spools. Default: ${XDG_STATE_HOME:-~/.local/state}/logboom/spool
  std::string levels;            ///< LOGBOOM_LEVEL; rules like "info,etl.db=debug,net=off". Default: info
  std::string name;              ///< LOGBOOM_NAME; name of the process. Default: that of the program file
  std::string curve_server_key;  ///< LOGBOOM_CURVE_SERVER_KEY; public key of the collector, or a file of it; one for all addresses, or one for each, with commas. With it the
      ///< connection is encrypted, and nothing is said to anybody else (docs/security.md). Default: none
  std::string curve_secret;  ///< LOGBOOM_CURVE_SECRET; file of this publisher's secret key (`logboom keygen -o FILE`), which others must not be able to read
  std::size_t ring_capacity = std::size_t{1} << 20U;  ///< bytes a thread; made a power of two, 128 KiB to 1 GiB
  std::uint64_t overflow_bound = std::uint64_t{1} << 30U;  ///< bytes that the spool may hold beyond the rings
  FullPolicy when_full = FullPolicy::kBlock;
  Milliseconds block_timeout{1000};  ///< of one log call, with FullPolicy::kBlock
  Milliseconds flush_timeout{2000};  ///< of the destructor
  std::int64_t started =
      0;  ///< when the program began, nanoseconds since the Unix epoch, where that is known better. Default: now. A forked child begins when it logs first
  Callback levels_changed;  ///< called after the rules in force have changed because a collector said so: on the publisher's own thread, which sends nothing meanwhile. Must not throw
};

/// Numbers since the publisher's start in this process; records, unless said otherwise. `logged - acked` is what is on the way: not yet stored, or not yet declared.
/// It comes to 0 when a collector has everything; but records that found no ring at all (no spool can be made, no memory for a thread's first record) have
/// no place in which to be declared, and stay in `logged` and `dropped` only.
struct Statistics {
  std::uint64_t logged =
      0;  ///< log calls that passed their level, the dropped ones included, and the publisher's own records (logger `logboom.publisher`)
  std::uint64_t dropped = 0;  ///< for want of room, or of a ring; of `logged`
  std::uint64_t acked =
      0;  ///< stored by a collector; of what is dropped for want of room: its gap, which counts as many
  std::uint64_t sent = 0;            ///< given to the socket, repeats included
  std::uint64_t resent = 0;          ///< of those, given before
  std::uint64_t spilled = 0;         ///< moved from a ring to the overflow
  std::uint64_t overflow_bytes = 0;  ///< bytes that the overflow holds now
  std::uint64_t too_late = 0;        ///< log calls after the publisher's end: made into nothing
};

/// How a publisher is.
struct Status {
  std::string endpoint;  ///< the addresses, normalised, with commas
  std::string spool;     ///< its own directory; "" when it has none
  bool memory_backed =
      false;  ///< the spool could not be made where it was asked for and lives in memory: it does not outlive a reboot
  bool connected = false;  ///< a collector has answered
  std::string refusal;  ///< one line: why no record leaves here, and the mend: a collector does not admit this key or user, or the keys cannot be used; "" if none says so
  std::string problem;  ///< one line: why the spool is not where it was asked for, or why there is none; "" if all is well
};

/// Connects this process to the bus. Normally one, made in main() or a static; several are independent of each other.
///
/// All members may be called from any thread, at any time between constructor and destructor. Loggers may be used from any thread at any time, also
/// after the publisher's end (they do nothing then) and in a forked child (which becomes a publisher of its own with its first record). Threads should not be
/// amid a log call while the destructor runs: what they write then may be lost.
/// Not from signal handlers. A child of a raw clone() finds the C library's own locks (malloc's) as they were: it may log when no other thread of the parent used them at
/// that moment; a child of fork() always may.
class LOGBOOM_API Publisher {
 public:
  /// Never waits for a collector and never throws because there is none. A spool that cannot be made is replaced by one in memory (/dev/shm, /tmp): status()
  /// and the first record (of logger `logboom.publisher`) say so; so does a record for an environment variable that cannot be read.
  /// @throws std::invalid_argument for an option (not: a variable of the environment) that cannot be read; the text names it and the mend. std::bad_alloc.
  explicit Publisher(PublisherOptions const& options = {});
  /// Flushes up to PublisherOptions::flush_timeout; what is not acked by then stays in the spool, and is sent by the next publisher, the collector or `logboom recover`.
  /// In a forked child that has not logged it does nothing.
  ~Publisher();
  Publisher(Publisher const&) = delete;
  Publisher& operator=(Publisher const&) = delete;

  /// The logger of a dotted name; "" is the root. The same name gives the same logger. At most 65,535 names of at most 255 bytes: a longer name is cut, and one more name
  /// gets its nearest ancestor's logger. Takes a lock: keep the Logger.
  Logger logger(std::string_view name);

  /// Waits until a collector has stored all that was logged before the call (of what was dropped for want of room: its gap). @return false when the time is over, or when
  /// something was logged for which there was no ring. True at once when there is nothing to wait for: nothing was logged in this process, or the publisher has ended
  /// (what its end left in the spool is for others to send).
  bool flush(Milliseconds timeout);

  /// Replaces the publisher's rules (those that a collector sends stay on top). @throws std::invalid_argument naming the rule and the mend.
  void level_rules(std::string_view rules);
  /// The rules in force, those of a collector included: "info,etl.db=debug"; "" when there are none.
  std::string level_rules() const;

  Statistics statistics() const;
  Status status() const;

 private:
  publisher::State* state_;  // lives as long as the process, for the loggers' sake
};

/// Names the calling thread on its records from now on (and to the system, 15 bytes of it). Without it the system's name is taken at the thread's first record.
LOGBOOM_API void set_thread_name(std::string_view name);

/// The same for languages that number and name their threads themselves: records have this number instead of the system's, and the system is told nothing.
/// Each change takes another ring: not for every record.
LOGBOOM_API void set_thread_identity(std::uint64_t number, std::string_view name);

}  // namespace logboom
