// Grouping blocks into transactions, and holding on to them while the store cannot be written. Must not know sockets or SQLite.
#include "collector/commit_queue.hpp"

#include <logboom/query.hpp>

#include <algorithm>
#include <utility>

namespace logboom::collector {
namespace {

// Below it a transaction is cheap anywhere, and its fixed costs are what counts.
constexpr std::size_t kLeastTransaction = 256U << 10U;
constexpr std::size_t kBlocksInTransaction = 8;  // at least, while it is bytes that bound it

TransactionSize transactions_within(std::size_t limit) {
  auto const most = std::max<std::size_t>(limit / 2, 1);
  return {std::min(kLeastTransaction, most), most};
}

}  // namespace

CommitQueue::CommitQueue(Write write, Options options, std::function<void()> wake)
    : write_(std::move(write)),
      options_(options),
      wake_(std::move(wake)),
      transaction_(transactions_within(options.limit_bytes)) {}

std::uint64_t CommitQueue::push(std::unique_ptr<Block> block, bool drained) {
  auto const size = block->bytes();
  auto const entries = block->entries.size();
  std::lock_guard const lock(mutex_);
  if (pending_.empty()) oldest_pending_ = Clock::now();
  pending_.push_back(std::move(block));
  pending_entries_ += entries;
  pending_bytes_ += size;
  sizes_.push_back(size);
  bytes_ += size;
  drained_ = drained;
  changed_.notify_one();
  return ++pushed_;
}

void CommitQueue::hurry() {
  std::lock_guard const lock(mutex_);
  drained_ = true;
  changed_.notify_one();
}

bool CommitQueue::full() const {
  std::lock_guard const lock(mutex_);
  return bytes_ >= bound();
}

bool CommitQueue::has_room() const {
  std::lock_guard const lock(mutex_);
  return bytes_ <= bound() / 2;
}

std::size_t CommitQueue::block_bytes() const {
  std::lock_guard const lock(mutex_);
  return transaction_.bytes() / kBlocksInTransaction;
}

/// While one transaction is under way the next is there as a whole, and some of the one after it: the store never waits.
std::size_t CommitQueue::bound() const {
  return std::min(options_.limit_bytes, transaction_.bytes() * 5 / 2);
}

std::size_t CommitQueue::bytes() const {
  std::lock_guard const lock(mutex_);
  return bytes_;
}

CommitQueue::Committed CommitQueue::collect() {
  std::lock_guard const lock(mutex_);
  Committed committed{std::exchange(done_, {}), written_};
  for (std::size_t i = 0; i < committed.blocks.size(); ++i) {
    bytes_ -= sizes_.front();
    sizes_.pop_front();
  }
  return committed;
}

std::optional<std::string> CommitQueue::trouble() const {
  std::lock_guard const lock(mutex_);
  return trouble_;
}

void CommitQueue::close() {
  std::lock_guard const lock(mutex_);
  closed_ = true;
  changed_.notify_one();
}

bool CommitQueue::finished() const {
  std::lock_guard const lock(mutex_);
  return finished_;
}

std::exception_ptr CommitQueue::failure() const {
  std::lock_guard const lock(mutex_);
  return failure_;
}

void CommitQueue::run() noexcept {
  try {
    for (Group group; next_group(group); group = {}) {
      if (!write(group)) break;
      committed(std::move(group.blocks));
    }
  } catch (...) {
    std::lock_guard const lock(mutex_);
    failure_ = std::current_exception();
  }
  {
    std::lock_guard const lock(mutex_);
    finished_ = true;
  }
  wake_();
}

bool CommitQueue::group_ready() const {
  return closed_ || (!pending_.empty() && (drained_ || pending_entries_ >= options_.group_entries ||
                                           pending_bytes_ >= transaction_.bytes()));
}

void CommitQueue::wait_for_blocks(std::unique_lock<std::mutex>& lock) {
  if (options_.idle.count() == 0) return changed_.wait(lock);
  if (changed_.wait_for(lock, options_.idle) != std::cv_status::timeout || !pending_.empty()) return;
  lock.unlock();
  try {
    write_({});
  } catch (StoreError const&) {
    // The next records meet it again, and then it is trouble.
  }
  lock.lock();
}

bool CommitQueue::next_group(Group& group) {
  std::unique_lock lock(mutex_);
  while (!group_ready()) {
    if (pending_.empty()) {
      wait_for_blocks(lock);
    } else if (changed_.wait_until(lock, oldest_pending_ + options_.interval) == std::cv_status::timeout) {
      break;
    }
  }
  std::size_t entries = 0;
  auto size = sizes_.end() - static_cast<std::ptrdiff_t>(pending_.size());
  while (!pending_.empty() && entries < options_.group_entries && group.bytes < transaction_.bytes()) {
    entries += pending_.front()->entries.size();
    group.bytes += *size++;
    group.blocks.push_back(std::move(pending_.front()));
    pending_.pop_front();
  }
  pending_entries_ -= entries;
  pending_bytes_ -= group.bytes;
  oldest_pending_ = Clock::now();
  return !group.blocks.empty();
}

/// @return false when the group could not be written until the very end.
bool CommitQueue::write(Group const& group) {
  auto delay = options_.first_retry;
  std::optional<Clock::time_point> deadline;
  for (;;) {
    try {
      auto const began = Clock::now();
      auto const syncing = write_(group.blocks);
      std::lock_guard const lock(mutex_);
      transaction_.learn(group.bytes, Clock::now() - began, syncing);
      trouble_.reset();
      return true;
    } catch (StoreError const& error) {
      if (!error.retryable()) throw;
      std::unique_lock lock(mutex_);
      if (closed_ && !deadline) deadline = Clock::now() + options_.give_up;
      if (deadline && Clock::now() >= *deadline) {
        failure_ = std::current_exception();
        return false;
      }
      lock.unlock();
      wait_to_retry(error.what(), delay, deadline);
      delay = std::min(delay * 2, options_.last_retry);
    }
  }
}

void CommitQueue::wait_to_retry(std::string reason, std::chrono::milliseconds delay,
                                std::optional<Clock::time_point> deadline) {
  {
    std::lock_guard const lock(mutex_);
    trouble_ = std::move(reason);
  }
  wake_();
  std::unique_lock lock(mutex_);
  auto until = Clock::now() + delay;
  if (deadline) until = std::min(until, *deadline);
  // Closing cuts the wait short once, so that stopping does not take as long as the last delay.
  changed_.wait_until(lock, until, [&] { return closed_ && !deadline; });
}

void CommitQueue::committed(Blocks group) {
  {
    std::lock_guard const lock(mutex_);
    written_ += group.size();
    done_.insert(done_.end(), std::make_move_iterator(group.begin()), std::make_move_iterator(group.end()));
  }
  wake_();
}

}  // namespace logboom::collector
