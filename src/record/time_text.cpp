// Points in time as text: see time_text.hpp.
#include "record/time_text.hpp"

#include <fmt/format.h>

#include <iterator>

namespace logboom {

CivilTime to_civil(std::int64_t time, bool utc) noexcept {
  constexpr std::int64_t kSecond = 1'000'000'000;
  std::int64_t nanoseconds = time % kSecond;
  std::time_t seconds = time / kSecond;
  if (nanoseconds < 0) {
    nanoseconds += kSecond;
    --seconds;
  }
  CivilTime civil;
  civil.nanoseconds = static_cast<std::uint32_t>(nanoseconds);
  if (utc) {
    (void)gmtime_r(&seconds, &civil.tm);
  } else {
    (void)localtime_r(&seconds, &civil.tm);
  }
  return civil;
}

void write_iso_time(std::int64_t time, bool utc, std::string& out) {
  auto const [tm, nanoseconds] = to_civil(time, utc);
  auto const at = std::back_inserter(out);
  fmt::format_to(at, "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:09}", tm.tm_year + 1900, tm.tm_mon + 1,
                 tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, nanoseconds);
  if (utc) {
    out += 'Z';
    return;
  }
  long const minutes = tm.tm_gmtoff / 60;
  long const size = minutes < 0 ? -minutes : minutes;
  fmt::format_to(at, "{}{:02}:{:02}", minutes < 0 ? '-' : '+', size / 60, size % 60);
}

}  // namespace logboom
