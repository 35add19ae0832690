// What may go wrong in a schedule. Each kind can be left out, which is how a failing schedule is made smaller.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace logboom::simulation {

enum class Fault : std::uint8_t {
  kLoss,       // a batch does not arrive, the connection stands
  kDuplicate,  // a batch arrives once more, later
  kLate,       // what was under way when a connection ended arrives all the same, after younger ones
  kCut,        // a connection ends, and both sides are told
  kHalfOpen,  // one direction of a connection, or both, carries nothing any more, and nobody is told for seconds
  kKillPublisher,  // at any act: a write to the disk, a message
  kKillAdopter,
  kKillCollector,
  kKillHub,
  kFreshStore,  // a collector comes back with an empty store
  kPowerCut,    // of a collector's machine: what was not synced is gone, partly
  kStop,        // SIGSTOP, for up to a second
  kStoreFails,  // the transaction is refused
  kStoreSlow,
  kDiskFull,       // spools cannot grow
  kNoDescriptors,  // a file cannot be opened now
  kBusy,           // a control message finds no room
  kTurn,           // a publisher that stays loses its collector for so long that it turns to the next
  kCount
};

inline constexpr std::array<std::string_view, static_cast<std::size_t>(Fault::kCount)> kFaultNames{
    "loss",         "duplicate",
    "late",         "cut",
    "half-open",    "kill-publisher",
    "kill-adopter", "kill-collector",
    "kill-hub",     "fresh-store",
    "power-cut",    "stop",
    "store-fails",  "store-slow",
    "disk-full",    "no-descriptors",
    "busy",         "turn"};

/// Of all kinds, which may happen.
class FaultSet {
 public:
  bool has(Fault kind) const noexcept { return (bits_ >> static_cast<unsigned>(kind) & 1U) != 0; }
  void remove(Fault kind) noexcept { bits_ &= ~(1U << static_cast<unsigned>(kind)); }
  void add(Fault kind) noexcept { bits_ |= 1U << static_cast<unsigned>(kind); }

 private:
  std::uint32_t bits_ = (1U << static_cast<unsigned>(Fault::kCount)) - 1;
};

}  // namespace logboom::simulation
