// Records on their way from the intake to the sinks: rendered once, borrowed from one arena, grouped by the batch they came in.
// Must not know sockets, SQLite or formats.
#pragma once

#include <logboom/level.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace logboom {

using PublisherId = std::array<std::byte, 16>;  // all zero: none (plain records, the collector's own)

/// What many records share because they come from one place in a program. Immutable.
struct Site {
  Level level = level::kInfo;
  std::string level_name;
  std::string logger;
  std::string template_text;
  std::string file;
  std::uint32_t line = 0;
  std::string function;

  friend bool operator==(Site const&, Site const&) = default;
};

/// What many records share because they come from one thread of one process. Immutable.
struct Source {
  PublisherId publisher{};
  std::string host;
  std::string process;
  std::uint64_t pid = 0;
  std::int64_t started = 0;  // of the process, ns
  std::uint64_t stream = 0;
  std::uint64_t tid = 0;
  std::string thread;

  friend bool operator==(Source const&, Source const&) = default;
};

/// One record. Views borrow from the Block. Texts are valid UTF-8 without NUL (escaped where they were not); JSON is valid JSON to SQLite 3.40.
struct Entry {
  std::int64_t time = 0;       // ns
  std::uint64_t sequence = 0;  // 0: not numbered
  std::uint32_t site = 0;      // index into Block::sites
  std::uint32_t source = 0;    // index into Block::sources
  std::string_view message;
  std::string_view fields_json;     // JSON object, or empty: none
  std::string_view fields_msgpack;  // the same as a msgpack map
  std::string_view exception_type;
  std::string_view exception;
  std::string_view stack;
  std::string_view task;
  std::string_view attributes_json;  // JSON object of the other attributes, or empty
  std::string_view attributes_msgpack;
};

/// Numbers of a stream up to its last one that did not come; another collector may have them, and forward them yet.
struct Missing {
  std::uint64_t first = 0;
  std::uint64_t last = 0;  // inclusive
  bool declared = false;   // a gap says that they are lost

  friend bool operator==(Missing const&, Missing const&) = default;
};

/// How far one stream is, once the block that says so is committed.
struct Progress {
  PublisherId publisher{};
  std::uint64_t stream = 0;
  std::uint64_t last = 0;             // sequence number
  std::vector<Missing> missing = {};  // ascending, all below `last`
};

/// Numbers of one stream, both ends included.
struct Span {
  PublisherId publisher{};
  std::uint64_t stream = 0;
  std::uint64_t first = 0;
  std::uint64_t last = 0;
};

/// Records declared lost. The block also holds an Entry for it (logger `logboom.gap`, WARNING), so that it is seen.
struct Gap {
  PublisherId publisher{};
  std::uint64_t stream = 0;
  std::uint64_t first = 0;
  std::uint64_t last = 0;  // inclusive
  std::int64_t time = 0;   // ns, when it happened or was found
  std::string reason;
  bool found = false;     // by a ledger, not said by the publisher: another collector may have them
  std::size_t entry = 0;  // index of its Entry; set by wire::add_gap
};

/// Numbers that had been declared lost and have come after all.
struct Arrival {
  Span span;
  std::size_t gaps = 0;  // of the block's gaps, how many were declared before
};

/// Bytes that live as long as the block. Grows in chunks; never moves what it gave out.
class Arena {
 public:
  char* allocate(std::size_t size) {
    if (size > left_) grow(size);
    char* at = next_;
    next_ += size;
    left_ -= size;
    return at;
  }
  std::string_view copy(std::string_view text) {
    if (text.empty()) return {};
    char* const at = allocate(text.size());
    std::memcpy(at, text.data(), text.size());
    return {at, text.size()};
  }
  std::size_t bytes() const noexcept { return bytes_; }  // of all chunks, used or not

 private:
  void grow(std::size_t size);

  std::vector<std::unique_ptr<char[]>> chunks_;
  char* next_ = nullptr;
  std::size_t left_ = 0;
  std::size_t bytes_ = 0;
};

/// Entries of one batch (or of some plain records), in the order taken. Moved from the intake to the store to the live publisher; one owner at a time.
struct Block {
  std::vector<std::shared_ptr<Site const>> sites;
  std::vector<std::shared_ptr<Source const>> sources;
  std::vector<Entry> entries;
  std::vector<Progress> progress;
  std::vector<Gap> gaps;
  std::vector<Span> spans;  // the numbers that it settles: each has its entry, is in a gap, or was withheld by a forwarder
  std::vector<Arrival> arrivals;
  Arena arena;
  std::int64_t first_id = 0;  // set by the store: entry i has first_id + i

  /// What it holds in memory, for bounded queues: arena, entries and its own part of the rest (sites and sources are shared).
  std::size_t bytes() const noexcept;
};

struct Record;
/// A copy that stands alone. `index` < entries.size().
Record to_record(Block const& block, std::size_t index);
/// The same into a record whose memory is used again. @param with_fields false: it has none then, which is quicker
void to_record(Block const& block, std::size_t index, Record& record, bool with_fields = true);

}  // namespace logboom
