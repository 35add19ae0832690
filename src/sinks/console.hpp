// Prints committed records to a descriptor, from a thread of its own. When the reader is stuck (a full pipe, a stopped terminal) records are dropped
// rather than the store held up, and a line says how many. Must not know sockets or the store.
#pragma once

#include "record/formatter.hpp"
#include "sinks/sink.hpp"

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

namespace logboom::sinks {

class ConsoleSink final : public Sink {
 public:
  static constexpr std::size_t kMaxQueued = 4U << 20U;  // bytes of blocks waiting to be printed

  /// Begins the thread. @param descriptor stays open, is not closed.
  ConsoleSink(Formatter formatter, int descriptor, std::size_t max_queued = kMaxQueued);
  /// Prints what is queued if the reader takes it within a second.
  ~ConsoleSink() override;
  ConsoleSink(ConsoleSink const&) = delete;
  ConsoleSink& operator=(ConsoleSink const&) = delete;

  void take(std::shared_ptr<Block const> const& block) override;
  std::uint64_t dropped() const;

 private:
  struct Queued {
    std::shared_ptr<Block const> block;
    std::size_t size;           // as counted in queued_
    std::uint64_t lost_before;  // records dropped between the block before and this one
  };

  void run();
  bool print(Block const& block);
  bool print_lost(std::uint64_t count);
  bool write(std::string_view text);
  bool wait_writable();

  Formatter const formatter_;
  int const descriptor_;
  int const stop_;  // eventfd: wakes a write that waits for the reader
  std::size_t const max_queued_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Queued> queue_;
  std::size_t queued_ = 0;
  std::uint64_t dropped_ = 0;
  std::uint64_t lost_ = 0;  // of those, after the last block of the queue
  bool stopping_ = false;
  std::string text_;
  std::thread thread_;
};

}  // namespace logboom::sinks
