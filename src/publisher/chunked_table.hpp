// A bounded table that only grows: one writer at a time, readers without a lock, and whole at every moment a fork may come.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace logboom::publisher {

/// Up to kChunks × 1,024 values. Readers see the first count() of them. Chunks are never freed.
template <class T, std::size_t kChunks>
class ChunkedTable {
 public:
  static constexpr std::uint32_t kChunk = 1024;
  static constexpr std::uint32_t kCapacity = static_cast<std::uint32_t>(kChunks) * kChunk;

  std::uint32_t count() const noexcept { return count_.load(std::memory_order_acquire); }
  bool full() const noexcept { return count() == kCapacity; }

  /// index < count().
  T const& at(std::uint32_t index) const noexcept {
    return chunks_[index / kChunk].load(std::memory_order_acquire)[index % kChunk];
  }

  /// Not full; the writer only. @return its index. @throws std::bad_alloc
  std::uint32_t add(T value) {
    std::uint32_t const index = count_.load(std::memory_order_relaxed);
    T* chunk = chunks_[index / kChunk].load(std::memory_order_relaxed);
    if (chunk == nullptr) {
      chunk = new T[kChunk]();
      chunks_[index / kChunk].store(chunk, std::memory_order_release);
    }
    chunk[index % kChunk] = value;
    count_.store(index + 1, std::memory_order_release);
    return index;
  }

 private:
  std::array<std::atomic<T*>, kChunks> chunks_{};
  std::atomic<std::uint32_t> count_{0};
};

}  // namespace logboom::publisher
