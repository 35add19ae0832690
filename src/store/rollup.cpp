#include "store/rollup.hpp"

#include <utility>

namespace logboom::store {

void Rollup::clear() noexcept {
  by_site_.clear();
  by_level_.clear();
}

void Rollup::add(Block const& block, std::span<std::int64_t const> sites) {
  if (block.entries.empty()) return;
  counted_.assign(sites.size(), 0);
  // A batch seldom spans two minutes: count by index, and touch the map when the minute changes.
  std::int64_t counting = minute_of(block.entries.front().time);
  for (Entry const& entry : block.entries) {
    std::int64_t const minute = minute_of(entry.time);
    if (minute != counting) {
      take(counting, block, sites);
      counting = minute;
    }
    ++counted_[entry.site];
  }
  take(counting, block, sites);
}

void Rollup::add(std::int64_t time, std::int64_t site, std::int64_t level) {
  ++by_site_[{minute_of(time), site}];
  ++by_level_[{minute_of(time), level}];
}

void Rollup::add(Rollup const& other) {
  for (auto const& [key, n] : other.by_site_) by_site_[key] += n;
  for (auto const& [key, n] : other.by_level_) by_level_[key] += n;
}

void Rollup::take(std::int64_t minute, Block const& block, std::span<std::int64_t const> sites) {
  for (std::size_t i = 0; i < counted_.size(); ++i) {
    auto const n = std::exchange(counted_[i], 0);
    if (n == 0) continue;
    by_site_[{minute, sites[i]}] += n;
    by_level_[{minute, block.sites[i]->level}] += n;
  }
}

}  // namespace logboom::store
