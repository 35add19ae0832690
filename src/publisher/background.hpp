// What the publisher's own threads have in common: they wait in ZeroMQ, and count time in milliseconds.
// Must not know what they do.
#pragma once

#include <cstdint>
#include <vector>

#include <zmq.h>

namespace logboom::publisher {

/// Milliseconds of CLOCK_MONOTONIC.
std::int64_t monotonic_ms() noexcept;

/// zmq_poll; a signal ends it early.
void poll(std::vector<zmq_pollitem_t>& items, std::int64_t milliseconds) noexcept;

}  // namespace logboom::publisher
