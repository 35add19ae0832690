// Time and waiting of the publisher's own threads.
#include "publisher/background.hpp"

#include <chrono>
#include <ctime>

namespace logboom::publisher {

std::int64_t monotonic_ms() noexcept {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

bool poll(std::span<pollfd> items, std::chrono::microseconds most) noexcept {
  auto const seconds = std::chrono::duration_cast<std::chrono::seconds>(most);
  timespec const wait{seconds.count(), std::chrono::nanoseconds(most - seconds).count()};
  if (::ppoll(items.data(), items.size(), &wait, nullptr) >= 0) return true;
  for (auto& item : items) item.revents = 0;
  return false;
}

}  // namespace logboom::publisher
