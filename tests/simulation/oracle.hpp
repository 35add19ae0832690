// What is true: each record whose log call returned, what became of it in every store, and what must never be. Must not know how anything is delivered.
#pragma once

#include "dice.hpp"

#include "record/block.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace logboom::simulation {

struct StreamKey {
  PublisherId publisher{};
  std::uint64_t stream = 0;
  auto operator<=>(StreamKey const&) const = default;
};

/// The records that were logged. One for each schedule.
class Oracle {
 public:
  struct Logged {
    std::string name;           // of the publisher and stream, for people
    std::vector<bool> dropped;  // by number − 1: the log call returned, and there was no room
  };

  /// Its log call returned. @return its number
  std::uint64_t logged(StreamKey const& key, bool dropped);
  void name(StreamKey const& key, std::string text) { streams_[key].name = std::move(text); }
  /// How the text of a record begins.
  static std::string text(StreamKey const& key, std::uint64_t number);

  std::map<StreamKey, Logged> const& streams() const { return streams_; }
  Logged const* find(StreamKey const& key) const;
  std::uint64_t count() const { return count_; }

  /// The first thing that was not as it must be; it ends the schedule.
  std::string problem;
  void fail(std::string what) {
    if (problem.empty()) problem = std::move(what);
  }
  /// Losses that no publisher declared are possible: of an upstream spool that was full, or of a power cut.
  bool upstream_losses = false, unsaid_losses = false;
  /// Collectors that forward: they number what comes without a number, such as what a collector says of itself.
  std::set<PublisherId> forwarders;
  /// Publishers turn from one collector to another, so that one finds records lost that the other has.
  bool several_collectors = false;
  /// Frames may leave before their transaction: of a collector that came back with an empty store, which does not say what of its spool is of none, or lost its id with a power cut, or waits for room in the spool.
  bool hub_may_lead = false;
  /// Records of a stream come to a store by several ways, in no order.
  bool several_ways = false;

 private:
  std::map<StreamKey, Logged> streams_;
  std::uint64_t count_ = 0;
};

/// A collector's store: what is in it outlives the collector. Transactions are all or nothing; that is SQLite's part. Checks each against the oracle.
class Store {
 public:
  /// Faults of a store that the oracle has to notice.
  struct Mutations {
    bool ledger_outside = false;     // rows of the ledger are written some time later
    bool gaps_forgotten = false;     // gaps are not written
    bool missing_forgotten = false;  // the ledger's row says only how far the stream is
  };
  Store(Oracle& oracle, std::string name, Mutations mutations, Dice& dice)
      : oracle_(&oracle), name_(std::move(name)), mutations_(mutations), dice_(&dice) {}

  /// A hub's has nothing that no other has.
  void comes_after(std::function<bool(StreamKey const&, std::uint64_t)> others) {
    others_ = std::move(others);
  }

  /// One transaction.
  void write(std::span<std::unique_ptr<Block> const> blocks);
  std::vector<Progress> ledger() const;
  std::optional<Progress> progress(PublisherId const& id, std::uint64_t stream) const;
  std::uint64_t committed(StreamKey const& key) const;
  std::uint64_t rows() const { return rows_; }
  std::string const& name() const { return name_; }

  enum class Fate : std::uint8_t { kNone, kStored, kDeclared };
  Fate fate(StreamKey const& key, std::uint64_t number) const;
  /// Each number up to what the ledger says is stored, declared or known to be missing; none above is anything.
  void verify() const;

 private:
  struct Stream {
    std::vector<Fate> fates;  // by number − 1
    std::uint64_t last_stored = 0;
  };

  void mark(StreamKey const& key, std::uint64_t number, Fate fate);
  void take(Block const& block);
  void settle_gaps(Block const& block);
  void advance(Progress const& progress);
  std::string where(StreamKey const& key, std::uint64_t number) const;

  Oracle* oracle_;
  std::string name_;
  Mutations mutations_;
  std::function<bool(StreamKey const&, std::uint64_t)> others_;
  Dice* dice_;
  std::map<StreamKey, Stream> streams_;
  std::map<StreamKey, Progress> ledger_;
  std::vector<Progress> late_;  // ledger rows that are to be written yet: a mutation
  std::uint64_t rows_ = 0;
};

}  // namespace logboom::simulation
