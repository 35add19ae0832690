// The memory of blocks, and records copied out of them. Must not know the wire form.
#include "record/block.hpp"

#include "record/record_codec.hpp"

#include <logboom/record.hpp>

#include <algorithm>

namespace logboom {
namespace {

// Twice the last chunk, between these: a block of a full batch needs two or three chunks, one of a single record a small one.
constexpr std::size_t kFirstChunk = 4U << 10U;
constexpr std::size_t kLargestChunk = 512U << 10U;

}  // namespace

void Arena::grow(std::size_t size) {
  std::size_t const chunk = std::max(size, std::clamp(bytes_, kFirstChunk, kLargestChunk));
  chunks_.push_back(std::make_unique_for_overwrite<char[]>(chunk));
  next_ = chunks_.back().get();
  left_ = chunk;
  bytes_ += chunk;
}

std::size_t Block::bytes() const noexcept {
  std::size_t total = sizeof(Block) + arena.bytes() + entries.capacity() * sizeof(Entry) +
                      sites.capacity() * sizeof(sites[0]) + sources.capacity() * sizeof(sources[0]) +
                      progress.capacity() * sizeof(Progress) + gaps.capacity() * sizeof(Gap) +
                      spans.capacity() * sizeof(Span) + arrivals.capacity() * sizeof(Arrival);
  for (auto const& one : progress) total += one.missing.capacity() * sizeof(Missing);
  for (auto const& gap : gaps) total += gap.reason.capacity();
  return total;
}

Record to_record(Block const& block, std::size_t index) {
  Record record;
  to_record(block, index, record);
  return record;
}

void to_record(Block const& block, std::size_t index, Record& record, bool with_fields) {
  Entry const& entry = block.entries[index];
  Site const& site = *block.sites[entry.site];
  Source const& source = *block.sources[entry.source];
  record.id = block.first_id + static_cast<std::int64_t>(index);
  record.time = entry.time;
  record.level = site.level;
  record.level_name = site.level_name;
  record.logger = site.logger;
  record.message = entry.message;
  record.template_text = site.template_text;
  record.fields.clear();
  if (with_fields && !entry.fields_msgpack.empty()) record.fields = decode_fields(entry.fields_msgpack);
  record.attributes.clear();
  if (!entry.attributes_msgpack.empty()) record.attributes = decode_fields(entry.attributes_msgpack);
  record.host = source.host;
  record.process = source.process;
  record.pid = source.pid;
  record.process_started = source.started;
  record.thread = source.thread;
  record.tid = source.tid;
  record.file = site.file;
  record.line = site.line;
  record.function = site.function;
  record.exception_type = entry.exception_type;
  record.exception = entry.exception;
  record.stack = entry.stack;
  record.task = entry.task;
  record.publisher = source.publisher;
  record.stream = source.stream;
  record.sequence = entry.sequence;
}

}  // namespace logboom
