// A time as options take it. <chrono> is not included by what log calls include: it takes as long to compile as all the rest of it.
#pragma once

#include <cstdint>

namespace logboom {

/// Converts from and to the durations of <chrono> as std::chrono::milliseconds does: from those that are whole milliseconds, to those that can hold them.
class Milliseconds {
 public:
  constexpr Milliseconds() noexcept = default;
  constexpr explicit Milliseconds(std::int64_t count) noexcept : count_(count) {}
  template <class Duration>
    requires(Duration::period::num * 1000 % Duration::period::den == 0 && typename Duration::rep{1} / 2 == 0)
  constexpr Milliseconds(Duration const& duration) noexcept  // NOLINT(google-explicit-constructor): as chrono's
      : count_(std::int64_t{duration.count()} * (Duration::period::num * 1000 / Duration::period::den)) {}

  template <class Duration>
    requires(Duration::period::den % (Duration::period::num * 1000) == 0 || typename Duration::rep{1} / 2 != 0)
  constexpr operator Duration() const noexcept {  // NOLINT(google-explicit-constructor): as chrono's
    using Count = typename Duration::rep;
    constexpr Count kInOne =
        static_cast<Count>(Duration::period::den) / static_cast<Count>(Duration::period::num * 1000);
    return Duration(static_cast<Count>(count_) * kInOne);
  }

  constexpr std::int64_t count() const noexcept { return count_; }

  friend constexpr bool operator==(Milliseconds, Milliseconds) noexcept = default;

 private:
  std::int64_t count_ = 0;
};

}  // namespace logboom
