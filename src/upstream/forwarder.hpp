// The upstream sink: what a collector commits goes on to another collector, exactly once (docs/protocol.md, "Forwarding"). The store's thread appends to the spool, a thread of its
// own delivers from there. Must not know the store, the intake or configuration files.
#pragma once

#include "delivery/endpoint.hpp"
#include "delivery/speaker.hpp"
#include "publisher/collector_link.hpp"
#include "record/block.hpp"
#include "record/wire.hpp"
#include "sinks/selector.hpp"
#include "upstream/appender.hpp"
#include "upstream/forward_feed.hpp"
#include "upstream/forward_spool.hpp"
#include "upstream/loss_file.hpp"

#include <logboom/sinks.hpp>

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <zmq.hpp>

namespace logboom::upstream {

class Forwarder {
 public:
  static constexpr std::int64_t kFailing =
      3'000;  // ms without a welcome, then it is said that the other collector does not answer
  static constexpr std::int64_t kNoProgress = 1'000;  // ms: stop() waits no longer for a hub that takes nothing
  static constexpr std::int64_t kLongestStop = 5'000;  // ms

  struct Surroundings {
    std::string host;
    std::vector<std::string> serves;  // the collector's own addresses, as given: they tell its spool from another collector's
    bool stored = true;  // there is a store as well
    /// What a person should know. Any thread; must not throw or block.
    std::function<void(Level, std::string line)> report;
  };

  /// @throws std::invalid_argument (endpoint, filter), std::system_error and spool::SpoolError (the spool)
  Forwarder(SinkOptions const& options, Surroundings surroundings);
  ~Forwarder();
  Forwarder(Forwarder const&) = delete;
  Forwarder& operator=(Forwarder const&) = delete;

  /// Who says the hellos: frames that come back from it are this collector's own.
  PublisherId const& id() const noexcept { return spool_.id(); }
  std::string const& name() const noexcept { return name_; }

  /// What the store's ledger has of id() says how far its transactions came: what the spool has beyond was in none, and comes again.
  /// Before start(). @throws std::system_error
  void reconcile(std::span<Progress const> ledger);
  /// How far the spool is: to be in the same transaction as what was appended.
  Progress progress() const { return {spool_.id(), spool_.stream(), spool_.last()}; }

  /// Begins to deliver.
  void start();
  /// What a commit is about to make durable. It is sent when committed() says that it did. One thread. @throws StoreError (kTransient) when the spool is full and the collector is to wait: the same call is to be repeated, and goes on where it was
  void append(std::span<std::unique_ptr<Block> const> blocks);
  void committed();
  /// Nothing is appended any more. Delivers what is there while the other collector takes it, for some seconds at most; the rest stays in the spool.
  void stop() noexcept;
  /// After stop(): the other collector has stored everything and was told goodbye; there is nothing left in the spool that anybody needs.
  bool finished() const noexcept { return finished_; }

  SinkStatus status() const;

 private:
  Appender::Options appending() const;
  Appender::Hooks hooks();

  // The delivering thread.
  void run();
  void watch_connection(std::int64_t now);
  bool over(std::int64_t now);
  void wait(bool worked);
  void failed(std::string line);
  void count();

  void wake() const noexcept;

  SinkOptions const options_;
  Surroundings const around_;
  std::vector<delivery::Endpoint> const endpoints_;
  std::string const name_;
  sinks::Selector const selector_;
  ForwardSpool spool_;
  LossFile losses_;
  wire::Publisher const self_;
  Appender appender_;

  // The delivering thread's own.
  zmq::context_t context_{1};
  ForwardFeed feed_;
  std::optional<publisher::CollectorLink> link_;
  std::optional<delivery::Speaker> speaker_;
  bool welcomed_ = false, said_ = false;
  std::int64_t silent_since_ = 0;
  std::int64_t progressed_ = 0, stop_by_ = 0;
  std::uint64_t acked_before_ = 0;

  int const wake_;  // eventfd
  std::atomic<bool> stopping_ = false;
  std::atomic<bool> finished_ = false;
  std::atomic<std::uint64_t> sent_ = 0, acked_ = 0;
  mutable std::mutex mutex_;
  SinkStatus trouble_;  // failures, last_error, last_error_time, failing
  std::thread thread_;
};

}  // namespace logboom::upstream
