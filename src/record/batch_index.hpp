// A batch's structure, checked to the last byte before anything of it is used: tables, streams, where each record's parts stand.
// Must not know blocks or how records are rendered.
#pragma once

#include "record/ref_table.hpp"
#include "record/token_tape.hpp"
#include "record/wire.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace logboom::wire {

/// Reused from frame to frame. Texts are clean and live until the next read().
class BatchIndex {
 public:
  struct SiteEntry {
    Level level = 0;
    std::uint32_t line = 0;
    std::string_view level_name, template_text, file, function;
  };
  struct ThreadEntry {
    std::uint64_t id = 0;
    std::string_view name;
  };
  struct RecordEntry {
    std::int64_t time = 0;
    Token const* content =
        nullptr;  // the arguments, then fields and attributes; of a gap: the count, then the reason
    std::uint32_t site = 0;    // index into sites(), or kGap
    std::uint32_t logger = 0;  // index into loggers()
    std::uint32_t extra = 0;   // elements after the arguments: fields, attributes, what later versions add
  };
  static constexpr std::uint32_t kGap = 0xffff'ffffU;
  struct Stream {
    std::size_t first_record = 0, records = 0;  // in records()
    std::uint32_t thread = 0;                   // index into threads()
  };

  /// @throws FrameError naming the part and the reason; then the index is empty
  void read(std::span<std::byte const> frame);

  Publisher const& publisher() const noexcept { return publisher_; }
  std::span<SiteEntry const> sites() const noexcept { return sites_; }
  std::span<std::string_view const> loggers() const noexcept { return loggers_; }
  std::span<ThreadEntry const> threads() const noexcept { return threads_; }
  std::span<StreamPart const> parts() const noexcept { return parts_; }
  Stream const& stream(StreamPart const& part) const noexcept { return streams_[part.index]; }
  std::span<RecordEntry const> records(StreamPart const& part) const noexcept {
    Stream const& of = stream(part);
    return {records_.data() + of.first_record, of.records};
  }

  /// How many numbers a record takes.
  static std::uint64_t count(RecordEntry const& record) noexcept {
    return record.site == kGap ? static_cast<std::uint64_t>(record.content->integer) : 1;
  }

 private:
  void clear();
  void read_batch(Token const& batch);
  void read_sites(Token const& sites);
  void read_loggers(Token const& loggers);
  void read_threads(Token const& threads);
  void read_streams(Token const& streams);
  void read_stream(Token const& stream);
  RecordEntry read_record(Token const& record) const;
  std::string_view clean_view(Token const& text);

  TokenTape tape_;
  Publisher publisher_;
  std::vector<SiteEntry> sites_;
  std::vector<std::string_view> loggers_;
  std::vector<ThreadEntry> threads_;
  std::vector<StreamPart> parts_;
  std::vector<Stream> streams_;
  std::vector<RecordEntry> records_;
  RefTable site_refs_, logger_refs_, thread_refs_, stream_numbers_;
  std::deque<std::string> cleaned_;  // texts that were not clean as they came
};

}  // namespace logboom::wire
