// A sink with a queue and a thread of its own: selects records, turns them into lines, and has them written. A slow or failing destination is waited for and tried
// again; what finds no room in the queue meanwhile is dropped and counted, and a line of the output says how many. Must not know what the destination is.
#pragma once

#include "record/formatter.hpp"
#include "sinks/limiter.hpp"
#include "sinks/selector.hpp"
#include "sinks/sink.hpp"
#include "sinks/writer.hpp"

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace logboom::sinks {

class QueuedSink final : public Sink {
 public:
  static constexpr std::chrono::milliseconds kFirstPause{
      100};  // after a failure; twice the last one after each more
  static constexpr std::chrono::milliseconds kLongestPause{5'000};
  static constexpr std::size_t kChunkTarget = 64U << 10U;  // bytes of lines that are written at once
  static constexpr std::chrono::milliseconds kTick{1'000};

  /// How records become lines, and where these go. All that a reload may change of a sink.
  struct Plan {
    SinkOptions options;  // with its name
    std::shared_ptr<Selector const> selector;
    std::unique_ptr<Limiter> limiter;
    std::optional<Formatter> formatter;             // not set: records are counted, and no lines made
    std::unique_ptr<Writer> writer;                 // not set: the one that is there, or `open` makes it
    std::function<std::unique_ptr<Writer>()> open;  // makes a new writer, when the old one is gone; may throw
  };
  enum class Trouble { kFailing, kMended, kDropped };
  using Replan = std::function<Plan(SinkOptions const&)>;

  struct Surroundings {
    std::string type;
    std::string slow;  // what to say of the destination when it does not keep up: "the reader of this output is too slow"
    std::string host;     // of the collector, for the line about dropped records
    bool stored = true;   // records are in the store as well
    bool header = false;  // begins with the format's header; if not, that is the writer's business
    /// Told what happens to the destination, by the sink's thread. Must not throw.
    std::function<void(Trouble trouble, std::string line)> trouble;
    /// The plan for other options for the same destination. Not set: the sink cannot be reconfigured.
    Replan replan;
  };

  /// Begins the thread.
  QueuedSink(Plan plan, Surroundings surroundings);
  ~QueuedSink() override;
  QueuedSink(QueuedSink const&) = delete;
  QueuedSink& operator=(QueuedSink const&) = delete;

  void take(std::shared_ptr<Block const> const& block) override;
  SinkStatus status() const override;
  void reopen() override;
  bool reconfigure(SinkOptions const& options) override;
  void close() override;

 private:
  struct Lost {
    std::uint64_t count = 0;
    std::string reason;
  };
  struct Queued {
    std::shared_ptr<Block const> block;
    std::size_t size;     // as counted in queued_bytes
    std::size_t records;  // as counted in queued
    Lost lost_before;     // dropped between the block before and this one
  };
  using Clock = std::chrono::steady_clock;
  using Lock = std::unique_lock<std::mutex>;

  void run();
  void wait(Lock& lock);
  void follow_orders(Lock& lock);
  void add_header();
  void process(Queued const& next);
  void add(Record const& record);
  void add_lost(Lost const& lost);
  void add_line(std::string const& line, std::uint64_t count);
  void flush();
  bool try_write();
  bool pause();
  void note_failure(std::string error);
  void note_written(std::size_t records);
  void note_success();
  void tick();
  void abandon(std::uint64_t records);

  Surroundings const around_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Queued> queue_;
  Lost lost_;  // after the last block of the queue
  SinkStatus status_;
  std::size_t max_queued_;
  std::shared_ptr<Selector const> selector_;  // what take() asks; the thread takes it with each block
  std::optional<Plan> plan_;                  // to be followed from the next block on
  bool reopen_ = false;
  bool stopping_ = false;
  bool given_up_ = false;  // at the end: the destination takes nothing more

  std::vector<bool> taken_;  // of take(): kept to reuse its memory

  // The thread's own.
  std::unique_ptr<Limiter> limiter_;
  std::optional<Formatter> formatter_;
  bool shows_suppressed_ = false;
  std::unique_ptr<Writer> writer_;  // changed under the mutex: close() speaks to it
  std::function<std::unique_ptr<Writer>()> open_;
  std::vector<bool> selected_;
  LogChunk chunk_;
  bool notice_ = false;  // what is in the chunk is no record, but says that some are missing
  Clock::time_point next_tick_{};
  std::chrono::milliseconds pause_{0};  // before the next attempt; 0: the last one succeeded

  std::mutex closing_;
  std::thread thread_;
};

}  // namespace logboom::sinks
