// Committing blocks to the store or to nowhere. Must not know sockets or threads.
#include "collector/commit_target.hpp"

#include <logboom/query.hpp>

#include <utility>

namespace logboom::collector {

CommitTarget::CommitTarget(std::string const& database, RetentionOptions const& retention,
                           std::function<void(std::string)> notice) {
  if (database.empty()) return;
  options_.retention = retention;
  options_.notice = std::move(notice);
  writer_ = std::make_unique<store::StoreWriter>(database, options_);
  path_ = writer_->path();
}

std::vector<Progress> CommitTarget::ledger() const {
  return writer_ ? writer_->ledger() : std::vector<Progress>{};
}

std::int64_t CommitTarget::last_id() const noexcept { return writer_ ? writer_->last_id() : 0; }

void CommitTarget::write(std::span<std::unique_ptr<Block> const> blocks) {
  if (path_.empty()) return number(blocks);
  if (!writer_) reopen();
  try {
    writer_->write(blocks);
  } catch (StoreError const& error) {
    if (error.kind() != StoreError::Kind::kMoved) throw;
    leave();
    reopen();
    writer_->write(blocks);
  }
}

void CommitTarget::leave() {
  // What a publisher sends again because its ack was lost is not to be stored a second time, in the new file.
  carried_ = std::make_unique<Block>();
  try {
    carried_->progress = writer_->ledger();
  } catch (StoreError const&) {
    carried_.reset();  // this collector's own memory of it still holds
  }
  // Ids of a store of many files are never given twice.
  if (options_.retention.many_files()) options_.least_id = writer_->last_id() + 1;
  auto where = writer_->leave();
  writer_.reset();
  std::lock_guard const lock(mutex_);
  left_ = std::move(where);
}

void CommitTarget::reopen() {
  try {
    auto fresh = std::make_unique<store::StoreWriter>(path_, options_);
    if (carried_) fresh->write({&carried_, 1});
    carried_.reset();
    writer_ = std::move(fresh);
    ++reopened_;
  } catch (StoreError const& error) {
    // Whoever moved the file may be about to put another in its place, or the directory is not back yet.
    if (error.kind() == StoreError::Kind::kLocked || error.retryable()) throw;
    throw StoreError(error.what(), StoreError::Kind::kTransient);
  }
}

std::string CommitTarget::left() const {
  std::lock_guard const lock(mutex_);
  return left_;
}

void CommitTarget::number(std::span<std::unique_ptr<Block> const> blocks) {
  for (auto const& block : blocks) {
    block->first_id = numbered_ + 1;
    numbered_ += static_cast<std::int64_t>(block->entries.size());
  }
}

}  // namespace logboom::collector
