// Moments of rotation: see rotation_schedule.hpp.
#include "sinks/rotation_schedule.hpp"

#include "record/time_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <stdexcept>

namespace logboom::sinks {
namespace {

constexpr std::int64_t kDay = 86'400;
constexpr std::int64_t kLongest = 100 * 366 * kDay;

struct UnitTraits {
  std::string_view name;
  std::int64_t seconds;
  std::string_view suffix;
};

// In the order of RotationSchedule::Unit.
constexpr std::array<UnitTraits, 6> kUnits{{{"S", 1, "%Y-%m-%d_%H-%M-%S"},
                                            {"M", 60, "%Y-%m-%d_%H-%M"},
                                            {"H", 3'600, "%Y-%m-%d_%H"},
                                            {"D", kDay, "%Y-%m-%d"},
                                            {"MIDNIGHT", kDay, "%Y-%m-%d"},
                                            {"W", 7 * kDay, "%Y-%m-%d"}}};

UnitTraits const& traits(RotationSchedule::Unit unit) { return kUnits[static_cast<std::size_t>(unit)]; }

std::int64_t floor_day(std::int64_t seconds) { return seconds / kDay - (seconds % kDay < 0 ? 1 : 0); }

std::int64_t offset_at(std::int64_t time) { return to_civil(time * 1'000'000'000, false).tm.tm_gmtoff; }

/// What the calendar and the clock on the wall show, as seconds of a day without a zone.
std::int64_t wall(std::int64_t time, bool utc) { return utc ? time : time + offset_at(time); }

/// When the clock on the wall shows it: the first time, if twice; if never, as if it had not yet been put forward. Unlike mktime() it does not depend on what was asked before.
std::int64_t moment(std::int64_t shown, bool utc) {
  if (utc) return shown;
  auto const before = shown - offset_at(shown - kDay);
  auto const after = shown - offset_at(shown + kDay);
  auto const first = std::min(before, after);
  auto const second = std::max(before, after);
  if (wall(first, utc) == shown) return first;
  return wall(second, utc) == shown ? second : before;
}

int weekday_of(std::int64_t day) {
  constexpr int kThursday = 3;  // 1970-01-01
  return static_cast<int>(((day + kThursday) % 7 + 7) % 7);
}

}  // namespace

RotationSchedule::Options RotationSchedule::parse(std::string_view when) {
  std::string upper(when);
  std::transform(upper.begin(), upper.end(), upper.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  Options options;
  if (upper.size() == 2 && upper[0] == 'W' && upper[1] >= '0' && upper[1] <= '6') {
    options.unit = Unit::kWeekday;
    options.weekday = upper[1] - '0';
    return options;
  }
  for (std::size_t i = 0; i < static_cast<std::size_t>(Unit::kWeekday); ++i) {
    if (upper != kUnits[i].name) continue;
    options.unit = static_cast<Unit>(i);
    return options;
  }
  throw std::invalid_argument(fmt::format(
      "no time of rotation is called \"{}\"; use S, M, H, D, midnight, or W0 (Monday) to W6 (Sunday)", when));
}

RotationSchedule::RotationSchedule(Options options) : options_(options) {
  if (options.interval == 0 || options.interval > kLongest / traits(options.unit).seconds) {
    throw std::invalid_argument(fmt::format("a rotation every {} units is not possible; use 1 to {}",
                                            options.interval, kLongest / traits(options.unit).seconds));
  }
  if (options.weekday < 0 || options.weekday > 6) {
    throw std::invalid_argument(
        fmt::format("there is no weekday {}; use 0 (Monday) to 6 (Sunday)", options.weekday));
  }
  if (calendar()) at_ = options.at.value_or(kDay);
  if (!options.at) return;
  if (!calendar()) {
    throw std::invalid_argument(
        fmt::format("a rotation by {} has no time of day; use midnight or W0 to W6 with it, or leave it away",
                    traits(options.unit).name));
  }
  if (*options.at >= kDay) {
    throw std::invalid_argument(fmt::format(
        "the day has no second {}; give the time of rotation as 00:00:00 to 23:59:59", *options.at));
  }
}

std::int64_t RotationSchedule::next(std::int64_t time) const {
  std::int64_t const length = traits(options_.unit).seconds;
  if (!calendar()) return time + length * options_.interval;
  // From the day before yesterday on: the end of yesterday may still be to come where the clock is put back at midnight.
  auto day = floor_day(wall(time, options_.utc)) - 2;
  while (!on_day(day) || moment(day * kDay + at_, options_.utc) <= time) ++day;
  day += length / kDay * (std::int64_t{options_.interval} - 1);
  return moment(day * kDay + at_, options_.utc);
}

bool RotationSchedule::on_day(std::int64_t day) const {
  return options_.unit != Unit::kWeekday || weekday_of(day) == options_.weekday;
}

std::int64_t RotationSchedule::start_of(std::int64_t rollover) const {
  std::int64_t const length = traits(options_.unit).seconds * options_.interval;
  if (!calendar()) return rollover - length;
  auto const day = floor_day(wall(rollover, options_.utc) - at_);
  return moment(day * kDay + at_ - length, options_.utc);
}

std::string_view RotationSchedule::suffix() const noexcept { return traits(options_.unit).suffix; }

}  // namespace logboom::sinks
