// Asks a collector what it is and where its store is (docs/protocol.md, "Control": info). Must not know the store.
#pragma once

#include "delivery/control.hpp"
#include "delivery/endpoint.hpp"

#include <chrono>
#include <optional>

namespace logboom::viewer {

/// Blocks up to `timeout`, or until `stop_fd` becomes readable (−1: none). Nothing when no collector answers.
std::optional<delivery::Info> ask_for_info(delivery::Endpoint const& endpoint,
                                           std::chrono::milliseconds timeout, int stop_fd = -1);

/// True if the file that `info` names is on this host, so that its path means something here.
bool is_here(delivery::Info const& info);

}  // namespace logboom::viewer
