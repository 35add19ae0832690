// What an answer says of publishers: all of them in sums, and as many of them one by one as were asked for and find room.
// Must not know sockets.
#pragma once

#include "collector/publisher_table.hpp"
#include "delivery/collector_state.hpp"

#include <cstddef>

namespace logboom::collector {

/// Bytes of an answer that publishers may take, each counted as if its numbers were of full width; the rest of the 64 KiB is for everything else.
inline constexpr std::size_t kPageBytes = 40U << 10U;

/// Fills in the publishers' part.
void list_publishers(PublisherTable const& table, delivery::AskStatus const& question,
                     delivery::Status& status);

}  // namespace logboom::collector
