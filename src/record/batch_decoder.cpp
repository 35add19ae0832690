// Batches rendered into blocks (docs/protocol.md, "Batch"). Must not know sockets or what the ledger decides.
#include "record/batch_index.hpp"
#include "record/dictionary.hpp"
#include "record/entry_writer.hpp"
#include "record/wire.hpp"

#include <logboom/detail/record_layout.hpp>

#include <algorithm>
#include <cassert>

#include <fmt/format.h>

namespace logboom::wire {

VersionError::VersionError(std::uint64_t version, PublisherId const& publisher)
    : FrameError(fmt::format("batch of protocol version {}; this program knows up to {}: upgrade it", version,
                             kVersion)),
      version_(version),
      publisher_(publisher) {}

struct BatchDecoder::Impl {
  /// A pair of site and logger that records of the frame name.
  struct Pair {
    std::shared_ptr<InternedSite const> site;
    std::uint64_t take = 0;         // the call of take() for which `block_index` is right
    std::uint32_t block_index = 0;  // into Block::sites
  };

  Pair& pair(BatchIndex::RecordEntry const& record);
  std::uint32_t site_index(Pair& pair, Block& block) const;
  std::uint32_t overridden_site(Site const& site, EntryWriter::Overrides const& overrides, Block& block);
  std::uint32_t overridden_source(Source const& source, EntryWriter::Overrides const& overrides, Block& block);
  void take_record(BatchIndex::RecordEntry const& record, std::uint64_t sequence, std::uint32_t source,
                   Block& block);
  std::shared_ptr<Source const> source(StreamPart const& part);

