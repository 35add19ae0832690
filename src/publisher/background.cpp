// Time and waiting of the publisher's own threads.
#include "publisher/background.hpp"

#include <algorithm>
#include <chrono>

namespace logboom::publisher {

std::int64_t monotonic_ms() noexcept {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

bool poll(std::span<pollfd> items, std::int64_t milliseconds) noexcept {
  constexpr std::int64_t kMost = 3'600'000;
  auto const most = static_cast<int>(std::min(milliseconds, kMost));
  if (::poll(items.data(), items.size(), most) >= 0) return true;
  for (auto& item : items) item.revents = 0;
  return false;
}

}  // namespace logboom::publisher
