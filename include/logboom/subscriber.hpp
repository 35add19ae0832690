// Live records from a collector, with history joined on without a gap or a repeat.
#pragma once

#include <logboom/filter.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>

namespace logboom {

/// The collector does not let this viewer in, or its keys cannot be used: one line with the reason and the mend.
class LOGBOOM_API RefusedError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct SubscriberOptions {
  std::string endpoint;          ///< "" = LOGBOOM_ENDPOINT, then the default (DESIGN.md, Endpoints)
  std::string curve_server_key;  ///< public key of the collector, or a file of it; "" = LOGBOOM_CURVE_SERVER_KEY, then none: the connection is not encrypted
  std::string curve_secret;  ///< file of this viewer's secret key (`logboom keygen -o FILE`); "" = LOGBOOM_CURVE_SECRET
  Filter filter;
  /// Begin with the newest `history` records that pass; with everything that passes if `replay`. Both: the newest of those.
  /// Needs the store's file to be readable from here.
  std::optional<std::size_t> history;
  bool replay = false;
  std::string database;  ///< path of the collector's store, if it is another here than there; "" = as the collector says
  bool refetch = true;  ///< read records that were missed live from the store, if it can be read
  /// Not 0: end once at least so many publishers have come and all have left (said bye, or died and had their spool read; where the collector reads no spools: or are gone). Counted are those that are there
  /// when this viewer goes live or come later; with history also those that came before in the collector's present run. A publisher of this very process is
  /// not waited for. What they logged, and the collector stored, is seen before the end. Plain records have no publisher; an older collector does not tell.
  std::size_t until_idle = 0;
};

/// A viewer of one collector: the first that `endpoint` names. For one thread at a time; stop(), finish(), stopped(), ended() and missed() for any.
class LOGBOOM_API Subscriber {
 public:
  /// Connects in the background; a collector that is not there yet is waited for.
  /// @throws std::invalid_argument for a malformed endpoint or filter; StoreError when history was asked for by `database` and cannot be read.
  explicit Subscriber(SubscriberOptions options = {});
  ~Subscriber();
  Subscriber(Subscriber&&) noexcept;
  Subscriber& operator=(Subscriber&&) noexcept;

  /// The next record in the store's order. Blocks for `timeout` at most, or some milliseconds if the store is being read; a search of it goes on with the next call.
  /// (`filter.since` is found in the store first, in one go: some milliseconds for ten million records; 0.1 s for some million in a file of schema version 3 or older.) Nothing on time-out, after stop() and at the end (see
  /// ended()).
  /// @throws RefusedError when the collector does not let this viewer in; it is tried again with later calls, at most once a second. StoreError when history was asked for and the store that the collector names cannot be read from here, or `database` is another file than this host's collector writes; live records go on with the next call.
  std::optional<Record> next(std::chrono::milliseconds timeout);

  /// True once the collector answered the sync, so that no later record can be missed. Blocks for `timeout` at most.
  /// @throws RefusedError, StoreError as next()
  bool wait_until_live(std::chrono::milliseconds timeout);

  /// Records that were published but never reached this viewer and could not be read from the store either. Since construction.
  std::uint64_t missed() const noexcept;

  /// All publishers have left and all they logged was returned (SubscriberOptions::until_idle): nothing more will come.
  bool ended() const noexcept;

  /// To be called when the processes whose records are wanted have ended: from now on the end comes once no publisher is there (but this process's), however many came.
  /// For a program that knows its workers, in place of a number in until_idle. From any thread, and async-signal-safe.
  void finish() noexcept;

  /// Makes next() and wait_until_live() return at once, now and later. From any thread, and async-signal-safe.
  void stop() noexcept;
  bool stopped() const noexcept;

 private:
  struct LOGBOOM_HIDDEN Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace logboom
