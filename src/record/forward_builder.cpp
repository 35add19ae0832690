// Blocks made into frames for another collector. Must not know spools or sockets.
#include "record/clean_text.hpp"
#include "record/forward.hpp"
#include "record/packing.hpp"
#include "record/value_text.hpp"

#include <array>
#include <map>
#include <string>
#include <tuple>
#include <utility>

namespace logboom::wire {
namespace {

using Buffer = std::vector<char>;

std::span<std::byte const> bytes_of(Buffer const& buffer) {
  return {reinterpret_cast<std::byte const*>(buffer.data()), buffer.size()};
}

/// What a record says beside its number, as much of it as a frame takes. Views borrow from the block and from here.
struct Content {
  std::array<std::string_view, 5> texts;  // message, exception_type, exception, stack, task
  std::array<std::string_view, 2> maps;   // fields, attributes
  std::array<std::string, 7> cut;

  explicit Content(Entry const& entry)
      : texts{entry.message, entry.exception_type, entry.exception, entry.stack, entry.task},
        maps{entry.fields_msgpack, entry.attributes_msgpack} {
    while (bytes() > ForwardBuilder::kLongestRecord) cut_longest();
  }

  std::size_t bytes() const noexcept {
    std::size_t total = 0;
    for (auto const& text : texts) total += text.size();
    for (auto const& map : maps) total += map.size();
    return total;
  }

 private:
  static constexpr std::size_t kMark = 64;  // more than the words that stand for what is cut

  /// A text keeps what there is room for; of values, none can be left out without changing what others mean.
  void cut_longest() {
    auto const longer = [](auto const& a, auto const& b) { return a.size() < b.size(); };
    auto& text = *std::max_element(texts.begin(), texts.end(), longer);
    auto& map = *std::max_element(maps.begin(), maps.end(), longer);
    if (map.size() > text.size()) {
      TextBuffer words;
      append_msgpack_map(words, 1);
      append_msgpack_text(words, "…");
      append_msgpack_text(words, fmt::format("[cut {} bytes]", map.size()));
      auto& kept = cut[static_cast<std::size_t>(5 + (&map - maps.data()))];
      kept.assign(words.data(), words.size());
      map = kept;
      return;
    }
    std::size_t const excess = bytes() - ForwardBuilder::kLongestRecord + kMark;
    auto const begin = cut_at_character(text, text.size() - std::min(text.size(), excess));
    auto& kept = cut[static_cast<std::size_t>(&text - texts.data())];
    kept = fmt::format("{}…[cut {} bytes]", begin, text.size() - begin.size());
    text = kept;
  }
};

}  // namespace

struct ForwardBuilder::Impl {
  Buffer sites, sources, records, out;
  std::uint32_t site_count = 0, source_count = 0, item_count = 0, record_count = 0;
  RefTable sites_seen;  // by address
  std::map<std::tuple<Source const*, PublisherId, std::uint64_t>, std::uint32_t> sources_seen;
  std::vector<Part> parts;
  std::map<std::pair<PublisherId, std::uint64_t>, std::size_t> last_part;  // of a stream
  // An address names a thing as long as it lives.
  std::vector<std::shared_ptr<Site const>> held_sites;
  std::vector<std::shared_ptr<Source const>> held_sources;
  bool finished = false;

