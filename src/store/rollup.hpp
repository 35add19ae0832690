// Counts the records of one transaction by minute and site, for the store's `minute` table.
// Must not know SQLite.
#pragma once

#include "record/block.hpp"

#include <cstdint>
#include <map>
#include <span>
#include <utility>
#include <vector>

namespace logboom::store {

inline constexpr std::int64_t kMinuteNs = 60'000'000'000;

/// Minutes since the epoch, rounded down.
constexpr std::int64_t minute_of(std::int64_t time) noexcept {
  return time / kMinuteNs - (time % kMinuteNs < 0 ? 1 : 0);
}

class Rollup {
 public:
  using Key = std::pair<std::int64_t, std::int64_t>;  // minute, site's id in the store

  void clear() { counts_.clear(); }
  /// `sites`: the store's ids of the block's sites.
  void add(Block const& block, std::span<std::int64_t const> sites);
  std::map<Key, std::int64_t> const& counts() const noexcept { return counts_; }

 private:
  void take(std::int64_t minute, std::span<std::int64_t const> sites);

  std::map<Key, std::int64_t> counts_;
  std::vector<std::int64_t> by_site_;  // of the minute being counted
};

}  // namespace logboom::store
