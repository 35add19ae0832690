// Time and waiting of the publisher's own threads.
#include "publisher/background.hpp"

#include <chrono>

namespace logboom::publisher {

std::int64_t monotonic_ms() noexcept {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

void poll(std::vector<zmq_pollitem_t>& items, std::int64_t milliseconds) noexcept {
  zmq_poll(items.data(), static_cast<int>(items.size()), static_cast<long>(milliseconds));
}

}  // namespace logboom::publisher
