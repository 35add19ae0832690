// What committed records are handed to. Must not know where they came from.
#pragma once

#include "record/block.hpp"

#include <memory>

namespace logboom::sinks {

class Sink {
 public:
  virtual ~Sink() = default;
  /// A committed block, in order of id. Must return soon: the collector's intake calls it. What is slow keeps the block and does its work elsewhere.
  virtual void take(std::shared_ptr<Block const> const& block) = 0;
};

}  // namespace logboom::sinks
