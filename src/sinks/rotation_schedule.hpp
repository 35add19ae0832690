// When a log file is rotated by time: the moments and names of Python's TimedRotatingFileHandler. Must not know files or the clock.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace logboom::sinks {

/// A period ends where the next begins: at a rollover. Times are seconds since the Unix epoch.
///
/// S, M, H and D count from wherever one begins to count; midnight and the weekdays are moments of the calendar, so that there a day of 23 or 25 hours is a day.
/// Python's documentation, as of 3.13, holds but for this: a period is named after its own first moment even when the clocks were changed within it.
class RotationSchedule {
 public:
  enum class Unit { kSecond, kMinute, kHour, kDay, kMidnight, kWeekday };

  struct Options {
    Unit unit = Unit::kMidnight;
    int weekday = 0;             // of kWeekday: 0 is Monday
    std::uint32_t interval = 1;  // units in a period
    std::optional<std::uint32_t>
        at;  // second of the day, of kMidnight and kWeekday; none: the day's end (as Python: without `at` Monday's rollover is Tuesday 00:00)
    bool utc = false;  // or the local zone
  };

  /// The unit and weekday of Python's `when`: S, M, H, D, midnight, W0 … W6, in either case. @throws std::invalid_argument
  static Options parse(std::string_view when);

  /// @throws std::invalid_argument: interval 0 or of more than 100 years, weekday or `at` out of range, `at` with a unit that has none
  explicit RotationSchedule(Options options);

  /// The first rollover after `time`, as Python's computeRollover() has it: always later than `time`.
  std::int64_t next(std::int64_t time) const;
  /// When the period that ends with this rollover began.
  std::int64_t start_of(std::int64_t rollover) const;
  /// Whether rollovers are moments of the calendar. Those of the other units depend on what next() was asked.
  bool calendar() const noexcept {
    return options_.unit == Unit::kMidnight || options_.unit == Unit::kWeekday;
  }
  /// Of rotated files, in strftime's terms: "%Y-%m-%d_%H" with hours.
  std::string_view suffix() const noexcept;
  bool utc() const noexcept { return options_.utc; }

 private:
  bool on_day(std::int64_t day) const;

  Options options_;
  std::int64_t at_ = 0;  // seconds from the day's beginning: up to a full day
};

}  // namespace logboom::sinks
