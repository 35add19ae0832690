// What committed records are handed to. Must not know where they came from.
#pragma once

#include "record/block.hpp"

#include <logboom/sinks.hpp>

#include <memory>

namespace logboom::sinks {

/// take() belongs to one thread; the rest is safe from any.
class Sink {
 public:
  virtual ~Sink() = default;
  /// A committed block, in order of id. Must return soon: the collector's intake calls it. What is slow keeps the block and does its work elsewhere.
  virtual void take(std::shared_ptr<Block const> const& block) = 0;
  virtual SinkStatus status() const = 0;
  /// Files are closed and opened under their names again, soon.
  virtual void reopen() {}
  /// Goes on with other options for the same destination, without losing what is queued. @return whether it can; if not, it is closed and another one made.
  /// @throws std::invalid_argument, std::system_error: nothing is changed then
  virtual bool reconfigure([[maybe_unused]] SinkOptions const& options) { return false; }
  /// Takes no more. Returns when what is queued is written, or its destination has not taken anything for a second; status() says what was not. Idempotent.
  virtual void close() = 0;
};

}  // namespace logboom::sinks
