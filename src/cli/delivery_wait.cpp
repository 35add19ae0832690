// The end of a command that has logged. Must not know how records are delivered.
#include "cli/delivery_wait.hpp"

#include "cli/commands.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace logboom::cli {

void wait_until_stored(Publisher& bus, std::chrono::milliseconds timeout) {
  using Clock = std::chrono::steady_clock;
  constexpr std::chrono::milliseconds kLook{
      50};  // a collector that refuses does so at once: nobody is to wait for it
  auto const deadline = Clock::now() + timeout;
  auto left = timeout;
  do {
    if (bus.flush(std::min(left, kLook))) return;
    // Of several collectors another one may take it.
    if (auto const status = bus.status();
        !status.refusal.empty() && status.endpoint.find(',') == std::string::npos)
      break;
    left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
  } while (left.count() > 0);
  auto const status = bus.status();
  if (!status.refusal.empty())
    throw Failure(kUnreachable, fmt::format("{}; the records wait in {}", status.refusal, status.spool));
  throw Failure(
      kUnreachable,
      fmt::format("{}: {}; the records wait in {} for a collector on this host, the next publisher or "
                  "`logboom recover`",
                  status.endpoint,
                  status.connected ? "the collector has not stored everything in time" : "no collector answers",
                  status.spool));
}

}  // namespace logboom::cli
