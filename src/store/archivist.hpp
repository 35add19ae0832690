// Looks after a store's closed files, and makes the next one, on a thread of its own, so that the writer does not wait for it.
// Must not know records or when a file is full.
#pragma once

#include "store/retention_plan.hpp"

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace logboom::store {

/// What fails is said through `notice` (not twice in a row), and tried again 10 s later (sooner where files are to live for seconds). Its methods are the writer's.
class Archivist {
 public:
  using Notice = std::function<void(std::string)>;  // one line for people; called by the archivist's thread
  using Now = std::function<std::int64_t()>;        // seconds since the epoch

  /// The current file, as far as it matters to those before it.
  struct Current {
    std::int64_t first_id = 1;
    std::int64_t begun = 0;
  };

  /// @param most_streams of a ledger (next_file.hpp). @throws std::system_error (no thread)
  Archivist(std::string path, RetentionPlan plan, Current current, std::uint64_t most_streams, Now now,
            Notice notice);
  ~Archivist();  // the step under way ends soon
  Archivist(Archivist const&) = delete;
  Archivist& operator=(Archivist const&) = delete;

  /// Asks for the next file (next_file.hpp), made of the current one. Does not wait.
  void prepare();
  bool ready() const;
  bool wanted() const;
  /// The next file was used, or is no good.
  void rotated(Current current);
  /// Takes what is to be destroyed when there is time: closing a file frees the space of its log.
  void destroy(std::shared_ptr<void> what);
  /// Asks for a look at the closed files; now and then there is one unasked.
  void look();
  /// Waits until nothing is left to do, but for what failed.
  void wait_idle();

 private:
  enum class Next { kNone, kWanted, kReady };

  void run();
  bool make_if_wanted();
  void make();
  void look_after();
  bool remove_old();
  bool finish_one();
  bool attempt(std::function<void()> const& work);

  std::string const path_;
  RetentionPlan const plan_;
  std::uint64_t const most_streams_;
  Now const now_;
  Notice const notice_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  Current current_;
  Next next_ = Next::kNone;
  bool look_ = true;
  bool working_ = false;
  bool waits_ = false;  // for the time to try again
  std::vector<std::shared_ptr<void>> done_with_;
  std::atomic<bool> stop_ = false;

  // Its thread's own.
  std::set<std::int64_t> finished_;
  std::string last_notice_;

  std::thread thread_;
};

}  // namespace logboom::store
