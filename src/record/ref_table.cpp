// See ref_table.hpp.
#include "record/ref_table.hpp"

#include "record/random_bytes.hpp"

#include <utility>

namespace logboom::wire {
namespace {

constexpr unsigned kFirstBits = 6;

}  // namespace

RefTable::RefTable()
    : slots_(1U << kFirstBits),
      mask_(slots_.size() - 1),
      shift_(64 - kFirstBits),
      multiplier_(random_seed() | 1U) {}

bool RefTable::insert(std::uint64_t key, std::uint32_t index) {
  std::size_t at = slot(key);
  while (slots_[at].generation == generation_) {
    if (slots_[at].key == key) {
      slots_[at].index = index;
      return false;
    }
    at = (at + 1) & mask_;
  }
  slots_[at] = {key, index, generation_};
  if (++size_ * 2 > slots_.size()) grow();
  return true;
}

void RefTable::clear() noexcept {
  size_ = 0;
  if (++generation_ != 0) return;
  for (auto& entry : slots_) entry.generation = 0;
  generation_ = 1;
}

void RefTable::grow() {
  std::vector<Slot> const old = std::exchange(slots_, std::vector<Slot>(slots_.size() * 2));
  mask_ = slots_.size() - 1;
  --shift_;
  for (auto const& entry : old) {
    if (entry.generation != generation_) continue;
    std::size_t at = slot(entry.key);
    while (slots_[at].generation == generation_) at = (at + 1) & mask_;
    slots_[at] = entry;
  }
}

}  // namespace logboom::wire
