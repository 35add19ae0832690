// How large a transaction may be, so that none lasts long whatever the store's speed: learned from those before it.
// Pure: no clock, no thread, no store in it.
#pragma once

#include <chrono>
#include <cstddef>

namespace logboom::collector {

/// As many bytes as the latest transactions wrote in kWanted. But where a disk is slow to sync, to make them smaller makes them hardly shorter, and the store slow: so never so few that syncing takes more
/// than two thirds of the time.
class TransactionSize {
 public:
  static constexpr std::chrono::milliseconds kWanted{100};

  /// Never less than `least` nor more than `most` bytes, 1 ≤ least ≤ most. It begins with least, and changes by a factor of two at most with each transaction.
  TransactionSize(std::size_t least, std::size_t most) noexcept;

  /// A transaction of so many bytes was committed. @param took all of it @param syncing of this, what the commit at its end took
  void learn(std::size_t bytes, std::chrono::nanoseconds took, std::chrono::nanoseconds syncing) noexcept;

  std::size_t bytes() const noexcept { return bytes_; }

 private:
  std::size_t const least_, most_;
  std::size_t bytes_;
  // Of the latest transactions together; the weight of each fades with every one that follows.
  double weight_ = 0, learned_bytes_ = 0, seconds_ = 0, syncing_ = 0;
};

}  // namespace logboom::collector
