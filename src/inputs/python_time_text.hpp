// Python's times as text, from what its pickles hold of them. Knows nothing of pickles.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace logboom::inputs {

/// isoformat() of `datetime` (10 packed bytes), `date` (4), `time` (6), without the zone; nothing where the bytes say no time.
std::optional<std::string> iso_datetime(std::string_view packed);
std::optional<std::string> iso_date(std::string_view packed);
std::optional<std::string> iso_time(std::string_view packed);

/// A timedelta, as normalised by Python: 0 ≤ seconds < 86,400, 0 ≤ microseconds < 1,000,000.
struct Delta {
  std::int64_t days = 0, seconds = 0, microseconds = 0;

  bool sound() const noexcept {
    return days >= -999'999'999 && days <= 999'999'999 && seconds >= 0 && seconds < 86'400 &&
           microseconds >= 0 && microseconds < 1'000'000;
  }
};
/// str() of it.
std::string delta_text(Delta const& delta);
/// As the zone of an isoformat(): "+05:30"; nothing for a day or more.
std::optional<std::string> offset_text(Delta const& delta);

}  // namespace logboom::inputs
