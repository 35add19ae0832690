// Points in time as people type them: see logboom/filter.hpp. Knows no clock: the caller says what time it is.
#include <logboom/filter.hpp>

#include "record/quantity.hpp"
#include "record/terminal_text.hpp"
#include "record/time_text.hpp"

#include <fmt/format.h>

#include <chrono>
#include <ctime>
#include <stdexcept>

namespace logboom {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kMaxSeconds = 9'223'372'035;  // int64 nanoseconds end in 2262

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Reads a text from left to right; every method returns false where it does not go on as asked.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : text_(text) {}

  bool at_end() const { return text_.empty(); }
  char peek() const { return text_.empty() ? '\0' : text_.front(); }

  bool take(char c) {
    if (peek() != c || text_.empty()) return false;
    text_.remove_prefix(1);
    return true;
  }
  bool take(std::string_view word) {
    if (!text_.starts_with(word)) return false;
    text_.remove_prefix(word.size());
    return true;
  }
  /// Exactly `width` digits.
  bool number(int& out, std::size_t width) {
    if (text_.size() < width) return false;
    int value = 0;
    for (std::size_t i = 0; i < width; ++i) {
      if (!is_digit(text_[i])) return false;
      value = value * 10 + (text_[i] - '0');
    }
    text_.remove_prefix(width);
    out = value;
    return true;
  }
  /// One digit or more, up to `bound`.
  bool count(std::int64_t& out, std::int64_t bound) {
    if (!is_digit(peek())) return false;
    out = 0;
    while (is_digit(peek())) {
      out = out * 10 + (text_.front() - '0');
      if (out > bound) return false;
      text_.remove_prefix(1);
    }
    return true;
  }
  /// Decimals of a second, behind the point; more than nine are read and dropped.
  bool decimals(std::int64_t& nanoseconds) {
    if (!is_digit(peek())) return false;
    std::int64_t unit = kSecond / 10;
    nanoseconds = 0;
    for (; is_digit(peek()); unit /= 10) {
      nanoseconds += unit * (text_.front() - '0');
      text_.remove_prefix(1);
    }
    return true;
  }

 private:
  std::string_view text_;
};

struct Clock {
  int hour = 0, minute = 0, second = 0;
  std::int64_t nanoseconds = 0;
};

// 10:30[:05[.123]]
bool read_clock(Cursor& cursor, Clock& clock) {
  if (!cursor.number(clock.hour, 2) || !cursor.take(':') || !cursor.number(clock.minute, 2)) return false;
  if (cursor.take(':')) {
    if (!cursor.number(clock.second, 2)) return false;
    if ((cursor.take('.') || cursor.take(',')) && !cursor.decimals(clock.nanoseconds)) return false;
  }
  return clock.hour < 24 && clock.minute < 60 && clock.second < 60;
}

// Z, +01:00, +0100 or +01: seconds east of UTC.
bool read_zone(Cursor& cursor, std::optional<std::int64_t>& offset) {
  if (cursor.at_end()) return true;
  if (cursor.take('Z') || cursor.take('z')) {
    offset = 0;
    return cursor.at_end();
  }
  bool const west = cursor.peek() == '-';
  int hours = 0;
  int minutes = 0;
  if (!cursor.take(west ? '-' : '+') || !cursor.number(hours, 2)) return false;
  if (!cursor.at_end()) {
    (void)cursor.take(':');
    if (!cursor.number(minutes, 2)) return false;
  }
  if (hours > 23 || minutes > 59) return false;
  offset = (hours * 3600 + minutes * 60) * (west ? -1 : 1);
  return cursor.at_end();
}

std::optional<std::int64_t> local_seconds(std::tm tm) {
  tm.tm_isdst = -1;
  tm.tm_wday = -1;  // stays so only where mktime failed
  std::time_t const seconds = std::mktime(&tm);
  if (seconds == -1 && tm.tm_wday == -1) return std::nullopt;
  return seconds;
}