  BatchIndex index;
  Dictionary dictionary;
  EntryWriter writer;
  std::vector<Pair> pairs;
  RefTable pair_indices;
  // address → index into Block::sites or ::sources, within one take()
  RefTable overridden, overridden_sources;
  std::uint64_t takes = 0;
};

BatchDecoder::BatchDecoder() : impl_(std::make_unique<Impl>()) {}
BatchDecoder::~BatchDecoder() = default;

void BatchDecoder::open(std::span<std::byte const> frame) {
  impl_->pairs.clear();
  impl_->pair_indices.clear();
  impl_->writer.reset_budget();
  impl_->index.read(frame);
}

Publisher const& BatchDecoder::publisher() const noexcept { return impl_->index.publisher(); }

std::span<StreamPart const> BatchDecoder::streams() const noexcept { return impl_->index.parts(); }

BatchDecoder::Impl::Pair& BatchDecoder::Impl::pair(BatchIndex::RecordEntry const& record) {
  std::uint64_t const key = std::uint64_t{record.site} << 32U | record.logger;
  std::uint32_t const known = pair_indices.find(key);
  if (known != RefTable::kNone) return pairs[known];
  auto const& site = index.sites()[record.site];
  pair_indices.insert(key, static_cast<std::uint32_t>(pairs.size()));
  return pairs.emplace_back(Pair{dictionary.site({site.level, site.level_name, index.loggers()[record.logger],
                                                  site.template_text, site.file, site.line, site.function}),
                                 0, 0});
}

std::uint32_t BatchDecoder::Impl::site_index(Pair& pair, Block& block) const {
  if (pair.take != takes) {
    pair.take = takes;
    pair.block_index = static_cast<std::uint32_t>(block.sites.size());
    block.sites.emplace_back(pair.site, &pair.site->site);
  }
  return pair.block_index;
}

std::uint32_t BatchDecoder::Impl::overridden_site(Site const& site, EntryWriter::Overrides const& overrides,
                                                  Block& block) {
  Level const level = overrides.level.value_or(site.level);
  std::string_view name = overrides.level_name;
  if (name.empty()) name = level == site.level ? std::string_view(site.level_name) : level_name(level);
  auto const interned =
      dictionary.site({level, name, site.logger, overrides.template_text.value_or(site.template_text),
                       overrides.file.empty() ? site.file : overrides.file, overrides.line.value_or(site.line),
                       overrides.function.empty() ? site.function : overrides.function});
  auto const address = static_cast<std::uint64_t>(reinterpret_cast<std::uintptr_t>(interned.get()));
  std::uint32_t const known = overridden.find(address);
  if (known != RefTable::kNone) return known;
  auto const at = static_cast<std::uint32_t>(block.sites.size());
  block.sites.emplace_back(interned, &interned->site);
  overridden.insert(address, at);
  return at;
}

std::uint32_t BatchDecoder::Impl::overridden_source(Source const& source,
                                                    EntryWriter::Overrides const& overrides, Block& block) {
  auto interned = dictionary.source(
      {source.publisher, source.host, source.process, overrides.pid.value_or(source.pid), source.started,
       source.stream, overrides.tid.value_or(source.tid), overrides.thread.value_or(source.thread)});
  auto const address = static_cast<std::uint64_t>(reinterpret_cast<std::uintptr_t>(interned.get()));
  std::uint32_t const known = overridden_sources.find(address);
  if (known != RefTable::kNone) return known;
  auto const at = static_cast<std::uint32_t>(block.sources.size());
  block.sources.push_back(std::move(interned));
  overridden_sources.insert(address, at);
  return at;
}

std::shared_ptr<Source const> BatchDecoder::Impl::source(StreamPart const& part) {
  Publisher const& publisher = index.publisher();
  auto const& thread = index.threads()[index.stream(part).thread];
  return dictionary.source({publisher.id, publisher.host, publisher.process, publisher.pid, publisher.started,
                            part.stream, thread.id, thread.name});
}

void BatchDecoder::Impl::take_record(BatchIndex::RecordEntry const& record, std::uint64_t sequence,
                                     std::uint32_t source_index, Block& block) {
  Pair& found = pair(record);
  InternedSite const& site = *found.site;
  Entry entry;
  entry.time = record.time;
  entry.sequence = sequence;
  entry.source = source_index;
  writer.begin(block, entry);
  Token const& arguments = *record.content;
  writer.message(site.message, site.site.template_text, arguments);
  if (record.extra > 0) {
    Token const* const fields = after(&arguments);
    if (!fields->is_nil()) writer.fields(*fields);
    Token const* const attributes = record.extra > 1 ? after(fields) : nullptr;
    if (attributes != nullptr && !attributes->is_nil()) writer.attributes(*attributes);
  }
  auto const overrides = writer.finish();
  entry.site = overrides.any() ? overridden_site(site.site, overrides, block) : site_index(found, block);
  if (overrides.origin()) entry.source = overridden_source(*block.sources[source_index], overrides, block);
  block.entries.push_back(entry);
}

void BatchDecoder::take(StreamPart const& part, std::uint64_t from, Block& block) {
  if (part.end <= from || part.end == part.first) return;
  ++impl_->takes;
  impl_->overridden.clear();
  impl_->overridden_sources.clear();
  auto const source = impl_->source(part);
  auto const source_index = static_cast<std::uint32_t>(block.sources.size());
  block.sources.push_back(source);
  auto const records = impl_->index.records(part);
  block.entries.reserve(block.entries.size() + std::min<std::uint64_t>(records.size(), part.end - from));

  std::uint64_t sequence = part.first;
  for (auto const& record : records) {
    std::uint64_t const count = BatchIndex::count(record);
    std::uint64_t const end = sequence + count;
    if (end > from && record.site == BatchIndex::kGap) {
      std::string_view const reason = after(record.content)->text();
      add_gap(block, source,
              {source->publisher, part.stream, std::max(sequence, from), end - 1, record.time, clean(reason)});
    } else if (end > from) {
      impl_->take_record(record, sequence, source_index, block);
    }
    sequence = end;
  }
  block.progress.push_back({source->publisher, part.stream, part.end - 1});
  block.spans.push_back({source->publisher, part.stream, std::max(from, part.first), part.end - 1});
}

void BatchDecoder::declare_lost(StreamPart const& part, std::uint64_t first, std::uint64_t last,
                                std::int64_t time, std::string_view reason, Block& block) {
  auto const source = impl_->source(part);
  Gap gap{source->publisher, part.stream, first, last, time, clean(reason)};
  gap.found = true;
  add_gap(block, source, std::move(gap));
  block.spans.push_back({source->publisher, part.stream, first, last});
}

}  // namespace logboom::wire
