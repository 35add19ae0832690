// See python_time_text.hpp.
#include "inputs/python_time_text.hpp"

#include <fmt/format.h>

namespace logboom::inputs {
namespace {

unsigned at(std::string_view packed, std::size_t i) { return static_cast<unsigned char>(packed[i]); }

std::optional<std::string> clock_text(std::string_view packed) {
  unsigned const hour = at(packed, 0) & 0x7fU;  // the high bit is `fold`
  unsigned const microsecond = at(packed, 3) << 16U | at(packed, 4) << 8U | at(packed, 5);
  if (hour > 23 || at(packed, 1) > 59 || at(packed, 2) > 59 || microsecond > 999'999) return std::nullopt;
  auto text = fmt::format("{:02}:{:02}:{:02}", hour, at(packed, 1), at(packed, 2));
  if (microsecond > 0) text += fmt::format(".{:06}", microsecond);
  return text;
}

}  // namespace

std::optional<std::string> iso_datetime(std::string_view packed) {
  if (packed.size() != 10) return std::nullopt;
  auto const date = iso_date(packed.substr(0, 4));
  auto const time = clock_text(packed.substr(4));
  if (!date || !time) return std::nullopt;
  return *date + "T" + *time;
}

std::optional<std::string> iso_date(std::string_view packed) {
  if (packed.size() != 4) return std::nullopt;
  unsigned const year = at(packed, 0) << 8U | at(packed, 1);
  unsigned const month = at(packed, 2) & 0x7fU;  // the high bit is a datetime's `fold`
  unsigned const day = at(packed, 3);
  if (year < 1 || year > 9999 || month < 1 || month > 12 || day < 1 || day > 31) return std::nullopt;
  return fmt::format("{:04}-{:02}-{:02}", year, month, day);
}

std::optional<std::string> iso_time(std::string_view packed) {
  if (packed.size() != 6) return std::nullopt;
  return clock_text(packed);
}

std::string delta_text(Delta const& delta) {
  std::string text;
  if (delta.days != 0)
    text = fmt::format("{} day{}, ", delta.days, delta.days == 1 || delta.days == -1 ? "" : "s");
  text += fmt::format("{}:{:02}:{:02}", delta.seconds / 3600, delta.seconds / 60 % 60, delta.seconds % 60);
  if (delta.microseconds > 0) text += fmt::format(".{:06}", delta.microseconds);
  return text;
}

std::optional<std::string> offset_text(Delta const& delta) {
  constexpr std::int64_t kSecond = 1'000'000;
  constexpr std::int64_t kDay = 86'400 * kSecond;
  if (!delta.sound() || delta.days < -1 || delta.days > 0) return std::nullopt;
  std::int64_t const whole = delta.days * kDay + delta.seconds * kSecond + delta.microseconds;
  std::int64_t const size = whole < 0 ? -whole : whole;
  if (size >= kDay) return std::nullopt;
  std::int64_t const seconds = size / kSecond;
  auto text = fmt::format("{}{:02}:{:02}", whole < 0 ? '-' : '+', seconds / 3600, seconds / 60 % 60);
  if (seconds % 60 != 0 || size % kSecond != 0) text += fmt::format(":{:02}", seconds % 60);
  if (size % kSecond != 0) text += fmt::format(".{:06}", size % kSecond);
  return text;
}

}  // namespace logboom::inputs
