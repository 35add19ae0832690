// Where a queued sink's lines go in the end. Must not know records, queues or threads.
#pragma once

#include "sinks/log_chunk.hpp"

namespace logboom::sinks {

/// Belongs to the sink's thread, but for hurry(). What is thrown is a std::exception whose what() is one line with the thing and the reason.
class Writer {
 public:
  virtual ~Writer() = default;
  /// Writes the chunk's records and takes those out that are written: when it throws the chunk holds the others, and is given again. May wait for as long as the destination takes.
  virtual void write(LogChunk& chunk) = 0;
  /// About once a second, also when there is nothing to write. Does not wait. May throw.
  virtual void tick() {}
  /// Closes what has a name and opens it under that name again. May throw; write() then tries again.
  virtual void reopen() {}
  /// The end is near: what waits for its destination gives up a second from now, and throws. From any thread.
  virtual void hurry() noexcept {}
};

}  // namespace logboom::sinks
