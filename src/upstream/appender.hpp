// The appending half of a forwarder: what a commit is about to make durable becomes frames in the spool, or losses that are declared when there is room again.
// Must not know threads' loops, sockets or the delivery protocol.
#pragma once

#include "record/block.hpp"
#include "record/forward.hpp"
#include "sinks/selector.hpp"
#include "upstream/forward_spool.hpp"
#include "upstream/loss_file.hpp"

#include <logboom/level.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

namespace logboom::upstream {

class Appender {
 public:
  struct Options {
    std::string name;               // of the sink, for people
    std::string host;               // of the collector
    bool waits = false;             // when the spool is full; else what comes is lost to the other collector
    bool stored = true;             // there is a store as well
    std::uint64_t spool_bytes = 0;  // its bound, for people
  };
  /// Any thread; must not throw or block.
  struct Hooks {
    std::function<void()> wake;                           // there is something to deliver
    std::function<void(std::string line)> failed;         // the spool is full
    std::function<void(std::string line)> recovered;      // it is not any more
    std::function<void(Level, std::string line)> report;  // what else a person should know
    std::function<std::int64_t()> clock;                  // ns since the epoch
  };

  /// What it refers to outlives it.
  Appender(ForwardSpool& spool, LossFile& losses, sinks::Selector const& selector, Options options,
           Hooks hooks);

  /// See Forwarder::reconcile().
  void reconcile(std::span<Progress const> ledger);

  // One thread.
  /// See Forwarder::append(). @throws StoreError (kTransient)
  void append(std::span<std::unique_ptr<Block> const> blocks);
  void committed();

  // Another one.
  /// When nothing more comes to be appended. Not amid a commit: what stands after its frames is taken back with them. @param now monotonic ms
  void declare_quietly(std::int64_t now);

  // Any thread.
  bool losing() const noexcept { return losing_; }  // something lost is not declared yet
  std::uint64_t filtered() const noexcept { return filtered_.load(std::memory_order_relaxed); }
  std::uint64_t dropped() const noexcept { return dropped_.load(std::memory_order_relaxed); }

 private:
  struct Encoded {
    std::vector<std::byte> contents;
    std::uint32_t records = 0;
    std::vector<wire::ForwardBuilder::Part> parts;
  };

  void encode(Block const& block);
  bool passes(Block const& block, std::size_t index) const;
  void finish_frame();
  void store_frames();
  bool declare_losses();
  void lose(Encoded const& frame);
  [[noreturn]] void refuse();

  ForwardSpool& spool_;
  LossFile& losses_;
  sinks::Selector const& selector_;
  Options const options_;
  Hooks const hooks_;

  std::mutex appending_;  // what is appended, by the thread that commits or, of losses, by the one that delivers
  bool committing_ = false;           // something was appended and not committed yet
  std::atomic<bool> losing_ = false;  // there is something in losses_
  bool full_ = false;
  bool losing_now_ = false;  // of the transaction that is being made a frame was lost

  // The appending thread's own.
  wire::ForwardBuilder builder_;
  std::vector<bool> selected_;  // of a block
  std::uint64_t plain_ = 0;     // number of the last record that came without one
  std::deque<Encoded> frames_;

  std::int64_t declare_again_ = 0;  // the other thread's own
  std::atomic<std::uint64_t> filtered_ = 0, dropped_ = 0;
};

}  // namespace logboom::upstream