std::tm civil(int year, int month, int day, Clock const& clock) {
  std::tm tm{};
  tm.tm_year = year - 1900;
  tm.tm_mon = month - 1;
  tm.tm_mday = day;
  tm.tm_hour = clock.hour;
  tm.tm_min = clock.minute;
  tm.tm_sec = clock.second;
  return tm;
}

std::optional<std::int64_t> nanoseconds(std::int64_t seconds, std::int64_t more) {
  if (seconds > kMaxSeconds || seconds < -kMaxSeconds) return std::nullopt;
  return seconds * kSecond + more;
}

// 2026-11-20[T10:30[:05[.123]][zone]]
std::optional<std::int64_t> read_date(std::string_view text) {
  Cursor cursor(text);
  int year = 0;
  int month = 0;
  int day = 0;
  if (!cursor.number(year, 4) || !cursor.take('-') || !cursor.number(month, 2) || !cursor.take('-') ||
      !cursor.number(day, 2)) {
    return std::nullopt;
  }
  std::chrono::year_month_day const date{std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  Clock clock;
  std::optional<std::int64_t> offset;
  if (!date.ok()) return std::nullopt;
  if (!cursor.at_end()) {
    bool const separated = cursor.take('T') || cursor.take('t') || cursor.take(' ');
    if (!separated || !read_clock(cursor, clock) || !read_zone(cursor, offset)) return std::nullopt;
  }
  if (offset) {
    std::int64_t const days = std::chrono::sys_days(date).time_since_epoch().count();
    return nanoseconds(days * 86'400 + clock.hour * 3600 + clock.minute * 60 + clock.second - *offset,
                       clock.nanoseconds);
  }
  std::optional<std::int64_t> const seconds = local_seconds(civil(year, month, day, clock));
  if (!seconds) return std::nullopt;
  return nanoseconds(*seconds, clock.nanoseconds);
}

std::optional<std::int64_t> read_today(std::string_view text, std::int64_t now) {
  Cursor cursor(text);
  Clock clock;
  if (!read_clock(cursor, clock) || !cursor.at_end()) return std::nullopt;
  std::tm const today = to_civil(now, false).tm;
  std::optional<std::int64_t> const seconds =
      local_seconds(civil(today.tm_year + 1900, today.tm_mon + 1, today.tm_mday, clock));
  if (!seconds) return std::nullopt;
  return nanoseconds(*seconds, clock.nanoseconds);
}

// 2h30m before now
std::optional<std::int64_t> read_ago(std::string_view text, std::int64_t now) {
  auto const length = read_duration(text);
  std::int64_t past = 0;
  if (!length || __builtin_sub_overflow(now, length->count(), &past)) return std::nullopt;
  return past;
}

std::optional<std::int64_t> read_unix(std::string_view text) {
  Cursor cursor(text);
  std::int64_t seconds = 0;
  std::int64_t decimals = 0;
  if (!cursor.count(seconds, kMaxSeconds)) return std::nullopt;
  if (cursor.take('.') && !cursor.decimals(decimals)) return std::nullopt;
  if (!cursor.at_end()) return std::nullopt;
  return nanoseconds(seconds, decimals);
}

}  // namespace

std::int64_t parse_time(std::string_view text, std::int64_t now) {
  if (text == "now") return now;
  if (auto const time = read_date(text)) return *time;
  if (auto const time = read_today(text, now)) return *time;
  if (auto const time = read_unix(text)) return *time;
  if (auto const time = read_ago(text, now)) return *time;
  std::string shown;
  append_harmless_line(text.substr(0, 60), shown);
  throw std::invalid_argument(fmt::format(
      "time \"{}\": not a point in time; write 2026-11-20, 2026-11-20T10:30:05+01:00, 10:30, 15m, 3d or Unix "
      "seconds",
      shown));
}

}  // namespace logboom
