// The end of a command that has logged. Must not know how records are delivered.
#include "cli/delivery_wait.hpp"

#include "cli/commands.hpp"

#include <fmt/format.h>

namespace logboom::cli {

void wait_until_stored(Publisher& bus, std::chrono::milliseconds timeout) {
  if (bus.flush(timeout)) return;
  auto const status = bus.status();
  throw Failure(
      kUnreachable,
      fmt::format("{}: {}; the records wait in {} for a collector on this host, the next publisher or "
                  "`logboom recover`",
                  status.endpoint,
                  status.connected ? "the collector has not stored everything in time" : "no collector answers",
                  status.spool));
}

}  // namespace logboom::cli
