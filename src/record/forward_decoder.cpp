// Frames of another collector made into blocks. What arrives is hostile until it is checked. Must not know sockets or the ledger.
#include "record/dictionary.hpp"
#include "record/entry_writer.hpp"
#include "record/forward.hpp"
#include "record/token_elements.hpp"
#include "record/value_text.hpp"

#include <algorithm>
#include <deque>
#include <numeric>
#include <tuple>

namespace logboom::wire {
namespace {

constexpr std::string_view kName = "forward";

std::string_view view(TextBuffer const& buffer) noexcept { return {buffer.data(), buffer.size()}; }

std::uint64_t next_sequence(Elements& elements, std::string_view name) {
  auto const number = elements.next_natural(name);
  if (number == 0) bad(name, "at least 1: sequence numbers start there");
  return number;
}

std::uint32_t next_reference(Elements& elements, std::string_view name, std::size_t table) {
  if (table == 0) throw FrameError(fmt::format("{}: its table is empty", name));
  return static_cast<std::uint32_t>(elements.next_natural(name, table - 1));
}

}  // namespace

struct ForwardDecoder::Impl {
  /// A record, or a gap (no content).
  struct Item {
    std::uint32_t source = 0, site = 0;
    std::uint64_t first = 0, last = 0;
    std::int64_t time = 0;
    Token const* content = nullptr;  // the message, and what follows it
    std::size_t extra = 0;           // elements after the attributes
    std::string_view reason;
    bool found = false;
    std::size_t span = 0;
  };

  void clear();
  void read(Token const& frame);
  void read_sites(Token const& table);
  void read_sources(Token const& table);
  void read_spans(Token const& table);
  void read_items(Token const& table);
  Item read_item(Token const& token);
  std::size_t span_of(SourceKey const& source, std::uint64_t first, std::uint64_t last);
  std::string_view clean_view(Token const& text);

  void take_record(Item const& item, Block& block);
  void take_gap(Item const& item, std::uint64_t first, std::uint64_t last, Block& block);
  void write_map(Token const& map, std::string_view& json, std::string_view& msgpack, Block& block);
  std::uint32_t site_index(std::uint32_t site, Block& block);
  std::uint32_t source_index(std::uint32_t source, Block& block);

  TokenTape tape;
  Publisher forwarder;
  std::uint64_t stream = 0, base = 0, number = 0;
  std::vector<SiteKey> sites;
  std::vector<SourceKey> sources;
  std::vector<Span> spans;
  std::vector<std::size_t> ordered;  // indices of spans, by stream and number
  std::size_t latest = 0;            // the span that was found last
  std::vector<Item> items;
  std::deque<std::string> cleaned;

