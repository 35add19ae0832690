// std::atomic as far as a log call needs it. <atomic> itself is not included by what log calls include: it takes longer to compile than all that is in detail/.
#pragma once

namespace logboom::detail {

/// A word that threads share, or processes in mapped memory. T: an integer, a bool, an enum or a pointer. Its members have the memory order in their names.
template <class T>
class Atomic {
 public:
  constexpr Atomic() noexcept = default;
  constexpr Atomic(T value) noexcept
      : value_(value) {}  // NOLINT(google-explicit-constructor): as std::atomic's
  Atomic(Atomic const&) = delete;
  Atomic& operator=(Atomic const&) = delete;

  T load_relaxed() const noexcept { return load<__ATOMIC_RELAXED>(); }
  T load_acquire() const noexcept { return load<__ATOMIC_ACQUIRE>(); }
  void store_relaxed(T value) noexcept { __atomic_store(&value_, &value, __ATOMIC_RELAXED); }
  void store_release(T value) noexcept { __atomic_store(&value_, &value, __ATOMIC_RELEASE); }

  T exchange_relaxed(T value) noexcept {
    T before;
    __atomic_exchange(&value_, &value, &before, __ATOMIC_RELAXED);
    return before;
  }
  T fetch_add_relaxed(T value) noexcept { return __atomic_fetch_add(&value_, value, __ATOMIC_RELAXED); }
  /// @return false, with the value found in `expected`, where that was another one
  bool compare_exchange_relaxed(T& expected, T desired) noexcept {
    return __atomic_compare_exchange(&value_, &expected, &desired, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
  }

 private:
  template <int kOrder>
  T load() const noexcept {
    T value;
    __atomic_load(&value_, &value, kOrder);
    return value;
  }

  static constexpr unsigned long kSize = sizeof(T);  // NOLINT(bugprone-sizeof-expression): also of a pointer
  static_assert(kSize <= 8);
  alignas(kSize) T value_{};
};

}  // namespace logboom::detail
