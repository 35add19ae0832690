// What the publisher's own threads have in common: they wait for descriptors, and count time in milliseconds.
// Must not know what they do.
#pragma once

#include <poll.h>

#include <chrono>
#include <cstdint>
#include <span>

namespace logboom::publisher {

/// Milliseconds of CLOCK_MONOTONIC.
std::int64_t monotonic_ms() noexcept;

/// ppoll(2). @return whether it looked: a signal ends it early, and nothing is known then (none is said to be ready)
bool poll(std::span<pollfd> items, std::chrono::microseconds most) noexcept;

}  // namespace logboom::publisher
