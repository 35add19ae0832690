// Lengths of time as people read them at a glance. (Exact ones, and reading them: record/quantity.hpp.) Must not know what they are of.
#pragma once

#include <cstdint>
#include <string>

namespace logboom::cli {

/// The two largest units: "45s", "9m 30s", "1h 5m", "3d 2h". What is negative is "0s".
std::string rough_duration(std::int64_t nanoseconds);

}  // namespace logboom::cli
