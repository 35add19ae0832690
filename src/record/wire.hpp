// The wire form of batches (docs/protocol.md): built by senders from encoded records, decoded by collectors into blocks.
// Must not know rings, sockets or the ledger's state.
#pragma once

#include "record/block.hpp"
#include "record/ref_table.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace logboom::wire {

struct Token;

inline constexpr std::uint64_t kVersion = 1;
inline constexpr std::size_t kBatchTarget = 64U << 10U;  // a builder is full past this many bytes
inline constexpr std::size_t kMaxRecord = 65'528;        // one encoded record
inline constexpr std::size_t kMaxMessage = 1U << 20U;    // taken on PULL
inline constexpr std::size_t kMaxControl = 64U << 10U;
inline constexpr std::size_t kMaxDepth = 16;
inline constexpr std::size_t kMaxFields = 256;
inline constexpr std::uint64_t kMaxStreams = 1024;
inline constexpr std::size_t kMaxBatchRecords = 16'384;

struct Publisher {
  PublisherId id{};
  std::string host;
  std::uint64_t pid = 0;
  std::string process;
  std::int64_t started = 0;
};

struct CallSite {
  std::uint64_t ref = 0;
  Level level = 0;
  std::string_view level_name, template_text, file, function;
  std::uint32_t line = 0;
};

/// Where a sender finds what a batch must name. Called once for each reference new to a batch.
class Catalogue {
 public:
  virtual ~Catalogue() = default;
  virtual CallSite site(std::uint64_t ref) const = 0;
  virtual std::string_view logger(std::uint64_t ref) const = 0;
};

/// Puts together one batch at a time. Reuse it: it keeps its buffers.
class BatchBuilder {
 public:
  BatchBuilder(Publisher const& publisher, Catalogue const& catalogue);

  /// Begins a stream entry; records added from now on belong to it. A stream may be begun once a batch.
  void begin_stream(std::uint64_t stream, std::uint64_t base, std::uint64_t first, std::uint64_t thread_id,
                    std::string_view thread_name);
  /// Adds a record as it stands in a ring (logboom/detail/record_layout.hpp), with `time` in place of its own (ticks become nanoseconds).
  /// A record whose fixed part is damaged becomes a gap of one, so that it cannot spoil the batch and the numbers stay right; what follows
  /// the fixed part is not looked at: whoever reads untrusted files asks `whole_record` first.
  void add(std::span<std::byte const> record, std::int64_t time);
  /// Declares the next `count` (≥ 1) numbers of the stream lost.
  void add_gap(std::int64_t time, std::uint64_t count, std::string_view reason);

  std::size_t bytes() const noexcept;  // size of the finished batch so far
  bool full() const noexcept { return bytes() >= kBatchTarget; }
  bool empty() const noexcept { return records_ == 0; }
  /// The finished batch; valid until the next call. Begins a new one.
  std::span<std::byte const> finish();

 private:
  using Buffer = std::vector<char>;

  void start_if_finished();
  void end_stream();
  void name_site(std::uint32_t ref);
  void name_logger(std::uint16_t ref);

  Catalogue const* catalogue_;
  Buffer publisher_;                            // encoded once
  Buffer sites_, loggers_, threads_, streams_;  // elements of the four tables, without their headers
  std::uint32_t site_count_ = 0, logger_count_ = 0, thread_count_ = 0, stream_count_ = 0;
  RefTable sites_seen_, loggers_seen_;
  std::size_t records_ = 0;         // in this batch
  std::size_t stream_records_ = 0;  // in the stream entry that is open
  std::size_t count_at_ = 0;        // in streams_: where that entry's number of records is to be written
  bool finished_ = false;           // finished_ and not yet begun anew: out_ is still lent
  Buffer out_;
};

/// Whether the bytes are one record, to the end: for what comes from files that a crash or a power cut may have damaged.
bool whole_record(std::span<std::byte const> record) noexcept;

/// A frame that cannot be read; what() says which part and why. The frame is dropped as a whole.
class FrameError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A batch of a version that this program does not know. Its publisher is told (control message `error`), if it can be told from the frame.
class VersionError : public FrameError {
 public:
  VersionError(std::uint64_t version, PublisherId const& publisher);
  std::uint64_t version() const noexcept { return version_; }
  PublisherId const& publisher() const noexcept { return publisher_; }  // all zero: not known

 private:
  std::uint64_t version_;
  PublisherId publisher_;
};

/// One stream of a batch, structure checked, records not yet decoded.
struct StreamPart {
  std::uint64_t stream = 0, base = 0, first = 0, end = 0;  // end: number after the last record (gaps counted)
  std::size_t index = 0;                                   // which part of the batch
};

/// Reads one frame. Bounded work and memory whatever the bytes; one at a time, reuse it.
/// Two steps, so that the ledger decides in between what is taken: open() checks and lists the streams, take() renders records into a block.
class BatchDecoder {
 public:
  BatchDecoder();
  ~BatchDecoder();

  /// Checks the structure of the whole frame. Borrows `frame` until the next open(). @throws FrameError
  void open(std::span<std::byte const> frame);
  Publisher const& publisher() const noexcept;
  std::span<StreamPart const> streams() const noexcept;

  /// Renders the records of a part from number `from` (≥ first) on into `block`: entries, gaps and the part's Progress. Sites and sources are interned:
  /// equal ones of different batches share one object while the (bounded) dictionary holds it. Cannot fail but for want of memory.
  void take(StreamPart const& part, std::uint64_t from, Block& block);
  /// The ledger found that [first, last] of this part's stream will never come: adds the Gap and its visible entry.
  void declare_lost(StreamPart const& part, std::uint64_t first, std::uint64_t last, std::int64_t time,
                    std::string_view reason, Block& block);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

enum class Form { kBatch, kForward, kPlainMsgpack, kPlainJson, kUnknown };
/// By the first bytes: docs/protocol.md, "Plain record".
Form form_of(std::span<std::byte const> frame) noexcept;

/// Adds one plain record to the block (a record without number). `arrival` ns is its time when it has none, `peer_host` its host.
/// A value of the wrong kind for its key is kept as a field. The block is as it was if this throws. @throws FrameError
void take_plain(std::span<std::byte const> frame, Form form, std::int64_t arrival, std::string_view peer_host,
                Block& block);
/// The same of a map that was read elsewhere, whose texts are clean or will be made so, and attributes (Entry's own among them, such as `time` in ns). Never throws for what they hold.
void take_plain(Token const& map, Token const& attributes, std::int64_t arrival, std::string_view peer_host,
                Block& block);

/// Adds a record of the collector itself: a message that is already text (any bytes: it is made clean).
void add_entry(Block& block, std::shared_ptr<Site const> site, std::shared_ptr<Source const> source,
               std::int64_t time, std::uint64_t sequence, std::string_view message);

/// Adds a gap and the entry by which it is seen: logger `logboom.gap`, WARNING, "12 records lost: spool full", fields count and stream.
void add_gap(Block& block, std::shared_ptr<Source const> source, Gap gap);

}  // namespace logboom::wire
