#include "store/checkpointer.hpp"

#include "posix/background_thread.hpp"
#include "posix/fault_point.hpp"

#include <SQLiteCpp/Database.h>
#include <sqlite3.h>

namespace logboom::store {
Checkpointer::Checkpointer(std::string const& path)
    : db_(std::make_unique<SQLite::Database>(path, SQLite::OPEN_READWRITE | SQLite::OPEN_NOMUTEX)) {
  db_->exec("PRAGMA synchronous=FULL");
  // Reading the header makes this connection one of the log's; it needs no cache, checkpoints go round it.
  db_->exec("PRAGMA cache_size=8; PRAGMA user_version");
  thread_ = posix::background_thread("logboom-check", [this] { run(); });
}

Checkpointer::~Checkpointer() {
  {
    std::lock_guard const guard(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void Checkpointer::request() {
  {
    std::lock_guard const guard(mutex_);
    if (wanted_) return;
    wanted_ = true;
  }
  changed_.notify_all();
}

void Checkpointer::wait_idle() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return !wanted_ && !running_; });
}

bool Checkpointer::busy() {
  std::lock_guard const guard(mutex_);
  return wanted_ || running_;
}

void Checkpointer::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return wanted_ || stop_; });
    if (stop_) return;
    wanted_ = false;
    running_ = true;
    lock.unlock();
    fault_point("checkpoint.begin");
    sqlite3_wal_checkpoint_v2(db_->getHandle(), "main", SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
    fault_point("checkpoint.end");
    lock.lock();
    running_ = false;
    changed_.notify_all();
  }
}

}  // namespace logboom::store
