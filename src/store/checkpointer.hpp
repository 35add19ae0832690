// Moves committed pages from the write-ahead log to the store's file, on a thread and a connection of its own, so that commits
// do not wait for it. Must not know what the store holds.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

namespace SQLite {
class Database;
}

namespace logboom::store {

/// Checkpoints are PASSIVE: they wait for nobody and nobody waits for them. One that fails is tried again at the next
/// request; until then the pages stay in the log, where they are safe.
class Checkpointer {
 public:
  /// @throws SQLite::Exception, std::system_error (no thread)
  explicit Checkpointer(std::string const& path);
  ~Checkpointer();  // waits for a checkpoint that runs
  Checkpointer(Checkpointer const&) = delete;
  Checkpointer& operator=(Checkpointer const&) = delete;

  /// Asks for a checkpoint soon. Does not wait.
  void request();
  /// Waits until no checkpoint runs or is asked for.
  void wait_idle();
  /// One runs or is asked for.
  bool busy();

 private:
  void run();

  std::unique_ptr<SQLite::Database> db_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool wanted_ = false;
  bool running_ = false;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace logboom::store
