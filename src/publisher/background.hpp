// What the publisher's own threads have in common: they take no signals of the program, never outstay its end, and count time in milliseconds.
// Must not know what they do.
#pragma once

#include <cstdint>
#include <functional>
#include <thread>
#include <vector>

#include <zmq.h>

namespace logboom::publisher {

/// Milliseconds of CLOCK_MONOTONIC.
std::int64_t monotonic_ms() noexcept;

/// A thread with every signal blocked, so that the program's handlers run on the program's threads. `name`: at most 15 bytes. @throws std::system_error
std::thread background_thread(char const* name, std::function<void()> body);

/// zmq_poll; a signal ends it early.
void poll(std::vector<zmq_pollitem_t>& items, std::int64_t milliseconds) noexcept;

}  // namespace logboom::publisher
