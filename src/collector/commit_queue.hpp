// Blocks on their way from the intake to the store's thread and back once they are committed. Bounded in bytes and by what the store is worth in time; the intake never waits in it.
// Must not know sockets, SQLite or what is in a block.
#pragma once

#include "collector/transaction_size.hpp"
#include "record/block.hpp"

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace logboom::collector {

/// What waits is what makes everybody's next record wait, so that its bound is one of time: two transactions and a half, each as large as the store writes in a tenth of a second
/// (TransactionSize). Between two reads of the sockets a record then waits for the rest of one transaction, for what is before it, and for its own.
/// push(), hurry(), collect() and close() belong to the intake; run() to the store's thread.
class CommitQueue {
 public:
  using Blocks = std::vector<std::unique_ptr<Block>>;
  /// Writes the blocks in one transaction, all or nothing. @return what of that the commit at its end took (TransactionSize). After a StoreError that is retryable() the same call is repeated; anything else
  /// ends run().
  using Write = std::function<std::chrono::nanoseconds(std::span<std::unique_ptr<Block> const>)>;

  struct Options {
    std::size_t limit_bytes = 8U << 20U;     // whatever the store's speed
    std::size_t group_entries = 10'000;      // a transaction is not held back for more
    std::chrono::milliseconds interval{50};  // nor longer than this
    std::chrono::milliseconds idle{
        0};  // after so long without any, no blocks are written: retention is the store's; 0: never
    std::chrono::milliseconds first_retry{50}, last_retry{2'000};  // after a failure, doubling
    std::chrono::milliseconds give_up{5'000};  // once closed: how long failures are retried
  };

  /// @param wake called by the store's thread when collect() or trouble() has news; must not block.
  CommitQueue(Write write, Options options, std::function<void()> wake);

  /// @return the block's number: 1, 2, 3 … `drained`: nothing more is coming for now, so do not wait for it.
  std::uint64_t push(std::unique_ptr<Block> block, bool drained);
  /// Commit what is there now.
  void hurry();
  /// At the bound: nothing should be pushed until has_room().
  bool full() const;
  /// It holds no more than half of its bound.
  bool has_room() const;
  /// How large a block should get at most: a transaction is of several.
  std::size_t block_bytes() const;
  /// Of all that was pushed and not yet collected.
  std::size_t bytes() const;

  struct Committed {
    Blocks blocks;           // in the order pushed, first_id set
    std::uint64_t last = 0;  // number of the last block committed so far
  };
  Committed collect();

  /// Why the store cannot be written at present; nothing while all is well.
  std::optional<std::string> trouble() const;
  /// No more will be pushed: run() returns when all is written, or could not be for `give_up`.
  void close();
  /// True once run() has returned.
  bool finished() const;
  /// What ended run() before all was written, if anything did.
  std::exception_ptr failure() const;

  /// Groups and writes until close(). Does not throw: see failure().
  void run() noexcept;

 private:
  using Clock = std::chrono::steady_clock;

  struct Group {
    Blocks blocks;
    std::size_t bytes = 0;
  };

  std::size_t bound() const;
  bool next_group(Group& group);
  bool group_ready() const;
  bool write(Group const& group);
  void wait_for_blocks(std::unique_lock<std::mutex>& lock);
  void committed(Blocks group);
  void wait_to_retry(std::string reason, std::chrono::milliseconds delay,
                     std::optional<Clock::time_point> deadline);

  Write const write_;
  Options const options_;
  std::function<void()> const wake_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::unique_ptr<Block>> pending_;
  Clock::time_point oldest_pending_{};
  std::size_t pending_entries_ = 0;
  std::size_t pending_bytes_ = 0;
  TransactionSize transaction_;
  std::deque<std::size_t> sizes_;  // of blocks not collected, as counted in bytes_: the store may shorten a block
  std::size_t bytes_ = 0;
  std::uint64_t pushed_ = 0;
  std::uint64_t written_ = 0;
  bool drained_ = false;
  bool closed_ = false;
  bool finished_ = false;
  Blocks done_;
  std::optional<std::string> trouble_;
  std::exception_ptr failure_;
};

}  // namespace logboom::collector
