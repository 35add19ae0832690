// What makes the publisher safe under fork() and raw clone(): memory that a child finds zeroed, a lock in it, and a number for each process.
// Must not know what is kept in it.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace logboom::publisher {

inline constexpr std::size_t kWipedPage = 4096;

/// A zeroed page that is zeroed again in every forked child, however it was forked (MADV_WIPEONFORK; by pthread_atfork where the
/// kernel has no such thing). Never freed. @throws std::bad_alloc
std::byte* wiped_page();

/// 1 in the first process that asks, one more in each descendant that asks after its fork. Never blocks on what the parent's threads held.
std::uint64_t process_generation() noexcept;

/// A mutex that no fork leaves locked: it lives in wiped memory, so that it is free in the child. Not recursive. Meets Lockable.
/// What it guards must be sound at every single store, since a fork may come between any two.
class ForkLock {
 public:
  /// In a wiped page of its own; never freed. @throws std::bad_alloc
  static ForkLock& make();

  void lock() noexcept;
  bool try_lock() noexcept;
  void unlock() noexcept;

 private:
  ForkLock() = default;
  std::atomic<std::uint32_t> word_;  // 0 free, 1 held, 2 held and waited for
};

/// A ForkLock made at its first use, for static objects.
class LazyForkLock {
 public:
  /// @throws std::bad_alloc
  ForkLock& get();

 private:
  std::atomic<ForkLock*> lock_{nullptr};
};

}  // namespace logboom::publisher
