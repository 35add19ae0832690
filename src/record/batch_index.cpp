// See batch_index.hpp.
#include "record/batch_index.hpp"

#include "record/clean_text.hpp"
#include "record/token_elements.hpp"

#include <logboom/detail/record_layout.hpp>

#include <algorithm>
#include <cstring>
#include <limits>

#include <fmt/format.h>

namespace logboom::wire {
namespace {

// A reference may be any number a msgpack integer can say without a sign.
std::uint64_t reference(Token const& token, std::string_view what) {
  if (token.kind == Kind::kUint) return token.natural;
  if (token.kind != Kind::kInt || token.integer < 0) bad(what, "a reference, which is an unsigned integer");
  return static_cast<std::uint64_t>(token.integer);
}

std::uint32_t resolve(RefTable const& table, Token const& token, std::string_view what) {
  std::uint32_t const index = table.find(reference(token, what));
  if (index == RefTable::kNone)
    throw FrameError(fmt::format("{} {} is not in the batch's table", what, reference(token, what)));
  return index;
}

// Of a batch of another version: this much is read of it, to be able to tell its publisher.
PublisherId id_of_unknown_version(Token const& publisher) noexcept {
  PublisherId id{};
  if (publisher.kind == Kind::kArray && publisher.size > 0) (void)read_id(*(&publisher + 1), id);
  return id;
}

}  // namespace

void BatchIndex::read(std::span<std::byte const> frame) {
  clear();
  try {
    tape_.read_msgpack(frame);
    read_batch(tape_.root());
  } catch (FrameError const&) {
    clear();
    throw;
  }
}

void BatchIndex::clear() {
  publisher_ = {};
  sites_.clear();
  loggers_.clear();
  threads_.clear();
  parts_.clear();
  streams_.clear();
  records_.clear();
  cleaned_.clear();
  for (RefTable* table : {&site_refs_, &logger_refs_, &thread_refs_, &stream_numbers_}) table->clear();
}

void BatchIndex::read_batch(Token const& batch) {
  Elements elements(batch, 2, "batch");
  std::uint64_t const version = elements.next_natural("version");
  Token const& publisher = elements.next();
  if (version > kVersion) throw VersionError(version, id_of_unknown_version(publisher));
  if (version == 0 || elements.left() < 4)
    throw FrameError("batch is not [1, publisher, sites, loggers, threads, streams]");
  publisher_ = read_publisher(publisher);
  read_sites(elements.next());
  read_loggers(elements.next());
  read_threads(elements.next());
  read_streams(elements.next());
}

void BatchIndex::read_sites(Token const& sites) {
  Elements table(sites, 0, "sites");
  while (table.left() > 0) {
    Elements elements(table.next(), 7, "site");
    std::uint64_t const ref = reference(elements.next(), "site: site");
    SiteEntry site;
    std::int64_t const level = elements.next_integer("level");
    if (level < std::numeric_limits<Level>::min() || level > std::numeric_limits<Level>::max())
      bad("site: level", "an integer of 32 bits");
    site.level = static_cast<Level>(level);
    site.level_name = clean_view(elements.next_text("level_name"));
    if (site.level_name.empty()) site.level_name = logboom::level_name(site.level);
    site.template_text = clean_view(elements.next_text("template"));
    site.file = clean_view(elements.next_text("file"));
    site.line =
        static_cast<std::uint32_t>(elements.next_natural("line", std::numeric_limits<std::uint32_t>::max()));
    site.function = clean_view(elements.next_text("function"));
    site_refs_.insert(ref, static_cast<std::uint32_t>(sites_.size()));
    sites_.push_back(site);
  }
}

void BatchIndex::read_loggers(Token const& loggers) {
  Elements table(loggers, 0, "loggers");
  while (table.left() > 0) {
    Elements elements(table.next(), 2, "logger");
    logger_refs_.insert(reference(elements.next(), "logger: logger"),
                        static_cast<std::uint32_t>(loggers_.size()));
    loggers_.push_back(clean_view(elements.next_text("name")));
  }
}

void BatchIndex::read_threads(Token const& threads) {
  Elements table(threads, 0, "threads");
  while (table.left() > 0) {
    Elements elements(table.next(), 3, "thread");
    thread_refs_.insert(reference(elements.next(), "thread: thread"),
                        static_cast<std::uint32_t>(threads_.size()));
    ThreadEntry thread;
    thread.id = elements.next_natural("id");
    thread.name = clean_view(elements.next_text("name"));
    threads_.push_back(thread);
  }
}

void BatchIndex::read_streams(Token const& streams) {
  Elements table(streams, 0, "streams");
  if (table.left() > kMaxStreams)
    throw FrameError(fmt::format("{} streams in one batch, more than {}", table.left(), kMaxStreams));
  while (table.left() > 0) read_stream(table.next());
}

void BatchIndex::read_stream(Token const& stream) {
  Elements elements(stream, 5, "stream");
  StreamPart part;
  part.stream = elements.next_natural("stream");
  part.base = elements.next_natural("base");
  part.first = elements.next_natural("first");
  if (part.base == 0 || part.first == 0)
    bad("stream: base, first", "at least 1: sequence numbers start there");
  if (!stream_numbers_.insert(part.stream, 0))
    throw FrameError(fmt::format("stream {} comes twice in one batch", part.stream));
  Stream entry;
  entry.thread = resolve(thread_refs_, elements.next(), "stream: thread");
  entry.first_record = records_.size();
  part.end = part.first;
  Elements table(elements.next(), 0, "records");
  if (table.left() > kMaxBatchRecords - records_.size()) {
    throw FrameError(fmt::format("more than {} records in one batch", kMaxBatchRecords));
  }
  while (table.left() > 0) {
    records_.push_back(read_record(table.next()));
    std::uint64_t const taken = count(records_.back());
    if (taken > kMaxNumber - part.end) throw FrameError("sequence numbers run past 2^63");
    part.end += taken;
  }
  entry.records = records_.size() - entry.first_record;
  part.index = parts_.size();
  streams_.push_back(entry);
  parts_.push_back(part);
}

BatchIndex::RecordEntry BatchIndex::read_record(Token const& record) const {
  Elements elements(record, 4, "record");
  RecordEntry entry;
  entry.time = elements.next_integer("time");
  Token const& site = elements.next();
  if (site.is_nil()) {
    entry.site = kGap;
    Token const& count = elements.next();
    if (count.kind != Kind::kInt || count.integer < 1) bad("gap: count", "an integer of at least 1");
    entry.content = &count;
    elements.next_text("reason");
    return entry;
  }
  entry.site = resolve(site_refs_, site, "record: site");
  entry.logger = resolve(logger_refs_, elements.next(), "record: logger");
  Token const& arguments = elements.next();
  if (arguments.kind != Kind::kArray) bad("record: arguments", "an array");
  entry.content = &arguments;
  entry.extra = static_cast<std::uint32_t>(elements.left());
  if (entry.extra > 0) check_map_or_nil(elements.next(), "record: fields");
  if (entry.extra > 1) check_map_or_nil(elements.next(), "record: attributes");
  return entry;
}

bool whole_record(std::span<std::byte const> record) noexcept {
  thread_local TokenTape tape;
  if (record.size() > kMaxRecord || !detail::record_layout::plausible(record.data(), record.size()))
    return false;
  try {
    tape.read_msgpack(record);
  } catch (FrameError const&) {
    return false;
  }
  Token const* at = &tape.root() + 1;
  for (std::uint32_t i = 0; i < tape.root().size; ++i, at = after(at)) {
    bool const suits = i < 3 || (i == 3 ? at->kind == Kind::kArray : at->kind == Kind::kMap || at->is_nil());
    if (!suits) return false;
  }
  return true;
}

std::string_view BatchIndex::clean_view(Token const& text) {
  if (is_clean(text.text())) return text.text();
  return cleaned_.emplace_back(clean(text.text()));
}

}  // namespace logboom::wire