  void start_if_finished();
  void settle(Span const& span, std::uint64_t count);
  std::uint32_t site(std::shared_ptr<Site const> const& site);
  std::uint32_t source(std::shared_ptr<Source const> const& source, Span const& of);
};

ForwardBuilder::ForwardBuilder() : impl_(std::make_unique<Impl>()) {}
ForwardBuilder::~ForwardBuilder() = default;

void ForwardBuilder::Impl::start_if_finished() {
  if (!finished) return;
  finished = false;
  for (Buffer* buffer : {&sites, &sources, &records, &out}) buffer->clear();
  site_count = source_count = item_count = record_count = 0;
  sites_seen.clear();
  sources_seen.clear();
  parts.clear();
  last_part.clear();
  held_sites.clear();
  held_sources.clear();
}

void ForwardBuilder::Impl::settle(Span const& span, std::uint64_t count) {
  auto const [at, added] = last_part.try_emplace({span.publisher, span.stream}, parts.size());
  if (!added) {
    auto& part = parts[at->second];
    if (part.span.last + 1 == span.first) {
      part.span.last = span.last;
      part.count += count;
      return;
    }
    at->second = parts.size();
  }
  parts.push_back({span, count});
}

std::uint32_t ForwardBuilder::Impl::site(std::shared_ptr<Site const> const& of) {
  auto const address = static_cast<std::uint64_t>(reinterpret_cast<std::uintptr_t>(of.get()));
  if (auto const known = sites_seen.find(address); known != RefTable::kNone) return known;
  sites_seen.insert(address, site_count);
  held_sites.push_back(of);
  VectorStream stream(sites);
  Packer packer(stream);
  packer.pack_array(7);
  packer.pack_int32(of->level);
  pack_text(packer, cut_at_character(of->level_name, kLongestName));
  pack_text(packer, cut_at_character(of->logger, kLongestName));
  pack_text(packer, cut_at_character(of->template_text, kLongestTemplate));
  pack_text(packer, cut_at_character(of->file, kLongestName));
  packer.pack_uint32(of->line);
  pack_text(packer, cut_at_character(of->function, kLongestName));
  return site_count++;
}

std::uint32_t ForwardBuilder::Impl::source(std::shared_ptr<Source const> const& of, Span const& as) {
  auto const [at, added] = sources_seen.try_emplace({of.get(), as.publisher, as.stream}, source_count);
  if (!added) return at->second;
  held_sources.push_back(of);
  VectorStream stream(sources);
  Packer packer(stream);
  packer.pack_array(8);
  pack_id(packer, as.publisher);
  pack_text(packer, cut_at_character(of->host, kLongestName));
  pack_text(packer, cut_at_character(of->process, kLongestName));
  packer.pack_uint64(of->pid);
  packer.pack_int64(of->started);
  packer.pack_uint64(as.stream);
  packer.pack_uint64(of->tid);
  pack_text(packer, cut_at_character(of->thread, kLongestName));
  return source_count++;
}

void ForwardBuilder::add(Block const& block, Entry const& entry, Span const& settled) {
  impl_->start_if_finished();
  impl_->settle(settled, 1);
  auto const source_ref = impl_->source(block.sources[entry.source], settled);
  auto const site_ref = impl_->site(block.sites[entry.site]);
  Content const content(entry);
  bool const rare = content.bytes() > content.texts[0].size() + content.maps[0].size() + content.maps[1].size();
  VectorStream stream(impl_->records);
  Packer packer(stream);
  packer.pack_array(rare ? 11 : 7);
  packer.pack_uint32(source_ref);
  packer.pack_uint32(site_ref);
  packer.pack_uint64(settled.last);
  packer.pack_int64(entry.time);
  pack_text(packer, content.texts[0]);
  for (auto const& map : content.maps) {
    if (map.empty())
      packer.pack_nil();
    else
      stream.write(map.data(), map.size());
  }
  if (rare) {
    for (std::size_t i = 1; i < content.texts.size(); ++i) pack_text(packer, content.texts[i]);
  }
  ++impl_->item_count;
  ++impl_->record_count;
}

void ForwardBuilder::add_gap(std::shared_ptr<Source const> const& source, Gap const& gap, std::uint64_t from) {
  impl_->start_if_finished();
  Span const settled{gap.publisher, gap.stream, from, gap.last};
  impl_->settle(settled, gap.last - gap.first + 1);
  auto const source_ref = impl_->source(source, settled);
  VectorStream stream(impl_->records);
  Packer packer(stream);
  packer.pack_array(7);
  packer.pack_uint32(source_ref);
  packer.pack_nil();
  packer.pack_uint64(gap.first);
  packer.pack_int64(gap.time);
  packer.pack_uint64(gap.last);
  pack_text(packer, cut_at_character(gap.reason, kLongestName));
  if (gap.found)
    packer.pack_true();
  else
    packer.pack_false();
  ++impl_->item_count;
}

void ForwardBuilder::withhold(Span const& span) {
  impl_->start_if_finished();
  impl_->settle(span, 0);
}

bool ForwardBuilder::empty() const noexcept { return impl_->finished || impl_->parts.empty(); }

bool ForwardBuilder::full() const noexcept {
  constexpr std::size_t kPartBytes = 48;
  return !impl_->finished && impl_->sites.size() + impl_->sources.size() + impl_->records.size() +
                                     impl_->parts.size() * kPartBytes >=
                                 kTarget;
}

std::span<ForwardBuilder::Part const> ForwardBuilder::parts() const noexcept { return impl_->parts; }
std::uint32_t ForwardBuilder::records() const noexcept { return impl_->record_count; }

std::span<std::byte const> ForwardBuilder::finish() {
  impl_->start_if_finished();
  auto& out = impl_->out;
  append_array_header(out, impl_->site_count);
  append(out, impl_->sites);
  append_array_header(out, impl_->source_count);
  append(out, impl_->sources);
  append_array_header(out, static_cast<std::uint32_t>(impl_->parts.size()));
  VectorStream stream(out);
  Packer packer(stream);
  for (auto const& [span, count] : impl_->parts) {
    packer.pack_array(4);
    pack_id(packer, span.publisher);
    packer.pack_uint64(span.stream);
    packer.pack_uint64(span.first);
    packer.pack_uint64(span.last);
  }
  append_array_header(out, impl_->item_count);
  append(out, impl_->records);
  impl_->finished = true;
  return bytes_of(out);
}

std::span<std::byte const> ForwardBuilder::nothing() noexcept {
  static constexpr std::array<std::byte, 4> kNothing{std::byte{0x90}, std::byte{0x90}, std::byte{0x90},
                                                     std::byte{0x90}};
  return kNothing;
}

void write_forward(Publisher const& forwarder, std::uint64_t stream, std::uint64_t base, std::uint64_t number,
                   std::span<std::byte const> contents, std::vector<std::byte>& out) {
  Buffer head;
  VectorStream to(head);
  Packer packer(to);
  packer.pack_array(10);
  pack_text(packer, "forward");
  packer.pack_uint64(kForwardVersion);
  pack_publisher(packer, forwarder);
  packer.pack_uint64(stream);
  packer.pack_uint64(base);
  packer.pack_uint64(number);
  auto const begin = bytes_of(head);
  out.assign(begin.begin(), begin.end());
  out.insert(out.end(), contents.begin(), contents.end());
}

}  // namespace logboom::wire
