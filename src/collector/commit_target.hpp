// Where blocks are committed: the store's file, or nowhere (then ids count from 1). Opens the file anew when somebody moved it away, and begins a fresh one when it is damaged.
// Must not know sockets or threads.
#pragma once

#include "record/block.hpp"
#include "store/store_writer.hpp"

#include <logboom/retention.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

namespace logboom::collector {

class CommitTarget {
 public:
  /// @param database "" = nowhere. @param notice one line for people, from any thread: what stands in the way of retention. @throws StoreError, std::invalid_argument
  CommitTarget(std::string const& database, RetentionOptions const& retention,
               std::function<void(std::string)> const& notice);

  // Before the first write.
  std::vector<Progress> ledger(std::size_t most = SIZE_MAX) const;  // as StoreWriter's
  std::int64_t last_id() const noexcept;
  std::string const& path() const noexcept { return path_; }  // absolute, or empty

  /// One transaction. Without blocks: only what is due of retention. @throws StoreError
  void write(std::span<std::unique_ptr<Block> const> blocks);
  /// Of the latest transaction, what its commit took.
  std::chrono::nanoseconds commit_took() const noexcept;
  /// How often the file had to be opened anew after it was moved or found damaged: without retention its ids begin again after a move. Safe from any thread.
  std::uint64_t reopened() const noexcept { return reopened_; }
  /// Files that were found damaged and set aside. Safe from any thread.
  std::uint64_t set_aside() const noexcept { return set_aside_; }
  /// Places that were found damaged and mended. Safe from any thread.
  std::uint64_t mended() const noexcept { return mended_; }
  /// For people: what became of the file the last time, and where the records are that were written before. Safe from any thread.
  std::string left() const;

 private:
  void open(std::string const& database);
  void leave();
  void set_aside(std::string const& path, std::string const& reason);
  void say_left(std::string what);
  void reopen();
  void number(std::span<std::unique_ptr<Block> const> blocks);

  std::string path_;
  store::WriterOptions options_;
  std::unique_ptr<store::StoreWriter> writer_;
  std::int64_t numbered_ = 0;
  std::unique_ptr<Block> carried_;  // how far the streams are, for the file that is begun next
  std::atomic<std::uint64_t> reopened_ = 0, set_aside_ = 0, mended_ = 0;
  mutable std::mutex mutex_;
  std::string left_;
};

}  // namespace logboom::collector
