#include "store/rollup.hpp"

namespace logboom::store {

void Rollup::add(Block const& block, std::span<std::int64_t const> sites) {
  if (block.entries.empty()) return;
  by_site_.assign(sites.size(), 0);
  // A batch seldom spans two minutes: count by index, and touch the map when the minute changes.
  std::int64_t counted = minute_of(block.entries.front().time);
  for (Entry const& entry : block.entries) {
    std::int64_t const minute = minute_of(entry.time);
    if (minute != counted) {
      take(counted, sites);
      counted = minute;
    }
    ++by_site_[entry.site];
  }
  take(counted, sites);
}

void Rollup::take(std::int64_t minute, std::span<std::int64_t const> sites) {
  for (std::size_t i = 0; i < by_site_.size(); ++i) {
    if (by_site_[i] == 0) continue;
    counts_[{minute, sites[i]}] += by_site_[i];
    by_site_[i] = 0;
  }
}

}  // namespace logboom::store
