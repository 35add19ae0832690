// A small hash table from references (numbers chosen by a peer) to indices: no allocation once it is warm, emptied in no time.
// Must not know what the references name.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace logboom::wire {

/// Open addressing with multiply-shift hashing under a random odd multiplier, so that chosen keys cannot be made to collide.
class RefTable {
 public:
  static constexpr std::uint32_t kNone = 0xffff'ffffU;

  RefTable();

  /// The index of the reference, or kNone.
  std::uint32_t find(std::uint64_t key) const noexcept {
    for (std::size_t at = slot(key);; at = (at + 1) & mask_) {
      Slot const& found = slots_[at];
      if (found.generation != generation_) return kNone;
      if (found.key == key) return found.index;
    }
  }
  /// Sets the index of a reference. @return true if the reference is new
  bool insert(std::uint64_t key, std::uint32_t index);
  void clear() noexcept;
  std::size_t size() const noexcept { return size_; }

 private:
  struct Slot {
    std::uint64_t key = 0;
    std::uint32_t index = 0;
    std::uint32_t generation = 0;  // the slot is in use if it is the table's
  };

  std::size_t slot(std::uint64_t key) const noexcept {
    return static_cast<std::size_t>((key * multiplier_) >> shift_);
  }
  void grow();

  std::vector<Slot> slots_;
  std::size_t mask_ = 0;
  unsigned shift_ = 0;
  std::uint64_t multiplier_;
  std::uint32_t generation_ = 1;
  std::size_t size_ = 0;
};

}  // namespace logboom::wire
