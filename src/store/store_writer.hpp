// The store's one writer: blocks go in, one transaction at a time, with the ledger in the same transaction. Schema: docs/store.md.
// Must not know sockets, the delivery protocol or threads: its owner calls it from one thread.
#pragma once

#include "record/block.hpp"

#include <logboom/query.hpp>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace logboom::store {

/// Bytes of the write-ahead log past which the writer checkpoints itself instead of leaving it to the checkpoint thread.
inline constexpr std::int64_t kLogBound = 256 << 20;

/// For one thread. Blocks for as long as the disk does (and up to 5 s while another program has the file locked).
class StoreWriter {
 public:
  /// Opens or makes the file, takes the writer's lock (`PATH.lock`), migrates an older schema. @throws StoreError (locked
  /// by another collector: with its pid; newer version; not a logboom store; not writable; damaged).
  explicit StoreWriter(std::string path, std::int64_t log_bound = kLogBound);
  ~StoreWriter();

  /// The ledger as it stands in the file.
  std::vector<Progress> ledger() const;
  std::int64_t last_id() const noexcept;
  std::string const& path() const noexcept;  // absolute

  /// Writes the blocks in one transaction: entries, gaps, progress. All or nothing. Sets each block's first_id after
  /// the commit. Texts over kMaxStoredText are cut in the blocks themselves, so that viewers see what is stored.
  /// @throws StoreError when it could not be written; nothing of it is in the file then. kTransient (disk full, I/O
  /// error, locked): the same call may be repeated. kMoved: leave(), then the path has to be opened anew.
  void write(std::span<std::unique_ptr<Block> const> blocks);

  /// After kMoved: brings all that was committed into one file that has a name (the one that was moved; `PATH.rescued-TIME` where it was
  /// removed). Destroying the writer does it too. Blocks while that file is written. Nothing can be written afterwards.
  /// @return a clause for people: where the records are, or why they are nowhere.
  std::string leave();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace logboom::store
