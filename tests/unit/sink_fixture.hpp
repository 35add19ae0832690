// Blocks for sinks, and a destination of which a test decides what it does.
#pragma once

#include "record/wire.hpp"
#include "sinks/queued_sink.hpp"

#include <condition_variable>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <utility>

namespace logboom::sinks {

struct Origin {
  std::string logger = "app";
  Level level = level::kInfo;
  std::string host = "here";
  std::string process = "worker";
};

inline void add_record(Block& block, std::string const& message, Origin const& origin = {}) {
  auto site = std::make_shared<Site>();
  site->logger = origin.logger;
  site->level = origin.level;
  site->level_name = level_name(origin.level);
  auto source = std::make_shared<Source>();
  source->host = origin.host;
  source->process = origin.process;
  wire::add_entry(block, site, source, 1, 0, message);
}

inline std::shared_ptr<Block const> block_of(int records, std::string const& message,
                                             Origin const& origin = {}) {
  auto block = std::make_shared<Block>();
  for (int i = 0; i < records; ++i) add_record(*block, message, origin);
  return block;
}

/// What a destination has got, and how it is to behave. Outlives the writers.
class Destination {
 public:
  void fail(std::string why) {
    change([&] { failing_ = std::move(why); });
  }
  void mend() {
    change([&] { failing_.clear(); });
  }
  void hold() {
    change([&] { held_ = true; });
  }
  void release() {
    change([&] { held_ = false; });
  }

  std::string text() const {
    std::lock_guard const lock(mutex_);
    return text_;
  }
  int opened() const {
    std::lock_guard const lock(mutex_);
    return opened_;
  }
  int reopened() const {
    std::lock_guard const lock(mutex_);
    return reopened_;
  }
  int attempts() const {
    std::lock_guard const lock(mutex_);
    return attempts_;
  }
  /// Returns when the condition, asked under the lock, holds after some change.
  template <typename Condition>
  void wait(Condition condition) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return condition(*this); });
  }
  bool entered() const { return attempts_ > 0; }  // for wait()
  bool has(std::string const& part) const { return text_.find(part) != std::string::npos; }
  int tries() const { return attempts_; }
  int openings() const { return opened_; }
  int reopenings() const { return reopened_; }

 private:
  friend class TestWriter;
  template <typename Change>
  void change(Change make) {
    std::lock_guard const lock(mutex_);
    make();
    changed_.notify_all();
  }

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::string text_;
  std::string failing_;
  bool held_ = false;
  int opened_ = 0;
  int reopened_ = 0;
  int attempts_ = 0;
};

class TestWriter final : public Writer {
 public:
  explicit TestWriter(Destination& to) : to_(to) {
    to_.change([&] { ++to_.opened_; });
  }
  void write(LogChunk& chunk) override {
    std::unique_lock lock(to_.mutex_);
    ++to_.attempts_;
    to_.changed_.notify_all();
    to_.changed_.wait(lock, [&] { return !to_.held_ || hurried_; });
    if (!to_.failing_.empty()) throw std::runtime_error(to_.failing_);
    if (to_.held_) throw std::runtime_error("nobody reads it");
    to_.text_ += chunk.bytes(0, chunk.size());
    chunk.clear();
    to_.changed_.notify_all();
  }
  void reopen() override {
    to_.change([&] { ++to_.reopened_; });
  }
  void hurry() noexcept override {
    to_.change([&] { hurried_ = true; });
  }

 private:
  Destination& to_;
  bool hurried_ = false;  // under the destination's mutex
};

inline QueuedSink::Plan plan_for(Destination& to, SinkOptions const& options) {
  QueuedSink::Plan plan;
  plan.options = options;
  plan.selector = std::make_shared<Selector const>(options.filter);
  plan.limiter = std::make_unique<Limiter>(options.limit);
  plan.formatter = Formatter::make(options.format);
  plan.open = [&to] { return std::make_unique<TestWriter>(to); };
  return plan;
}

inline std::unique_ptr<QueuedSink> sink_to(Destination& to, SinkOptions const& options,
                                           QueuedSink::Surroundings around = {}) {
  around.type = "test";
  around.slow = "the test is too slow";
  if (!around.replan) around.replan = [&to](SinkOptions const& other) { return plan_for(to, other); };
  return std::make_unique<QueuedSink>(plan_for(to, options), std::move(around));
}

}  // namespace logboom::sinks
