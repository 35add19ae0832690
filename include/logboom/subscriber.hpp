// Live records from a collector, with history joined on without a gap or a repeat.
#pragma once

#include <logboom/filter.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace logboom {

struct SubscriberOptions {
  std::string endpoint;  ///< "" = LOGBOOM_ENDPOINT, then the default (DESIGN.md, Endpoints)
  Filter filter;
  /// Start with what the store holds: everything from `filter.since` on, or the last `history` records. Needs the store's file to be readable from here.
  std::optional<std::size_t> history;
  bool replay = false;      ///< history from `filter.since` on
  std::string database;     ///< path of the store's file; "" = ask the collector
  bool refetch = true;      ///< read records that were missed live from the store, if it can be read
};

/// A viewer. Not thread-safe; `stop` may be called from any thread and from a signal handler's thread.
class LOGBOOM_API Subscriber {
 public:
  /// Connects in the background; a collector that is not there yet is waited for.
  /// @throws std::invalid_argument for a malformed endpoint or filter; StoreError when history was asked for by `database` and cannot be read.
  explicit Subscriber(SubscriberOptions options = {});
  ~Subscriber();
  Subscriber(Subscriber&&) noexcept;
  Subscriber& operator=(Subscriber&&) noexcept;

  /// The next record in the store's order. Blocks for `timeout` at most. Nothing on time-out or after stop().
  std::optional<Record> next(std::chrono::milliseconds timeout);

  /// True once the collector answered the sync, so that no later record can be missed. Blocks for `timeout` at most.
  bool wait_until_live(std::chrono::milliseconds timeout);

  /// Records that were published but never reached this viewer and could not be read from the store either. Since construction.
  std::uint64_t missed() const noexcept;

  void stop() noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace logboom