  Dictionary dictionary;
  EntryWriter writer;
  std::vector<std::uint32_t> site_indices, source_indices;  // in the block; kNone: not there yet
  TextBuffer json_text, msgpack_text;
};

ForwardDecoder::ForwardDecoder() : impl_(std::make_unique<Impl>()) {}
ForwardDecoder::~ForwardDecoder() = default;

void ForwardDecoder::open(std::span<std::byte const> frame) {
  impl_->clear();
  try {
    impl_->tape.read_msgpack(frame);
    impl_->read(impl_->tape.root());
  } catch (FrameError const&) {
    impl_->clear();
    throw;
  }
}

Publisher const& ForwardDecoder::forwarder() const noexcept { return impl_->forwarder; }
std::uint64_t ForwardDecoder::stream() const noexcept { return impl_->stream; }
std::uint64_t ForwardDecoder::base() const noexcept { return impl_->base; }
std::uint64_t ForwardDecoder::number() const noexcept { return impl_->number; }
std::span<Span const> ForwardDecoder::spans() const noexcept { return impl_->spans; }

void ForwardDecoder::Impl::clear() {
  forwarder = {};
  sites.clear();
  sources.clear();
  spans.clear();
  ordered.clear();
  items.clear();
  cleaned.clear();
  latest = 0;
}

void ForwardDecoder::Impl::read(Token const& frame) {
  Elements elements(frame, 3, "forward frame");
  if (elements.next_text("name").text() != kName)
    throw FrameError("neither a batch (which begins with its version) nor a forward frame (\"forward\")");
  auto const version = elements.next_natural("version");
  forwarder = read_publisher(elements.next());
  if (version > kForwardVersion) throw VersionError(version, forwarder.id);
  if (version == 0 || elements.left() < 7)
    throw FrameError(
        "forward frame is not [\"forward\", 1, forwarder, stream, base, number, sites, sources, spans, "
        "records]");
  stream = elements.next_natural("stream");
  base = next_sequence(elements, "base");
  number = next_sequence(elements, "number");
  read_sites(elements.next());
  read_sources(elements.next());
  read_spans(elements.next());
  read_items(elements.next());
}

void ForwardDecoder::Impl::read_sites(Token const& table) {
  Elements rows(table, 0, "sites");
  while (rows.left() > 0) {
    Elements elements(rows.next(), 7, "site");
    SiteKey site;
    auto const level = elements.next_integer("level");
    if (!std::in_range<Level>(level)) bad("site: level", "an integer of 32 bits");
    site.level = static_cast<Level>(level);
    site.level_name = clean_view(elements.next_text("level_name"));
    site.logger = clean_view(elements.next_text("logger"));
    site.template_text = clean_view(elements.next_text("template"));
    site.file = clean_view(elements.next_text("file"));
    site.line =
        static_cast<std::uint32_t>(elements.next_natural("line", std::numeric_limits<std::uint32_t>::max()));
    site.function = clean_view(elements.next_text("function"));
    sites.push_back(site);
  }
}

void ForwardDecoder::Impl::read_sources(Token const& table) {
  Elements rows(table, 0, "sources");
  while (rows.left() > 0) {
    Elements elements(rows.next(), 8, "source");
    SourceKey source;
    if (!read_id(elements.next(), source.publisher)) bad("source: publisher", "a bin of 16 bytes");
    if (source.publisher == PublisherId{}) bad("source: publisher", "random: it is zero");
    source.host = clean_view(elements.next_text("host"));
    source.process = clean_view(elements.next_text("process"));
    source.pid = elements.next_natural("pid");
    source.started = elements.next_integer("started");
    source.stream = elements.next_natural("stream");
    source.tid = elements.next_natural("tid");
    source.thread = clean_view(elements.next_text("thread"));
    sources.push_back(source);
  }
}

void ForwardDecoder::Impl::read_spans(Token const& table) {
  Elements rows(table, 0, "spans");
  if (rows.left() > kMaxBatchRecords)
    throw FrameError(fmt::format("{} spans in one frame, more than {}", rows.left(), kMaxBatchRecords));
  while (rows.left() > 0) {
    Elements elements(rows.next(), 4, "span");
    Span span;
    if (!read_id(elements.next(), span.publisher)) bad("span: publisher", "a bin of 16 bytes");
    if (span.publisher == PublisherId{}) bad("span: publisher", "random: it is zero");
    span.stream = elements.next_natural("stream");
    span.first = next_sequence(elements, "span: first");
    span.last = next_sequence(elements, "span: last");
    if (span.last < span.first) bad("span: last", "at least its first");
    spans.push_back(span);
  }
  ordered.resize(spans.size());
  std::iota(ordered.begin(), ordered.end(), std::size_t{0});
  auto const key = [this](std::size_t i) {
    return std::tie(spans[i].publisher, spans[i].stream, spans[i].first);
  };
  std::sort(ordered.begin(), ordered.end(), [&](auto a, auto b) { return key(a) < key(b); });
  for (std::size_t i = 1; i < ordered.size(); ++i) {
    auto const& before = spans[ordered[i - 1]];
    auto const& span = spans[ordered[i]];
    if (before.publisher == span.publisher && before.stream == span.stream && before.last >= span.first)
      throw FrameError(fmt::format("spans of stream {} overlap at {}", span.stream, span.first));
  }
}

void ForwardDecoder::Impl::read_items(Token const& table) {
  Elements rows(table, 0, "records");
  if (rows.left() > kMaxBatchRecords)
    throw FrameError(fmt::format("{} records in one frame, more than {}", rows.left(), kMaxBatchRecords));
  while (rows.left() > 0) items.push_back(read_item(rows.next()));
}

ForwardDecoder::Impl::Item ForwardDecoder::Impl::read_item(Token const& token) {
  Elements elements(token, 7, "record");
  Item item;
  item.source = next_reference(elements, "record: source", sources.size());
  Token const& site = elements.next();
  item.first = item.last = next_sequence(elements, "record: sequence");
  item.time = elements.next_integer("time");
  if (site.is_nil()) {
    item.last = next_sequence(elements, "gap: last");
    if (item.last < item.first) bad("gap: last", "at least its first");
    item.reason = elements.next_text("reason").text();
    Token const& found = elements.next();
    item.found = found.kind == Kind::kBool && found.integer != 0;
  } else {
    if (site.kind != Kind::kInt || site.integer < 0 || !std::cmp_less(site.integer, sites.size()))
      throw FrameError("record: site is not in the frame's table");
    item.site = static_cast<std::uint32_t>(site.integer);
    item.content = &elements.next_text("message");
    check_map_or_nil(elements.next(), "record: fields");
    check_map_or_nil(elements.next(), "record: attributes");
    item.extra = elements.left();
    for (std::size_t i = 0; i < std::min<std::size_t>(item.extra, 4); ++i) elements.next_text("exception");
  }
  item.span = span_of(sources[item.source], item.first, item.last);
  return item;
}

std::size_t ForwardDecoder::Impl::span_of(SourceKey const& source, std::uint64_t first, std::uint64_t last) {
  auto const holds = [&](Span const& span) {
    return span.publisher == source.publisher && span.stream == source.stream && span.first <= first &&
           last <= span.last;
  };
  if (latest < spans.size() && holds(spans[latest])) return latest;
  auto const after_it =
      std::upper_bound(ordered.begin(), ordered.end(), std::tie(source.publisher, source.stream, first),
                       [this](auto const& wanted, std::size_t i) {
                         return wanted < std::tie(spans[i].publisher, spans[i].stream, spans[i].first);
                       });
  if (after_it == ordered.begin() || last < first || !holds(spans[*(after_it - 1)]))
    throw FrameError(
        fmt::format("record {} of stream {} is in none of the frame's spans", first, source.stream));
  latest = *(after_it - 1);
  return latest;
}

std::string_view ForwardDecoder::Impl::clean_view(Token const& text) {
  if (is_clean(text.text())) return text.text();
  return cleaned.emplace_back(clean(text.text()));
}

// --- into a block

void ForwardDecoder::take(std::span<Admitted const> admitted, Block& block) {
  auto& impl = *impl_;
  impl.site_indices.assign(impl.sites.size(), RefTable::kNone);
  impl.source_indices.assign(impl.sources.size(), RefTable::kNone);
  // What is left to take of each span: each number is taken once, whatever the frame says of it.
  std::vector<Admitted> left(admitted.begin(), admitted.end());
  for (auto const& item : impl.items) {
    auto const by_span = [](Admitted const& range, std::size_t span) { return range.span < span; };
    for (auto range = std::lower_bound(left.begin(), left.end(), item.span, by_span);
         range != left.end() && range->span == item.span; ++range) {
      auto const first = std::max(item.first, range->first);
      auto const last = std::min(item.last, range->last);
      if (first > last) continue;
      range->first = last + 1;
      if (item.content != nullptr)
        impl.take_record(item, block);
      else
        impl.take_gap(item, first, last, block);
    }
  }
  for (auto const& range : admitted) {
    auto const& span = impl.spans[range.span];
    block.spans.push_back({span.publisher, span.stream, range.first, range.last});
  }
}

void ForwardDecoder::Impl::take_record(Item const& item, Block& block) {
  Entry entry;
  entry.time = item.time;
  entry.sequence = item.first;
  entry.site = site_index(item.site, block);
  entry.source = source_index(item.source, block);
  writer.begin(block, entry);
  Token const* at = item.content;
  writer.message(at->text());
  at = after(at);
  if (!at->is_nil()) write_map(*at, entry.fields_json, entry.fields_msgpack, block);
  at = after(at);
  if (!at->is_nil()) write_map(*at, entry.attributes_json, entry.attributes_msgpack, block);
  at = after(at);
  constexpr std::string_view kRare[] = {"exception_type", "exception", "stack", "task"};
  for (std::size_t i = 0; i < std::min<std::size_t>(item.extra, 4); ++i, at = after(at)) {
    if (at->size > 0) writer.known_attribute(kRare[i], *at);
  }
  block.entries.push_back(entry);
}

void ForwardDecoder::Impl::take_gap(Item const& item, std::uint64_t first, std::uint64_t last, Block& block) {
  auto const& source = block.sources[source_index(item.source, block)];
  Gap gap{source->publisher, source->stream, first, last, item.time, clean(item.reason)};
  gap.found = item.found;
  add_gap(block, source, std::move(gap));
}

void ForwardDecoder::declare_lost(Span const& lost, std::int64_t time, std::string_view reason, Block& block) {
  SourceKey key;
  for (auto const& source : impl_->sources) {
    if (source.publisher == lost.publisher && source.stream == lost.stream) key = source;
  }
  key.publisher = lost.publisher;
  key.stream = lost.stream;
  add_gap(block, impl_->dictionary.source(key),
          {lost.publisher, lost.stream, lost.first, lost.last, time, std::string(reason)});
  block.spans.push_back(lost);
}

void ForwardDecoder::Impl::write_map(Token const& map, std::string_view& json, std::string_view& msgpack,
                                     Block& block) {
  if (map.size == 0) return;
  json_text.clear();
  msgpack_text.clear();
  append_msgpack_map(msgpack_text, map.size);
  Token const* const end = after(&map);
  for (Token const* key = &map + 1; key != end;) {
    Token const& value = *after(key);
    TextBuffer scratch;
    auto const name = key_text(*key, scratch);
    json_text.push_back(json_text.size() == 0 ? '{' : ',');
    append_json_string(json_text, name);
    json_text.push_back(':');
    append_json(json_text, value);
    append_msgpack_text(msgpack_text, name);
    append_msgpack(msgpack_text, value);
    key = after(&value);
  }
  json_text.push_back('}');
  json = block.arena.copy(view(json_text));
  msgpack = block.arena.copy(view(msgpack_text));
}

std::uint32_t ForwardDecoder::Impl::site_index(std::uint32_t site, Block& block) {
  auto& index = site_indices[site];
  if (index == RefTable::kNone) {
    index = static_cast<std::uint32_t>(block.sites.size());
    auto const interned = dictionary.site(sites[site]);
    block.sites.emplace_back(interned, &interned->site);
  }
  return index;
}

std::uint32_t ForwardDecoder::Impl::source_index(std::uint32_t source, Block& block) {
  auto& index = source_indices[source];
  if (index == RefTable::kNone) {
    index = static_cast<std::uint32_t>(block.sources.size());
    block.sources.push_back(dictionary.source(sources[source]));
  }
  return index;
}

}  // namespace logboom::wire
