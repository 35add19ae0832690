// A worker of `logboom demo`. Must not know the demo.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace logboom::cli {

/// Solves plates of side × side cells for `duration`, logging every sweep; `returned` counts the log calls that have returned.
void solve_plates(std::size_t side, std::chrono::milliseconds duration, std::atomic<std::uint64_t>& returned);

}  // namespace logboom::cli
