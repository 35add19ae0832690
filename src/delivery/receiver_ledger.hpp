// The receiver's half of the delivery protocol (docs/protocol.md, "Control"): which records of a batch are new, what is acked, when to ask again.
// A pure state machine: no socket, no clock, no thread, no record contents in it.
#pragma once

#include "record/block.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace logboom::delivery {

struct StreamState {
  std::uint64_t stream = 0;
  std::uint64_t committed = 0;  // last number stored for good
  std::uint64_t expected =
      1;  // next number that will be taken; 0: the stream is refused for now (the ledger is full)

  friend bool operator==(StreamState const&, StreamState const&) = default;
};

/// Holds at most `max_streams` streams in memory (about 130 bytes each, and up to 384 for ranges that are missing). At the bound the least recently used stream of which nothing is pending
/// (committed = expected − 1) makes room; when it is heard of again its number comes from `lookup`. A stream that finds no room, because something is
/// pending in every other, is refused: nothing of it is taken until there is. Without a lookup (no store) a forgotten stream starts anew at its base.
class ReceiverLedger {
 public:
  static constexpr std::size_t kMaxStreams = 262'144;
  static constexpr std::int64_t kAskAgainAfter = 50;  // ms, a stream
  static constexpr std::uint64_t kMaxSequence =
      1ULL << 62U;  // higher ones are not taken: the store's integers are signed
  static constexpr std::size_t kMaxMissing = 16;  // ranges of a stream; with one more the lowest is given up

  /// How far a stream is, as the store has it; nothing if it has none. What it throws passes through hello(), offer(), state(), admit() and complete().
  using Lookup = std::function<std::optional<Progress>(PublisherId const& id, std::uint64_t stream)>;

  struct Lost {
    std::uint64_t first = 0, last = 0;
  };  // inclusive
  struct Verdict {
    enum class Kind {
      kTake,
      kDuplicate,
      kAskAgain,
      kWait
    };  // kWait: drop and say nothing: a gap that was asked for a moment ago, or a refused stream
    Kind kind = Kind::kDuplicate;
    std::uint64_t from = 0;         // kTake: first number to take; kAskAgain: number to ask for
    std::optional<Lost> lost = {};  // kTake: to be declared before the records
    std::optional<Lost> given_up = {};  // kTake: to be declared as well: no longer waited for from other collectors
  };
  /// What of a forwarded range is new.
  struct Admission {
    std::vector<Lost> take;        // ascending; to be taken
    std::vector<Lost> arrived;     // those of it that had been declared lost
    std::optional<Lost> given_up;  // to be declared lost
  };

  explicit ReceiverLedger(std::size_t max_streams = kMaxStreams, Lookup lookup = {});
  ~ReceiverLedger();
  ReceiverLedger(ReceiverLedger&&) noexcept;
  ReceiverLedger& operator=(ReceiverLedger&&) noexcept;

  /// What the store holds, once at start. Rows beyond the bound are left to the lookup.
  void load(std::span<Progress const> rows);
  /// A hello: streams not known yet start at `base`. @return the state of each stream named, in that order.
  std::vector<StreamState> hello(PublisherId const& id,
                                 std::span<std::pair<std::uint64_t, std::uint64_t> const> stream_and_base);
  /// A batch's part [first, end). On kTake `expected` becomes `end`: the caller has taken it. @param now any monotonic milliseconds
  Verdict offer(PublisherId const& id, std::uint64_t stream, std::uint64_t base, std::uint64_t first,
                std::uint64_t end, std::int64_t now);
  /// Numbers [first, last] of a stream that a forwarder brings. What is above all that came so far is taken, whatever lies between is missing from then on; of what is below,
  /// what is missing. The caller takes what it is told to. `first` ≥ 1. There must be room().
  Admission admit(PublisherId const& id, std::uint64_t stream, std::uint64_t first, std::uint64_t last);
  /// [first, last] was admitted, and all that came is that it is lost elsewhere: it stays missing. @return what is to be declared lost in its stead, see Verdict::given_up
  std::optional<Lost> lose(PublisherId const& id, std::uint64_t stream, std::uint64_t first,
                           std::uint64_t last);
  /// Looks the stream up, so that admit() does not have to. False: there is no room.
  bool know(PublisherId const& id, std::uint64_t stream);
  /// Whether so many streams that are not known yet find room.
  bool room(std::size_t streams) const noexcept;
  /// How far the stream will be when what was taken is committed.
  Progress progress(PublisherId const& id, std::uint64_t stream) const;
  /// A block is committed.
  void commit(std::span<Progress const> progress);
  /// Everything taken and not committed is gone (the transaction failed for good): expected = committed + 1 everywhere.
  void roll_back();
  StreamState state(PublisherId const& id, std::uint64_t stream) const;
  /// True when every stream is committed up to the number given (last = 0: nothing to wait for), here or, as its publisher's last hello said by its base, elsewhere.
  bool complete(PublisherId const& id,
                std::span<std::pair<std::uint64_t, std::uint64_t> const> stream_and_last) const;

  std::size_t size() const noexcept;  // streams in memory
  std::uint64_t refused() const noexcept;  // parts dropped because there was no room or the numbers were beyond kMaxSequence

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace logboom::delivery
