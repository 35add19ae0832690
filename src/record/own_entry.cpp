// Entries that no publisher sent: the collector's own records, and the visible side of gaps. Must not know frames.
#include "record/entry_writer.hpp"
#include "record/wire.hpp"

#include <string>

#include <fmt/format.h>

namespace logboom::wire {
namespace {

// Own records come a few to a block: what the last ones were is known without a dictionary.
template <typename T>
std::uint32_t index_of(std::vector<std::shared_ptr<T const>>& list, std::shared_ptr<T const> item) {
  constexpr std::size_t kLookBack = 8;
  std::size_t const from = list.size() > kLookBack ? list.size() - kLookBack : 0;
  for (std::size_t i = list.size(); i > from; --i) {
    if (list[i - 1] == item) return static_cast<std::uint32_t>(i - 1);
  }
  list.push_back(std::move(item));
  return static_cast<std::uint32_t>(list.size() - 1);
}

std::shared_ptr<Site const> const& gap_site() {
  static auto const site = [] {
    Site gap;
    gap.level = level::kWarning;
    gap.level_name = "WARNING";
    gap.logger = "logboom.gap";
    gap.template_text = "{count} records lost: {reason}";
    return std::make_shared<Site const>(std::move(gap));
  }();
  return site;
}

Token integer(std::uint64_t value) {
  Token token;
  token.kind = Kind::kInt;
  token.integer = static_cast<std::int64_t>(value);
  return token;
}

}  // namespace

void add_entry(Block& block, std::shared_ptr<Site const> site, std::shared_ptr<Source const> source,
               std::int64_t time, std::uint64_t sequence, std::string_view message) {
  Entry entry;
  entry.time = time;
  entry.sequence = sequence;
  entry.site = index_of(block.sites, std::move(site));
  entry.source = index_of(block.sources, std::move(source));
  EntryWriter writer;
  writer.begin(block, entry);
  writer.message(message);
  block.entries.push_back(entry);
}

void add_gap(Block& block, std::shared_ptr<Source const> source, Gap gap) {
  std::uint64_t const count = gap.last - gap.first + 1;
  Token const count_value = integer(count);
  Token const stream = integer(gap.stream);
  Token reason;
  reason.kind = Kind::kText;
  reason.size = static_cast<std::uint32_t>(gap.reason.size());
  reason.data = gap.reason.data();

  Entry entry;
  entry.time = gap.time;
  entry.sequence = gap.first;
  entry.site = index_of(block.sites, gap_site());
  entry.source = index_of(block.sources, std::move(source));
  EntryWriter writer;
  writer.begin(block, entry);
  writer.message(fmt::format("{} record{} lost: {}", count, count == 1 ? "" : "s", gap.reason));
  writer.field("count", count_value);
  writer.field("reason", reason);
  writer.field("stream", stream);
  (void)writer.finish();
  gap.entry = block.entries.size();
  block.entries.push_back(entry);
  block.gaps.push_back(std::move(gap));
}

}  // namespace logboom::wire
