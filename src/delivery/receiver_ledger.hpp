// The receiver's half of the delivery protocol (docs/protocol.md, "Control"): which records of a batch are new, what is acked, when to ask again.
// A pure state machine: no socket, no clock, no thread, no record contents in it.
#pragma once

#include "record/block.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace logboom::delivery {

struct StreamState {
  std::uint64_t stream = 0;
  std::uint64_t committed = 0;  // last number stored for good
  std::uint64_t expected = 1;   // next number that will be taken
};

class ReceiverLedger {
 public:
  struct Lost { std::uint64_t first = 0, last = 0; };  // inclusive
  struct Verdict {
    enum class Kind { kTake, kDuplicate, kAskAgain, kWait };  // kWait: a gap, but it was asked for a moment ago
    Kind kind = Kind::kDuplicate;
    std::uint64_t from = 0;        // kTake: first number to take; kAskAgain: number to ask for
    std::optional<Lost> lost;      // kTake: to be declared before the records
  };

  /// What the store holds, once at start.
  void load(std::span<Progress const> rows);
  /// A hello: streams not known yet start at `base`. @return the state of each stream named, in that order.
  std::vector<StreamState> hello(PublisherId const& id, std::span<std::pair<std::uint64_t, std::uint64_t> const> stream_and_base);
  /// A batch's part [first, end). On kTake `expected` becomes `end`: the caller has taken it. @param now any monotonic milliseconds
  Verdict offer(PublisherId const& id, std::uint64_t stream, std::uint64_t base, std::uint64_t first, std::uint64_t end, std::int64_t now);
  /// A block is committed.
  void commit(std::span<Progress const> progress);
  /// Everything taken and not committed is gone (the transaction failed for good): expected = committed + 1 everywhere.
  void roll_back();
  StreamState state(PublisherId const& id, std::uint64_t stream) const noexcept;
  /// True when every stream is committed up to the number given (last = 0: nothing to wait for).
  bool complete(PublisherId const& id, std::span<std::pair<std::uint64_t, std::uint64_t> const> stream_and_last) const noexcept;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;  // the owner decides
};

}  // namespace logboom::delivery
