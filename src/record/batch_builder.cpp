// Batches put together from encoded records (docs/protocol.md, "Batch"). Must not know where the records come from.
#include "record/packing.hpp"
#include "record/wire.hpp"

#include <logboom/detail/record_layout.hpp>

#include <cassert>

namespace logboom::wire {
namespace {

namespace layout = detail::record_layout;

}  // namespace

BatchBuilder::BatchBuilder(Publisher const& publisher, Catalogue const& catalogue) : catalogue_(&catalogue) {
  VectorStream sink(publisher_);
  Packer packer(sink);
  packer.pack_array(6);
  packer.pack_uint64(kVersion);
  pack_publisher(packer, publisher);
}

void BatchBuilder::start_if_finished() {
  if (!finished_) return;
  finished_ = false;
  for (Buffer* buffer : {&sites_, &loggers_, &threads_, &streams_, &out_}) buffer->clear();
  site_count_ = logger_count_ = thread_count_ = stream_count_ = 0;
  sites_seen_.clear();
  loggers_seen_.clear();
  records_ = stream_records_ = 0;
}

void BatchBuilder::begin_stream(std::uint64_t stream, std::uint64_t base, std::uint64_t first,
                                std::uint64_t thread_id, std::string_view thread_name) {
  start_if_finished();
  end_stream();
  VectorStream thread_sink(threads_);
  Packer threads(thread_sink);
  threads.pack_array(3);
  threads.pack_uint64(thread_count_);
  threads.pack_uint64(thread_id);
  pack_text(threads, thread_name);

  VectorStream stream_sink(streams_);
  Packer streams(stream_sink);
  streams.pack_array(5);
  streams.pack_uint64(stream);
  streams.pack_uint64(base);
  streams.pack_uint64(first);
  streams.pack_uint64(thread_count_);
  count_at_ = streams_.size();
  append_array_header(streams_, 0);
  ++thread_count_;
  ++stream_count_;
}

void BatchBuilder::end_stream() {
  if (stream_count_ == 0) return;
  layout::store32(reinterpret_cast<std::byte*>(streams_.data() + count_at_ + 1),
                  static_cast<std::uint32_t>(stream_records_));
  stream_records_ = 0;
}

void BatchBuilder::add(std::span<std::byte const> record, std::int64_t time) {
  assert(stream_count_ > 0 && !finished_);
  if (record.size() > kMaxRecord || !layout::plausible(record.data(), record.size())) {
    add_gap(time, 1, "damaged in the spool");
    return;
  }
  std::size_t const at = streams_.size();
  auto const* const bytes = reinterpret_cast<char const*>(record.data());
  streams_.insert(streams_.end(), bytes, bytes + record.size());
  layout::store64(reinterpret_cast<std::byte*>(streams_.data() + at + layout::kTimeAt + 1),
                  static_cast<std::uint64_t>(time));
  ++records_;
  ++stream_records_;

  std::uint32_t const site = layout::site(record.data());
  if (sites_seen_.find(site) == RefTable::kNone) name_site(site);
  std::uint16_t const logger = layout::logger(record.data());
  if (loggers_seen_.find(logger) == RefTable::kNone) name_logger(logger);
}

void BatchBuilder::name_site(std::uint32_t ref) {
  sites_seen_.insert(ref, site_count_++);
  CallSite const site = catalogue_->site(ref);
  VectorStream sink(sites_);
  Packer packer(sink);
  packer.pack_array(7);
  packer.pack_uint32(ref);
  packer.pack_int32(site.level);
  pack_text(packer, site.level_name);
  pack_text(packer, site.template_text);
  pack_text(packer, site.file);
  packer.pack_uint32(site.line);
  pack_text(packer, site.function);
}

void BatchBuilder::name_logger(std::uint16_t ref) {
  loggers_seen_.insert(ref, logger_count_++);
  VectorStream sink(loggers_);
  Packer packer(sink);
  packer.pack_array(2);
  packer.pack_uint16(ref);
  pack_text(packer, catalogue_->logger(ref));
}

void BatchBuilder::add_gap(std::int64_t time, std::uint64_t count, std::string_view reason) {
  assert(stream_count_ > 0 && !finished_);
  if (count == 0) return;
  VectorStream sink(streams_);
  Packer packer(sink);
  packer.pack_array(4);
  packer.pack_int64(time);
  packer.pack_nil();
  packer.pack_uint64(count);
  pack_text(packer, reason);
  ++records_;
  ++stream_records_;
}

std::size_t BatchBuilder::bytes() const noexcept {
  std::size_t const tables =
      finished_ ? 0 : sites_.size() + loggers_.size() + threads_.size() + streams_.size();
  return publisher_.size() + 4 * kArrayHeader + tables;
}

std::span<std::byte const> BatchBuilder::finish() {
  start_if_finished();
  end_stream();
  out_.reserve(bytes());
  append(out_, publisher_);
  append_array_header(out_, site_count_);
  append(out_, sites_);
  append_array_header(out_, logger_count_);
  append(out_, loggers_);
  append_array_header(out_, thread_count_);
  append(out_, threads_);
  append_array_header(out_, stream_count_);
  append(out_, streams_);
  finished_ = true;
  records_ = 0;
  return {reinterpret_cast<std::byte const*>(out_.data()), out_.size()};
}

}  // namespace logboom::wire
