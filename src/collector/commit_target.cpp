// Committing blocks to the store or to nowhere. Must not know sockets or threads.
#include "collector/commit_target.hpp"

#include <logboom/query.hpp>

namespace logboom::collector {

CommitTarget::CommitTarget(std::string const& database) {
  if (database.empty()) return;
  writer_ = std::make_unique<store::StoreWriter>(database);
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
    reopen();
    writer_->write(blocks);
  }
}

void CommitTarget::reopen() {
  writer_.reset();
  try {
    writer_ = std::make_unique<store::StoreWriter>(path_);
    ++reopened_;
  } catch (StoreError const& error) {
    // Whoever moved the file may be about to put another in its place, or the directory is not back yet.
    if (error.kind() != StoreError::Kind::kUnusable) throw;
    throw StoreError(error.what(), StoreError::Kind::kTransient);
  }
}

void CommitTarget::number(std::span<std::unique_ptr<Block> const> blocks) {
  for (auto const& block : blocks) {
    block->first_id = numbered_ + 1;
    numbered_ += static_cast<std::int64_t>(block->entries.size());
  }
}

}  // namespace logboom::collector
