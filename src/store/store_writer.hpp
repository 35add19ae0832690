// The store's one writer: blocks go in, one transaction at a time, with the ledger in the same transaction; full files are closed, old ones removed. docs/store.md.
// Must not know sockets, the delivery protocol or threads: its owner calls it from one thread.
#pragma once

#include "record/block.hpp"
#include "store/next_file.hpp"
#include "store/rotation.hpp"

#include <logboom/query.hpp>
#include <logboom/retention.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace logboom::store {

/// Bytes of the write-ahead log past which the writer checkpoints itself instead of leaving it to the checkpoint thread.
inline constexpr std::int64_t kLogBound = 256 << 20;

struct WriterOptions {
  std::int64_t log_bound = kLogBound;
  RetentionOptions retention = {};
  std::int64_t least_id = 1;                  // a file that is begun anew has no id below
  std::uint64_t most_streams = kMostStreams;  // of the ledger that a file hands on to the next
  std::function<void(std::string)> notice = {};  // one line for people, from any thread: what stands in the way of retention
  std::function<void(std::string)> damage = {};  // the same: a damaged place that was found when a file was opened, and mended
  std::function<std::int64_t()> now = {};             // seconds since the epoch; not set: the system's
  std::function<void(RotationStep)> after_step = {};  // for tests
};

/// For one thread. Blocks for as long as the disk does (and up to 5 s while another program has the file locked).
class StoreWriter {
 public:
  /// Opens or makes the file, takes the writer's lock (`PATH.lock`), migrates an older schema. Where the file is missing and closed ones are there, it goes on where the newest
  /// ended, with its ledger. @throws StoreError (locked by another collector: with its pid; newer version; not a logboom store; not writable; damaged),
  /// std::invalid_argument for the options.
  explicit StoreWriter(std::string path, WriterOptions options = {});
  ~StoreWriter();

  /// The ledger as it stands in the file; of more than `most` streams those of the publishers that came last.
  std::vector<Progress> ledger(std::size_t most = SIZE_MAX) const;
  std::int64_t last_id() const noexcept;
  std::string const& path() const noexcept;  // absolute

  /// Writes the blocks in one transaction: entries, gaps, progress. All or nothing. Sets each block's first_id after
  /// the commit. Texts over kMaxStoredText are cut in the blocks themselves, so that viewers see what is stored.
  /// Before that, if the file is full and the next one is ready, that one becomes the current one. What the records come to (`minute`, `minute_level`, `span`) may be left to a later
  /// call, for two seconds and 256 records at most, if it is called each second. Without blocks it does only what else there is to do.
  /// @throws StoreError when it could not be written; nothing of it is in the file then. kTransient (disk full, I/O
  /// error, locked): the same call may be repeated. kMoved: leave(), then the path has to be opened anew.
  void write(std::span<std::unique_ptr<Block> const> blocks);

  /// Of the latest transaction, what its commit took: writing it to the log, and syncing that.
  std::chrono::nanoseconds commit_took() const noexcept;

  /// After kMoved: brings all that was committed into one file that has a name (the one that was moved; `PATH.rescued-TIME` where it was
  /// removed). Destroying the writer does it too. Blocks while that file is written. Nothing can be written afterwards.
  /// @return a clause for people: where the records are, or why they are nowhere.
  std::string leave();

  /// Waits until the threads beside it have done what they were asked for.
  void wait_idle();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace logboom::store
