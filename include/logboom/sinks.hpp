// The sinks of a collector: where committed records go besides the store, which of them, in which form, and how it is going.
#pragma once

#include <logboom/filter.hpp>
#include <logboom/record.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace logboom {

/// When a file sink goes on to a new file, and what becomes of the old ones. Nothing set: never.
struct RotateOptions {
  std::uint64_t size = 0;  ///< bytes that a file may reach; 0: any
  std::string at;  ///< "midnight", "04:30", "W0" (Monday) to "W6", "W0 04:30"; local time unless `utc`
  std::chrono::seconds every{0};  ///< age of a file; 0: any. Not together with `at`
  bool utc = false;
  std::size_t keep = 0;  ///< old files that are kept, the newest; 0: all
  std::string compress;  ///< "zstd", or "": old files stay as they are

  friend bool operator==(RotateOptions const&, RotateOptions const&) = default;
};

/// What a sink leaves out of what its filter takes. Each record belongs to a key, its call site or its logger; each key is counted by itself. The 4,096 keys seen last are
/// remembered. The next record of the key that is passed on has the field `suppressed`: how many of the key were left out before it.
struct LimitOptions {
  enum class Per { kSite, kLogger };

  std::uint64_t every = 1;  ///< sampling: the first record of a key and then one in so many
  double rate = 0;  ///< records a second of a key, a second's worth (one at least) at once; 0: any number
  std::chrono::milliseconds repeats{
      0};  ///< a record with the message of the one passed on last of its key, not longer ago than this, is left out; 0: none is
  Per per = Per::kSite;

  friend bool operator==(LimitOptions const&, LimitOptions const&) = default;
};

/// One sink. A slow or failing sink never holds up the store: beyond `queue_bytes` its records are dropped, counted, and its output says how many.
/// One of type upstream has a spool on disk instead of a queue, no format and no limit; a reload does not change it.
struct SinkOptions {
  enum class Type { kConsole, kFile, kNull, kUpstream };
  enum class Color { kAuto, kAlways, kNever };
  enum class Stream { kStdout, kStderr };

  Type type = Type::kConsole;
  std::string name;    ///< unique; "" = "console", "null", the file's path, the endpoint
  Filter filter;       ///< which records
  LimitOptions limit;  ///< and of those how many
  std::size_t queue_bytes =
      64U << 20U;  ///< blocks of records waiting for the sink, 64 KiB at least; one block always fits

  // Console and file: the form of a record.
  std::string format = "pretty";  ///< "pretty", "json", "csv", "logfmt" or a Python logging format string
  char style = 0;       ///< '%', '{' or '$': the style of a Python format string; 0 = seen from its content
  std::string datefmt;  ///< strftime format of %(asctime)s; "" = Python's own
  bool utc = false;     ///< times in UTC instead of the local zone
  Color color = Color::kAuto;        ///< of pretty; auto: on a terminal, unless NO_COLOR is set
  std::vector<std::string> columns;  ///< of csv; empty: all
  Fields defaults;  ///< of Python format strings: values of fields that a record does not have

  Stream stream = Stream::kStdout;  ///< console

  std::string path;  ///< file: its path, in which strftime's conversions stand for the time at which the file begins
  std::optional<unsigned> mode;  ///< file: permissions of those it makes, 0640; not set: 0666 less the umask
  RotateOptions rotate;

  std::string endpoint;  ///< upstream: the address of the other collector
  std::string curve_server_key;  ///< upstream: its public key, or a file of it; "" = CURVE is not spoken. No environment variable is asked
  std::string curve_secret;  ///< upstream: file of this collector's secret key there (`logboom keygen -o`)
  std::string spool;  ///< upstream: directory of what is not delivered yet; "" = beside the publishers' spools
  std::uint64_t spool_bytes = 1ULL << 30U;  ///< upstream: bound of it, 1 MiB at least
  /// Upstream: what comes when the spool is full (or its disk). Dropped, and declared lost to the other collector with its exact number; or the collector waits, takes nothing more, and
  /// publishers keep their records. Auto: drop with a store, wait without one.
  enum class WhenFull { kAuto, kDrop, kWait };
  WhenFull when_full = WhenFull::kAuto;

  friend bool operator==(SinkOptions const&, SinkOptions const&) = default;
};

/// How a sink is doing. Numbers of records unless it says otherwise, since the sink was made.
struct SinkStatus {
  std::string name;
  std::string type;          ///< "console", "file", "null", "upstream"
  std::uint64_t queued = 0;  ///< waiting now
  std::uint64_t queued_bytes =
      0;                       ///< memory that these take, shared with other sinks that hold the same records
  std::uint64_t written = 0;   ///< upstream: acked, which means that the other collector has stored them
  std::uint64_t sent = 0;      ///< upstream: what was sent again counted again; other sinks: 0
  std::uint64_t filtered = 0;  ///< not taken by its filter
  std::uint64_t suppressed = 0;  ///< left out by sampling, rate limit or as repeats
  std::uint64_t dropped =
      0;  ///< because the queue (upstream: the spool) was full. With a filter on fields or text: that might have passed it
  std::uint64_t failures = 0;        ///< attempts to write that failed
  std::string last_error;            ///< of the latest one; "" = none yet
  std::int64_t last_error_time = 0;  ///< ns since the epoch
  bool failing = false;              ///< the latest attempt failed, and is repeated
};

}  // namespace logboom
