// The longest text that the store takes, so that SQLite never refuses a row for its size.
// Must not know SQLite.
#pragma once

#include "record/block.hpp"

#include <cstddef>

namespace logboom::store {

/// Far above what the wire lets through (1 MiB a message, six times that when all of it is escaped in JSON), and with all of a
/// row's texts at it far below SQLite's own limit (10^9 bytes a row).
inline constexpr std::size_t kMaxStoredText = 8U << 20U;

/// Cuts texts longer than `limit`: they end in `…[cut N bytes]`; JSON that is longer becomes `{"…":"[cut N bytes]"}`.
void cut_long_texts(Block& block, std::size_t limit = kMaxStoredText);

}  // namespace logboom::store
