// Blocks on their way from an input's thread to the intake. Bounded; neither side waits in it. Must not know what is in a block.
#pragma once

#include "record/block.hpp"

#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>

namespace logboom::inputs {

class BlockExchange {
 public:
  static constexpr std::size_t kMostBlocks = 4;

  /// A block that is full is not added to again; another one is, until it is taken.
  void give(std::unique_ptr<Block> block, bool full) {
    std::lock_guard const lock(mutex_);
    blocks_.push_back({std::move(block), full});
  }
  /// The last block given, to be added to and given again; nothing if it is full or taken.
  std::unique_ptr<Block> reopen() {
    std::lock_guard const lock(mutex_);
    if (blocks_.empty() || blocks_.back().full) return nullptr;
    auto block = std::move(blocks_.back().block);
    blocks_.pop_back();
    return block;
  }
  /// Whether another one may be begun.
  bool room() const {
    std::lock_guard const lock(mutex_);
    return blocks_.size() < kMostBlocks;
  }

  /// The oldest one; nothing if there is none.
  std::unique_ptr<Block> take() {
    std::lock_guard const lock(mutex_);
    if (blocks_.empty()) return nullptr;
    auto block = std::move(blocks_.front().block);
    blocks_.pop_front();
    return block;
  }
  bool empty() const {
    std::lock_guard const lock(mutex_);
    return blocks_.empty();
  }

 private:
  struct Given {
    std::unique_ptr<Block> block;
    bool full;
  };

  mutable std::mutex mutex_;
  std::deque<Given> blocks_;
};

}  // namespace logboom::inputs
