// Lengths of time. Must not know what they are for.
#include "cli/duration.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <stdexcept>
#include <utility>

namespace logboom::cli {
namespace {

constexpr std::array<std::pair<char, std::uint64_t>, 5> kUnits{
    {{'w', 604'800}, {'d', 86'400}, {'h', 3'600}, {'m', 60}, {'s', 1}}};
constexpr std::uint64_t kMost = 100ULL * 365 * 86'400;  // s

[[noreturn]] void refuse(std::string_view text, std::string_view what) {
  throw std::invalid_argument(fmt::format(
      "{} {}: not a length of time; write 90s, 10m, 1h30m or 2d (a hundred years at most)", what, text));
}

}  // namespace

std::uint64_t parse_duration(std::string_view text, std::string_view what) {
  std::uint64_t total = 0;
  auto rest = text;
  if (rest.empty()) refuse(text, what);
  while (!rest.empty()) {
    std::uint64_t count = 0;
    auto const [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), count);
    if (error != std::errc{} || count > kMost) refuse(text, what);
    rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
    std::uint64_t unit = 0;
    for (auto const& [letter, seconds] : kUnits) {
      if (!rest.empty() && rest.front() == letter) unit = seconds;
    }
    if (unit == 0) refuse(text, what);
    rest.remove_prefix(1);
    total += count * unit;
    if (total > kMost) refuse(text, what);
  }
  if (total == 0) refuse(text, what);
  return total;
}

std::string duration_text(std::int64_t nanoseconds) {
  auto seconds = static_cast<std::uint64_t>(nanoseconds < 0 ? 0 : nanoseconds / 1'000'000'000);
  std::string text;
  int units = 0;
  for (auto const& [letter, size] : kUnits) {
    if (letter == 'w' || (seconds < size && text.empty() && letter != 's')) continue;
    if (!text.empty() && seconds / size > 0) text += ' ';
    if (text.empty() || seconds / size > 0) text += fmt::format("{}{}", seconds / size, letter);
    seconds %= size;
    if (++units == 2) break;
  }
  return text;
}

}  // namespace logboom::cli
