// Sinks from their options: the one place that knows every type. Must not know when sinks come and go.
#pragma once

#include "collector/own_log.hpp"
#include "sinks/sink.hpp"

#include <memory>
#include <string>

namespace logboom::collector {

struct SinkSurroundings {
  OwnLog& log;
  std::string host;
  bool stored = true;  // there is a store
};

/// Its destination is open. @param options checked (sinks::check_sink). @throws std::invalid_argument, std::system_error: one line with the sink, the reason and the mend
std::unique_ptr<sinks::Sink> make_sink(SinkOptions const& options, SinkSurroundings const& surroundings);

}  // namespace logboom::collector
