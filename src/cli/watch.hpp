// Shows a subscriber's records until somebody has had enough: what `tail` and `query -f` have in common.
#pragma once

#include "cli/output.hpp"

#include <logboom/subscriber.hpp>

#include <chrono>
#include <cstddef>
#include <optional>

namespace logboom::cli {

struct WatchOptions {
  std::optional<std::size_t> count;                  // ends after so many records
  std::optional<std::chrono::milliseconds> timeout;  // ends after so long
};

/// Returns on SIGINT, SIGTERM, after count or time-out, or when stdout is closed.
/// @throws Failure(kUnreachable) when the time is over and no collector has ever answered; StoreError when history was asked for and cannot be read.
void watch(SubscriberOptions options, OutputOptions const& output, WatchOptions const& until);

}  // namespace logboom::cli
