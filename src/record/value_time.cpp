// See value_time.hpp.
#include "record/value_time.hpp"

#include <chrono>
#include <ctime>

#include <fmt/compile.h>

namespace logboom::wire {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

// ".5", ".000025": without the trailing zeros. Nothing for zero.
void append_fraction(TextBuffer& out, std::uint64_t nanoseconds) {
  if (nanoseconds == 0) return;
  char digits[10] = {'.'};
  for (std::size_t i = 9; i >= 1; --i, nanoseconds /= 10)
    digits[i] = static_cast<char>('0' + nanoseconds % 10);
  std::size_t size = sizeof digits;
  while (digits[size - 1] == '0') --size;
  append(out, {digits, size});
}

// Reads text from the front, piece by piece.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  std::optional<int> digits(std::size_t count) {
    if (rest_.size() < count) return std::nullopt;
    int value = 0;
    for (char const c : rest_.substr(0, count)) {
      if (c < '0' || c > '9') return std::nullopt;
      value = value * 10 + (c - '0');
    }
    rest_.remove_prefix(count);
    return value;
  }
  bool accept(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool at_end() const noexcept { return rest_.empty(); }
  bool at_digit() const noexcept { return !rest_.empty() && rest_.front() >= '0' && rest_.front() <= '9'; }

 private:
  std::string_view rest_;
};

struct Date {
  int year = 0, month = 0, day = 0;
};
std::optional<Date> read_date(Scanner& scanner) {
  auto const year = scanner.digits(4);
  if (!year || !scanner.accept('-')) return std::nullopt;
  auto const month = scanner.digits(2);
  if (!month || !scanner.accept('-')) return std::nullopt;
  auto const day = scanner.digits(2);
  if (!day) return std::nullopt;
  std::chrono::year_month_day const date{std::chrono::year(*year),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok() || *year < 1678 || *year > 2261) return std::nullopt;
  return Date{*year, *month, *day};
}

struct TimeOfDay {
  int hour = 0, minute = 0, second = 0;
  std::int64_t nanoseconds = 0;
};
std::optional<TimeOfDay> read_time_of_day(Scanner& scanner) {
  TimeOfDay time;
  auto const hour = scanner.digits(2);
  if (!hour || !scanner.accept(':')) return std::nullopt;
  auto const minute = scanner.digits(2);
  auto const second = scanner.accept(':') ? scanner.digits(2) : std::optional(0);
  if (!minute || !second || *hour > 23 || *minute > 59 || *second > 60) return std::nullopt;
  if (scanner.accept('.') || scanner.accept(',')) {
    if (!scanner.at_digit()) return std::nullopt;
    // digits beyond nanoseconds count for nothing
    for (std::int64_t unit = kSecond / 10; scanner.at_digit(); unit /= 10)
      time.nanoseconds += unit * *scanner.digits(1);
  }
  time.hour = *hour;
  time.minute = *minute;
  time.second = *second;
  return time;
}

struct Zone {
  bool local = false;
  int east = 0;  // seconds
};
std::optional<Zone> read_zone(Scanner& scanner) {
  if (scanner.at_end()) return Zone{true, 0};
  if (scanner.accept('Z') || scanner.accept('z')) return Zone{};
  bool const west = scanner.accept('-');
  if (!west && !scanner.accept('+')) return std::nullopt;
  auto const hours = scanner.digits(2);
  scanner.accept(':');
  auto const minutes = scanner.at_end() ? std::optional(0) : scanner.digits(2);
  if (!hours || !minutes || *hours > 23 || *minutes > 59) return std::nullopt;
  int const offset = (*hours * 60 + *minutes) * 60;
  return Zone{false, west ? -offset : offset};
}

std::int64_t local_seconds(Date const& date, TimeOfDay const& time) {
  std::tm local{};
  local.tm_year = date.year - 1900;
  local.tm_mon = date.month - 1;
  local.tm_mday = date.day;
  local.tm_hour = time.hour;
  local.tm_min = time.minute;
  local.tm_sec = time.second;
  local.tm_isdst = -1;
  return std::mktime(&local);
}

std::int64_t utc_seconds(Date const& date, TimeOfDay const& time) {
  std::chrono::sys_days const day{std::chrono::year(date.year) / date.month / date.day};
  return std::chrono::seconds(day.time_since_epoch()).count() + time.hour * 3600 + time.minute * 60 +
         time.second;
}

}  // namespace

void append_time(TextBuffer& out, std::int64_t time) {
  std::chrono::sys_seconds const point = std::chrono::floor<std::chrono::seconds>(
      std::chrono::sys_time<std::chrono::nanoseconds>(std::chrono::nanoseconds(time)));
  auto const day = std::chrono::floor<std::chrono::days>(point);
  std::chrono::year_month_day const date(day);
  std::int64_t const seconds = (point - day).count();
  std::int64_t const fraction = (time % kSecond + kSecond) % kSecond;
  fmt::format_to(fmt::appender(out), FMT_COMPILE("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}"),
                 static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                 static_cast<unsigned>(date.day()), seconds / 3600, seconds / 60 % 60, seconds % 60);
  append_fraction(out, static_cast<std::uint64_t>(fraction));
  out.push_back('Z');
}

void append_duration(TextBuffer& out, std::int64_t nanoseconds) {
  std::string_view unit = "s";
  std::int64_t size = kSecond;
  for (std::string_view const smaller : {"ms", "µs", "ns"}) {
    if (nanoseconds % size == 0) break;
    unit = smaller;
    size /= 1000;
  }
  fmt::format_int const count(nanoseconds / size);
  append(out, {count.data(), count.size()});
  append(out, unit);
}

std::optional<std::int64_t> read_time(std::string_view text) {
  Scanner scanner(text);
  auto const date = read_date(scanner);
  if (!date || (!scanner.accept('T') && !scanner.accept(' '))) return std::nullopt;
  auto const time = read_time_of_day(scanner);
  if (!time) return std::nullopt;
  auto const zone = read_zone(scanner);
  if (!zone || !scanner.at_end()) return std::nullopt;
  std::int64_t const seconds =
      zone->local ? local_seconds(*date, *time) : utc_seconds(*date, *time) - zone->east;
  return seconds * kSecond + time->nanoseconds;
}

}  // namespace logboom::wire
