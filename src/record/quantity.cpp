// Sizes, durations and rates as people write them. Knows nothing of what they are of.
#include "record/quantity.hpp"

#include "record/terminal_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <stdexcept>
#include <utility>

namespace logboom {
namespace {

using std::chrono::nanoseconds;

struct Unit {
  std::string_view name;
  std::int64_t length;  // ns
};
constexpr std::int64_t kSecond = 1'000'000'000;
// The longest first; a name that another one begins with comes after it.
constexpr std::array<Unit, 6> kUnits{Unit{"w", 7 * 86'400 * kSecond}, Unit{"d", 86'400 * kSecond},
                                     Unit{"h", 3'600 * kSecond},      Unit{"ms", kSecond / 1'000},
                                     Unit{"m", 60 * kSecond},         Unit{"s", kSecond}};

[[noreturn]] void refuse(char const* what, std::string_view text, char const* mend) {
  std::string shown;
  append_harmless_line(text.substr(0, 60), shown);
  throw std::invalid_argument(fmt::format("{} \"{}\": {}", what, shown, mend));
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

/// The number that the text begins with, which is taken off it.
template <typename Number>
std::optional<Number> take_number(std::string_view& text) {
  Number number{};
  if (text.empty() || (text.front() != '.' && (text.front() < '0' || text.front() > '9')))
    return std::nullopt;
  auto const end = text.data() + text.size();
  std::from_chars_result result{};
  if constexpr (std::is_same_v<Number, double>)
    result = std::from_chars(text.data(), end, number, std::chars_format::fixed);
  else
    result = std::from_chars(text.data(), end, number);
  if (result.ec != std::errc{}) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(result.ptr - text.data()));
  return number;
}

std::optional<std::uint64_t> size_unit(std::string_view text) {
  std::string unit(text);
  std::transform(unit.begin(), unit.end(), unit.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
  if (unit.empty() || unit == "B") return 1;
  std::size_t const power = std::string_view("KMGT").find(unit[0]) + 1;
  if (power == 0) return std::nullopt;
  unit.erase(0, 1);
  std::uint64_t const base = unit == "B" ? 1'000 : 1'024;
  if (!unit.empty() && unit != "B" && unit != "IB") return std::nullopt;
  std::uint64_t value = 1;
  for (std::size_t i = 0; i < power; ++i) value *= base;
  return value;
}

}  // namespace

std::uint64_t parse_size(std::string_view text) {
  constexpr auto kMend = "not a size; write 4096, 50MiB or 20GB";
  auto rest = trimmed(text);
  // Whole numbers exactly; a double would round those beyond 2^53.
  auto decimals = rest;
  auto const whole = take_number<std::uint64_t>(rest);
  bool const fraction = !rest.empty() && rest.front() == '.';
  auto const number = take_number<double>(decimals);
  auto const unit = size_unit(trimmed(fraction ? decimals : rest));
  if (!unit || !number || (!fraction && !whole)) refuse("size", text, kMend);
  constexpr double kMost = 9.2e18;  // what SQLite and files can count
  if (*number * static_cast<double>(*unit) > kMost) refuse("size", text, "more than there can be");
  return fraction ? static_cast<std::uint64_t>(*number * static_cast<double>(*unit)) : *whole * *unit;
}

std::optional<nanoseconds> read_duration(std::string_view text) noexcept {
  std::int64_t total = 0;
  if (text.empty()) return std::nullopt;
  while (!text.empty()) {
    auto const count = take_number<std::int64_t>(text);
    if (!count) return std::nullopt;
    auto const* const unit = std::find_if(kUnits.begin(), kUnits.end(),
                                          [&](Unit const& one) { return text.starts_with(one.name); });
    std::int64_t length = 0;
    if (unit == kUnits.end() || __builtin_mul_overflow(*count, unit->length, &length) ||
        __builtin_add_overflow(total, length, &total)) {
      return std::nullopt;
    }
    text.remove_prefix(unit->name.size());
  }
  return nanoseconds(total);
}

nanoseconds parse_duration(std::string_view text) {
  auto const bare = trimmed(text);
  if (bare == "0") return nanoseconds(0);
  auto const duration = read_duration(bare);
  if (!duration)
    refuse("duration", text, "not a length of time; write 30d, 2h30m or 500ms (units w d h m s ms)");
  return *duration;
}

double parse_rate(std::string_view text) {
  constexpr auto kMend = "not a rate; write 100/s, 10/m, 5/h or 1000/d";
  auto rest = trimmed(text);
  auto const count = take_number<double>(rest);
  if (!count || rest.size() != 2 || rest[0] != '/') refuse("rate", text, kMend);
  auto const* const unit =
      std::find_if(kUnits.begin(), kUnits.end(), [&](Unit const& one) { return one.name == rest.substr(1); });
  if (unit == kUnits.end()) refuse("rate", text, kMend);
  return *count * static_cast<double>(kSecond) / static_cast<double>(unit->length);
}

std::string size_text(std::uint64_t bytes) {
  constexpr std::array<std::string_view, 5> kNames{"", "KiB", "MiB", "GiB", "TiB"};
  std::size_t unit = 0;
  while (bytes > 0 && bytes % 1'024 == 0 && unit + 1 < kNames.size()) {
    bytes /= 1'024;
    ++unit;
  }
  return fmt::format("{}{}", bytes, kNames[unit]);
}

std::string duration_text(nanoseconds duration) {
  auto left = duration.count();
  if (left <= 0) return "0";
  std::string text;
  for (auto const& unit : {kUnits[1], kUnits[2], kUnits[4], kUnits[5], kUnits[3]}) {
    if (auto const count = left / unit.length; count > 0) text += fmt::format("{}{}", count, unit.name);
    left %= unit.length;
  }
  return text;
}

std::string rate_text(double a_second) {
  for (auto const& unit : {kUnits[5], kUnits[4], kUnits[2], kUnits[1]}) {
    double const count = a_second * static_cast<double>(unit.length) / static_cast<double>(kSecond);
    if (count >= 1 && count < 1e15 &&
        std::round(count) * static_cast<double>(kSecond) / static_cast<double>(unit.length) == a_second)
      return fmt::format("{:.0f}/{}", std::round(count), unit.name);
  }
  return fmt::format("{:.20f}/s", a_second);  // all digits of a double of 0.0001 or more
}

}  // namespace logboom
