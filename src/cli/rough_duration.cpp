// Lengths of time at a glance. Must not know what they are of.
#include "cli/rough_duration.hpp"

#include <fmt/format.h>

#include <array>
#include <utility>

namespace logboom::cli {

std::string rough_duration(std::int64_t nanoseconds) {
  constexpr std::array<std::pair<char, std::int64_t>, 4> kUnits{
      {{'d', 86'400}, {'h', 3'600}, {'m', 60}, {'s', 1}}};
  auto left = nanoseconds < 0 ? 0 : nanoseconds / 1'000'000'000;
  for (std::size_t i = 0; i < kUnits.size(); ++i) {
    auto const& [unit, size] = kUnits[i];
    if (left < size && size > 1) continue;
    auto text = fmt::format("{}{}", left / size, unit);
    if (i + 1 == kUnits.size()) return text;
    auto const& [next, next_size] = kUnits[i + 1];
    if (auto const rest = left % size / next_size; rest > 0) text += fmt::format(" {}{}", rest, next);
    return text;
  }
  return {};
}

}  // namespace logboom::cli
