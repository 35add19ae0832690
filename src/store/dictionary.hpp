// Names already known to the store, with their ids: a bounded cache before the SQL that looks a name up.
// Must not know SQLite or what its keys are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <unordered_map>
#include <utility>

namespace logboom::store {

/// Two generations: what is used moves to the young one; when that is full, the old one is dropped and the young one
/// becomes old. So at most `2 * entries` names of together `2 * bytes` are held (and one name more), and names in use stay.
template <class Key, class Value, class Hash = std::hash<Key>, class Equal = std::equal_to<Key>>
class Dictionary {
 public:
  Dictionary(std::size_t entries, std::size_t bytes) : max_entries_(entries), max_bytes_(bytes) {}

  std::optional<Value> find(Key const& key) {
    if (auto const hit = young_.find(key); hit != young_.end()) return hit->second.value;
    auto const hit = old_.find(key);
    if (hit == old_.end()) return std::nullopt;
    auto node = old_.extract(hit);
    Value const value = node.mapped().value;
    std::size_t const size = node.mapped().size;
    make_room(size);
    bytes_ += size;
    young_.insert(std::move(node));
    return value;
  }

  /// `size`: bytes that the name takes, for the bound.
  void add(Key key, Value value, std::size_t size) {
    make_room(size);
    bytes_ += size;
    young_.insert_or_assign(std::move(key), Slot{std::move(value), size});
  }

  void clear() {
    young_.clear();
    old_.clear();
    bytes_ = 0;
  }

  std::size_t size() const noexcept { return young_.size() + old_.size(); }

 private:
  struct Slot {
    Value value;
    std::size_t size;
  };
  using Map = std::unordered_map<Key, Slot, Hash, Equal>;

  void make_room(std::size_t size) {
    if (young_.size() < max_entries_ && bytes_ + size <= max_bytes_) return;
    old_ = std::exchange(young_, Map{});
    bytes_ = 0;
  }

  std::size_t max_entries_;
  std::size_t max_bytes_;
  std::size_t bytes_ = 0;
  Map young_;
  Map old_;
};

}  // namespace logboom::store
