// Lines to nowhere, for a sink that only counts. Must not know records.
#pragma once

#include "sinks/writer.hpp"

namespace logboom::sinks {

class NullWriter final : public Writer {
 public:
  void write(LogChunk& chunk) override { chunk.clear(); }
};

}  // namespace logboom::sinks
