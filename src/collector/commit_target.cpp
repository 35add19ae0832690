// Committing blocks to the store or to nowhere. Must not know sockets or threads.
#include "collector/commit_target.hpp"

#include "store/damaged_file.hpp"

#include <logboom/query.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

namespace logboom::collector {

namespace {

namespace fs = std::filesystem;

/// As the store's writer names it.
std::string absolute_path(std::string const& path) {
  std::error_code failed;
  auto const canonical = fs::weakly_canonical(fs::absolute(path, failed), failed);
  return failed ? path : canonical.string();
}

bool is_empty(std::string const& path) {
  std::error_code missing;
  return fs::file_size(path, missing) == 0 && !missing;
}

}  // namespace

CommitTarget::CommitTarget(std::string const& database, RetentionOptions const& retention,
                           std::function<void(std::string)> const& notice) {
  if (database.empty()) return;
  options_.retention = retention;
  options_.notice = notice;
  options_.damage = [this, notice](std::string line) {
    ++mended_;
    notice(std::move(line));
  };
  open(absolute_path(database));
  path_ = writer_->path();
  if (set_aside_ > 0) notice(fmt::format("{}: {}", path_, left()));
}

/// A file that is damaged is set aside if it was a store: what else stands there is somebody's, and left alone.
void CommitTarget::open(std::string const& database) {
  std::error_code missing;
  bool const written_before = fs::exists(database + ".lock", missing);
  if (written_before && is_empty(database)) {
    options_.damage(fmt::format(
        "{} was a store and is damaged: it is empty; what was in it is gone, and a fresh one begins", database));
  }
  try {
    writer_ = std::make_unique<store::StoreWriter>(database, options_);
  } catch (StoreError const& error) {
    if (error.kind() != StoreError::Kind::kDamaged) throw;
    if (!store::was_a_store(database)) throw;
    set_aside(database, error.what());
    auto fresh = std::make_unique<store::StoreWriter>(database, options_);
    if (carried_) fresh->write({&carried_, 1});
    carried_.reset();
    writer_ = std::move(fresh);
  }
}

std::vector<Progress> CommitTarget::ledger(std::size_t most) const {
  return writer_ ? writer_->ledger(most) : std::vector<Progress>{};
}

std::int64_t CommitTarget::last_id() const noexcept { return writer_ ? writer_->last_id() : 0; }

std::chrono::nanoseconds CommitTarget::commit_took() const noexcept {
  return writer_ ? writer_->commit_took() : std::chrono::nanoseconds{0};
}

void CommitTarget::write(std::span<std::unique_ptr<Block> const> blocks) {
  if (path_.empty()) return number(blocks);
  if (!writer_) reopen();
  try {
    writer_->write(blocks);
  } catch (StoreError const& error) {
    if (error.kind() == StoreError::Kind::kMoved) {
      leave();
    } else if (error.kind() == StoreError::Kind::kDamaged) {
      options_.least_id = std::max(options_.least_id, writer_->last_id() + 1);
      writer_.reset();
      set_aside(path_, error.what());
    } else {
      throw;
    }
    reopen();
    writer_->write(blocks);
  }
}

void CommitTarget::leave() {
  // What a publisher sends again because its ack was lost is not to be stored a second time, in the new file.
  carried_ = std::make_unique<Block>();
  try {
    carried_->progress = writer_->ledger(store::kMostStreams);
  } catch (StoreError const&) {
    carried_.reset();  // this collector's own memory of it still holds
  }
  // Ids of a store of many files are never given twice.
  if (options_.retention.many_files()) options_.least_id = writer_->last_id() + 1;
  auto where = writer_->leave();
  writer_.reset();
  say_left("the file or its -wal was moved or removed while it was written, and opened anew; " + where);
}

/// The fresh file knows of what the damaged one had, as far as that can be read, so that nothing is stored in both, and goes on with ids behind its own.
void CommitTarget::set_aside(std::string const& path, std::string const& reason) try {
  auto aside = store::set_aside(path);
  auto& salvaged = aside.salvaged;
  options_.least_id = std::max(options_.least_id, salvaged.last_id + 1);
  carried_ = std::make_unique<Block>();
  carried_->progress = std::move(salvaged.ledger);
  ++set_aside_;
  say_left(fmt::format(
      "it is damaged, and kept as {}; a fresh one is begun that knows of {} streams and goes on with "
      "record {}; `logboom repair {}` salvages what can be read. ({})",
      aside.kept, carried_->progress.size(), options_.least_id, aside.kept, reason));
} catch (std::system_error const& error) {
  throw StoreError(fmt::format("{} is damaged ({}) and cannot be set aside: {}; move it away", path, reason,
                               error.what()));
}

void CommitTarget::say_left(std::string what) {
  std::lock_guard const lock(mutex_);
  left_ = std::move(what);
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
