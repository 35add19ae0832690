// Counts records by minute and site, and by minute and level, for the store's tables `minute` and `minute_level`.
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
  /// By minute, and the site's id in the store or the level.
  using Counts = std::map<std::pair<std::int64_t, std::int64_t>, std::int64_t>;

  void clear() noexcept;
  /// One record.
  void add(std::int64_t time, std::int64_t site, std::int64_t level);
  /// `sites`: the store's ids of the block's sites.
  void add(Block const& block, std::span<std::int64_t const> sites);
  void add(Rollup const& other);
  Counts const& by_site() const noexcept { return by_site_; }
  Counts const& by_level() const noexcept { return by_level_; }

 private:
  void take(std::int64_t minute, Block const& block, std::span<std::int64_t const> sites);

  Counts by_site_, by_level_;
  std::vector<std::int64_t> counted_;  // by the index of the site, of one minute
};

}  // namespace logboom::store
