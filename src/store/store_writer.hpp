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

class StoreWriter {
 public:
  /// Opens or makes the file, takes the writer's lock (`PATH.lock`), migrates an older schema. @throws StoreError (locked by another collector: with its pid; newer version; not a
  /// logboom store; not writable; damaged).
  explicit StoreWriter(std::string path);
  ~StoreWriter();

  /// The ledger as it stands in the file.
  std::vector<Progress> ledger() const;
  std::int64_t last_id() const noexcept;
  std::string const& path() const noexcept;  // absolute

  /// Writes the blocks in one transaction: entries, gaps, progress. Sets each block's first_id. All or nothing.
  /// @throws StoreError when it could not be written; nothing of it is in the file then, and the same call may be repeated (disk full, I/O error).
  void write(std::span<std::unique_ptr<Block> const> blocks);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace logboom::store
