// Writes one file of the store: blocks go in, one transaction at a time, with the ledger in the same transaction. Schema: docs/store.md.
// Must not know that a store may be many files, nor sockets, the delivery protocol or threads.
#pragma once

#include "record/block.hpp"

#include <logboom/query.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace logboom::store {

/// When the tables that sum up the records (summaries.hpp) learn of those of a transaction: with it, or with a later one.
enum class Summarize { kNow, kMayWait };

/// For one thread; its owner holds the WriterLock of the path. What is said of StoreWriter's methods holds for those of the same name.
class FileWriter {
 public:
  /// @param path absolute. @param may_make it is not there yet. @throws StoreError
  FileWriter(std::string const& path, std::int64_t log_bound, bool may_make);
  ~FileWriter();

  std::vector<Progress> ledger(std::size_t most) const;
  std::int64_t first_id() const noexcept;
  std::int64_t last_id() const noexcept;  // first_id() - 1: it has no record yet
  std::int64_t begun() const;             // seconds since the epoch
  std::int64_t bytes() const;             // as one file, with all that was committed
  std::int64_t empty_bytes() const;       // of that, what it had before its first record
  /// What was found damaged when it was opened, and mended: a line each.
  std::vector<std::string> const& mended() const noexcept;
  /// Bytes of the log, when it has passed its bound (again by a quarter of that) because somebody reads in a transaction that began before. Once for each time.
  std::optional<std::int64_t> take_held_log() noexcept;
  bool moved() const;
  bool is(std::string const& path) const;  // `path` is a name of the file

  /// @param when of the tables that sum up the records (summaries.hpp); kMayWait: while Summaries::kMostOwed records or fewer are owed to them, a later transaction writes what these come to
  void write(std::span<std::unique_ptr<Block> const> blocks, Summarize when);
  /// Writes to those tables what is owed, if anything is.
  void summarize();
  std::chrono::nanoseconds commit_took() const noexcept;
  std::string leave();

  // For the file's end as the current one, in this order:

  /// Asks for a checkpoint on another thread where the log is long, so that settle() has little to do; from now on none is asked for unasked. Does not wait.
  void checkpoint();
  /// Moves what is left in the log to the file. @return all that was committed is in the file itself, whatever becomes of the log. False while a reader keeps the log.
  bool settle();
  /// The checkpoint that was asked for is not done.
  bool checkpointing() const;
  /// After settle() said true and the names of file and log became another one's: closing touches neither. Nothing can be written afterwards.
  void give_up_name();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace logboom::store
