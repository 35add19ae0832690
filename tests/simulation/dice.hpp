// All chance of a schedule: the same seed, the same throws.
#pragma once

#include <cstdint>

namespace logboom::simulation {

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next() noexcept {  // splitmix64
    std::uint64_t x = state_ += 0x9e37'79b9'7f4a'7c15U;
    x = (x ^ (x >> 30U)) * 0xbf58'476d'1ce4'e5b9U;
    x = (x ^ (x >> 27U)) * 0x94d0'49bb'1331'11ebU;
    return x ^ (x >> 31U);
  }
  /// 0 … bound − 1
  std::uint64_t pick(std::uint64_t bound) noexcept { return bound == 0 ? 0 : next() % bound; }
  /// 0 … most, in ms
  std::int64_t upto(std::int64_t most) noexcept {
    return static_cast<std::int64_t>(pick(static_cast<std::uint64_t>(most) + 1));
  }
  bool chance(double probability) noexcept {
    return static_cast<double>(next() >> 11U) * 0x1.0p-53 < probability;
  }

 private:
  std::uint64_t state_;
};

}  // namespace logboom::simulation
