// What all processes of a schedule have, and what they share. Must not know what any of them does.
#pragma once

#include "dice.hpp"
#include "disk.hpp"
#include "faults.hpp"
#include "network.hpp"
#include "oracle.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace logboom::simulation {

/// Faults of what is around the protocol (the order of steps, the store, who speaks with which numbers): the oracle has to notice each. Faults of the protocol's own sources are in mutations.txt.
enum class Mutation : std::uint8_t {
  kNone,
  kAckBeforeCommit,
  kLedgerOutsideTransaction,
  kGapNotPersisted,
  kMissingNotPersisted,
  kStoreBeforeSpool,      // a forwarder's frames are appended after the commit
  kSendBeforeCommit,      // frames leave before the transaction that they are of
  kLedgerNotLoaded,       // a collector that comes back knows nothing
  kAdopterUnderNewName,   // and speaks under an id of its own
  kSpoolRemovedTooEarly,  // once all is sent
  kCount
};

/// The world as a process sees it.
struct World {
  Dice& dice;
  FaultSet const& faults;
  Disk& disk;
  Network& network;
  Oracle& oracle;
  Mutation mutation = Mutation::kNone;
  std::int64_t now = 0;
  bool faulty = true;                          // later nothing fails any more
  bool logging = true;                         // later nothing is logged any more
  std::vector<std::unique_ptr<Store>> stores;  // of all collectors, those that were replaced as well
  std::function<void(std::string const& who, std::string what)> note;  // set only when somebody reads it

  /// Somewhere, for good.
  bool durable(StreamKey const& key, std::uint64_t number) const {
    for (auto const& store : stores) {
      if (store->fate(key, number) != Store::Fate::kNone) return true;
    }
    return false;
  }
  /// All numbers below `end` are. Says so to the oracle if not.
  void expect_durable(StreamKey const& key, std::uint64_t end, std::string_view who_says) const;
};

class Process {
 public:
  Process(World& world, std::string name, std::string directory)
      : life(std::move(directory), world.dice), world_(world), name_(std::move(name)) {}
  virtual ~Process() = default;
  Process(Process const&) = delete;
  Process& operator=(Process const&) = delete;

  /// @return whether something came or went
  virtual bool step(std::int64_t now) = 0;
  /// When something arrives for it next.
  virtual std::int64_t next_arrival() const = 0;
  std::string const& name() const { return name_; }

  Life life;
  std::int64_t next_step = 0;
  std::int64_t stopped_until = 0;
  std::int64_t killed_at = INT64_MAX;  // at the latest

 protected:
  void note(std::string what) const {
    if (world_.note) world_.note(name_, std::move(what));
  }
  bool noted() const { return static_cast<bool>(world_.note); }

  World& world_;

 private:
  std::string name_;
};

}  // namespace logboom::simulation
