// Sizes, durations and rates as people write them, in configuration and on command lines. Knows nothing of what they are of.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace logboom {

/// "50MiB", "1.5 GB", "4096": bytes. K, M, G, T with or without iB are powers of 1024, kB, MB, GB, TB powers of 1000; case does not matter.
/// @throws std::invalid_argument naming the text and the mend
std::uint64_t parse_size(std::string_view text);

/// "30d", "2h30m", "500ms"; units w d h m s ms. "0" needs none. @throws std::invalid_argument naming the text and the mend
std::chrono::nanoseconds parse_duration(std::string_view text);
/// The same, or nothing.
std::optional<std::chrono::nanoseconds> read_duration(std::string_view text) noexcept;

/// "100/s", "0.5/m", "10/h", "1000/d": so many a second. @throws std::invalid_argument naming the text and the mend
double parse_rate(std::string_view text);

// What the functions above read back as the same value.
std::string size_text(std::uint64_t bytes);
std::string duration_text(std::chrono::nanoseconds duration);
std::string rate_text(double a_second);

}  // namespace logboom
