// Works out what a ring holds whose process is dead: where it begins and ends, which regions are damaged, which number comes next.
// Trusts nothing but checked frames; the shared words are hints. Must not know files.
#pragma once

#include "spool/ring_frame.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace logboom::spool {

inline constexpr std::size_t kMaxExtents =
    4096;  // of damage in one ring; after the last of them the rest counts as damaged

/// Bytes of a ring in which no frame can be made out.
struct DamagedExtent {
  std::uint64_t from = 0, to = 0;  // positions
};

struct RecoveredRing {
  std::uint64_t tail = 0, head = 0;
  std::uint64_t base = 1;                        // number of the first record held
  std::uint64_t next = 1;                        // number after the last record that was made, found or not
  std::uint64_t drop_first = 0, drop_count = 0;  // dropped and declared by no frame
  std::int64_t drop_ticks = 0;
  std::vector<DamagedExtent> damage;  // ascending
};

/// Bounded work: each byte is looked at a few times at most, whatever the bytes.
RecoveredRing recover_ring(RingView const& view, detail::RingShared const& shared);

/// The first position after `position` and below `end` where a checked frame stands, or `end`. `work`: bytes it may hash in vain on its way; less what it took.
std::uint64_t scan_frames(RingView const& view, std::uint64_t position, std::uint64_t end,
                          std::uint64_t& work) noexcept;

}  // namespace logboom::spool
