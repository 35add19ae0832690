// Points in time as text: see time_text.hpp.
#include "record/time_text.hpp"

#include <fmt/format.h>

#include <iterator>
#include <memory>
#include <new>

namespace logboom {
namespace {

// The calendar is most of what a time costs, and the local zone is looked up under a lock of the C library.
struct KnownSecond {
  std::time_t second = 0;
  std::tm tm{};
  long zone = 0;  // what tzset() makes of TZ: to see most changes of it
  int daylight = 0;
  bool known = false;
};

std::tm calendar(std::time_t second, bool utc) noexcept {
  std::tm tm{};
  (void)(utc ? gmtime_r(&second, &tm) : localtime_r(&second, &tm));
  return tm;
}

/// The latest seconds that a thread has asked for. More than one: a record is shown with its process's start beside it.
struct KnownSeconds {
  static constexpr unsigned kSeconds = 16;
  KnownSecond local[kSeconds], utc[kSeconds];
};

std::tm taken_apart(std::time_t second, bool utc) noexcept {
  // Not in the thread's own block, whose little room decides whether Python can load a library that has it.
  thread_local std::unique_ptr<KnownSeconds> const known(new (std::nothrow) KnownSeconds);
  if (!known) return calendar(second, utc);
  auto& last = (utc ? known->utc : known->local)[static_cast<std::uint64_t>(second) % KnownSeconds::kSeconds];
  if (!last.known || last.second != second || last.zone != ::timezone || last.daylight != ::daylight)
    last = {second, calendar(second, utc), ::timezone, ::daylight, true};
  return last.tm;
}

}  // namespace

CivilTime to_civil(std::int64_t time, bool utc) noexcept {
  constexpr std::int64_t kSecond = 1'000'000'000;
  std::int64_t nanoseconds = time % kSecond;
  std::time_t seconds = time / kSecond;
  if (nanoseconds < 0) {
    nanoseconds += kSecond;
    --seconds;
  }
  return {taken_apart(seconds, utc), static_cast<std::uint32_t>(nanoseconds)};
}

void append_digits(std::uint64_t number, unsigned width, std::string& out) {
  char digits[10];
  for (unsigned i = width; i > 0; --i, number /= 10) digits[i - 1] = static_cast<char>('0' + number % 10);
  out.append(digits, width);
}

void append_date_time(std::tm const& tm, char between, std::string& out) {
  int const year = tm.tm_year + 1900;
  if (year < 1000 || year > 9999) {
    fmt::format_to(std::back_inserter(out), "{:04}", year);
  } else {
    append_digits(static_cast<std::uint64_t>(year), 4, out);
  }
  auto const two = [&](char before, int number) {
    out += before;
    append_digits(static_cast<std::uint64_t>(number), 2, out);
  };
  two('-', tm.tm_mon + 1);
  two('-', tm.tm_mday);
  two(between, tm.tm_hour);
  two(':', tm.tm_min);
  two(':', tm.tm_sec);
}

void write_iso_time(std::int64_t time, bool utc, std::string& out) {
  auto const [tm, nanoseconds] = to_civil(time, utc);
  append_date_time(tm, 'T', out);
  out += '.';
  append_digits(nanoseconds, 9, out);
  if (utc) {
    out += 'Z';
    return;
  }
  long const minutes = tm.tm_gmtoff / 60;
  auto const size = static_cast<std::uint64_t>(minutes < 0 ? -minutes : minutes);
  out += minutes < 0 ? '-' : '+';
  append_digits(size / 60, 2, out);
  out += ':';
  append_digits(size % 60, 2, out);
}

}  // namespace logboom
