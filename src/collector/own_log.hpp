// What the collector says of itself: records of logger `logboom.collector`, and lines for the person at the terminal. Bounded and rate-limited, so that
// a flood of trouble does not become a flood of records. Must not know sockets or the store.
#pragma once

#include "record/block.hpp"

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace logboom::collector {

/// note() and tell() are safe from any thread; move_into() belongs to the intake.
class OwnLog {
 public:
  /// Each kind has its own limit, so that one does not drown the other.
  enum class Kind { kLife, kPublisher, kBadFrame, kControl, kGap, kStore, kAdoption, kSink, kInput, kAccess };
  static constexpr std::size_t kKinds = 10;
  // Records of a kind at once, then one in so many ns; the next one says how many were left out.
  static constexpr std::uint32_t kBurst = 50;
  static constexpr std::int64_t kEvery = 200'000'000;
  static constexpr std::size_t kMaxPending = 256;    // while the store does not take any
  static constexpr std::size_t kMaxMessage = 1'024;  // bytes of one; parts of it may come from strangers

  static constexpr char const* kLogger = "logboom.collector";  // of its records
  static constexpr char const* kProcess = "logboom";

  using Notice = std::function<void(std::string_view)>;
  using Now = std::function<std::int64_t()>;  // ns since the epoch

  OwnLog(std::string host, Level least, Notice notice, Now now);

  void note(Kind kind, Level level, std::string message);
  /// The same, and a line for the person.
  void tell(Kind kind, Level level, std::string message);

  /// Of note() and tell(): records below it are not made.
  void set_least(Level least) noexcept { least_.store(least, std::memory_order_relaxed); }

  bool empty() const;
  /// Adds what was noted to the block, as records.
  void move_into(Block& block);

 private:
  struct Pending {
    std::int64_t time;
    Level level;
    std::string message;
  };
  struct Budget {
    std::uint32_t left = kBurst;
    std::int64_t since = 0;
    std::uint64_t left_out = 0;
  };
  bool admit(Kind kind, std::int64_t now, std::string& message);
  std::shared_ptr<Site const> site(Level level);

  std::shared_ptr<Source const> const source_;
  std::atomic<Level> least_;
  Notice const notice_;
  Now const now_;
  mutable std::mutex mutex_;
  std::array<Budget, kKinds> budgets_{};
  std::vector<Pending> pending_;
  std::map<Level, std::shared_ptr<Site const>> sites_;
};

}  // namespace logboom::collector
