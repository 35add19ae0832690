// Sends what a collector that comes no more left in its upstream spool: for `logboom recover`. Must not know the store that the collector had.
#pragma once

#include <logboom/level.hpp>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace logboom::upstream {

struct DrainOptions {
  std::string endpoint;                                      // of the other collector
  std::string curve_server_key, curve_secret;                // for it, as in SinkOptions
  std::chrono::milliseconds patience{10'000};                // without progress
  std::function<void(Level, std::string_view line)> report;  // any thread
  std::function<bool()> stop;                                // asked every few milliseconds
};

struct Drained {
  std::uint64_t records = 0;  // stored by the other collector
  bool finished = false;      // all of them, and the spool is removed; else the rest stays in it
};

/// Whether it is an upstream spool.
bool is_upstream_spool(std::filesystem::path const& directory) noexcept;
/// Those that are in a directory; itself, if it is one.
std::vector<std::filesystem::path> upstream_spools(std::filesystem::path const& directory);

/// Blocks. Frames of which the collector's store does not tell go with the others: their records come again under the same numbers if its store lives on.
/// @throws std::invalid_argument (endpoint), std::system_error (in use, no permission), spool::SpoolError (another user's)
Drained drain(std::filesystem::path const& directory, DrainOptions const& options);

}  // namespace logboom::upstream
