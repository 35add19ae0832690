// Sizes, durations and rates as people write them, and back.
#include "record/quantity.hpp"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

namespace logboom {
namespace {

using namespace std::chrono_literals;

TEST(Quantity, ReadsSizes) {
  EXPECT_EQ(parse_size("0"), 0U);
  EXPECT_EQ(parse_size("4096"), 4096U);
  EXPECT_EQ(parse_size("50MiB"), 50U << 20U);
  EXPECT_EQ(parse_size("20 GiB"), 20ULL << 30U);
  EXPECT_EQ(parse_size("1K"), 1024U);
  EXPECT_EQ(parse_size("1k"), 1024U);
  EXPECT_EQ(parse_size("5MB"), 5'000'000U);
  EXPECT_EQ(parse_size("5mb"), 5'000'000U);
  EXPECT_EQ(parse_size("1.5GiB"), 3ULL << 29U);
  EXPECT_EQ(parse_size("2TiB"), 2ULL << 40U);
  EXPECT_EQ(parse_size("10B"), 10U);
  EXPECT_EQ(parse_size("9007199254740993"), 9007199254740993U) << "exactly";
}

TEST(Quantity, RefusesWhatIsNoSize) {
  for (char const* text : {"", "MiB", "-1", "5 apples", "5MiBs", "1e3", "5..5K", "99999999999999999999",
                           "9000000TiB", "0x10", "1 0"})
    EXPECT_THROW(parse_size(text), std::invalid_argument) << text;
}

TEST(Quantity, ReadsDurations) {
  EXPECT_EQ(parse_duration("30d"), 720h);
  EXPECT_EQ(parse_duration("2h30m"), 150min);
  EXPECT_EQ(parse_duration("500ms"), 500ms);
  EXPECT_EQ(parse_duration("1w1d"), 192h);
  EXPECT_EQ(parse_duration("0"), 0s);
  EXPECT_EQ(parse_duration("10s5ms"), 10'005ms);
}

TEST(Quantity, RefusesWhatIsNoDuration) {
  for (char const* text : {"", "30", "d", "-1s", "1y", "1.5h", "99999999999w", "1h 30m", "ms"}) {
    EXPECT_THROW(parse_duration(text), std::invalid_argument) << text;
    EXPECT_FALSE(read_duration(text)) << text;
  }
}

TEST(Quantity, ReadsRates) {
  EXPECT_DOUBLE_EQ(parse_rate("100/s"), 100);
  EXPECT_DOUBLE_EQ(parse_rate("30/m"), 0.5);
  EXPECT_DOUBLE_EQ(parse_rate("0.5/s"), 0.5);
  EXPECT_DOUBLE_EQ(parse_rate("86400/d"), 1);
  for (char const* text : {"", "100", "/s", "100/", "100/y", "-1/s", "100/ms", "1 00/s"})
    EXPECT_THROW(parse_rate(text), std::invalid_argument) << text;
}

TEST(Quantity, WritesWhatItReads) {
  for (std::uint64_t const size :
       {0ULL, 1ULL, 1023ULL, 1024ULL, 50ULL << 20U, (50ULL << 20U) + 1, 20ULL << 30U, 1ULL << 50U})
    EXPECT_EQ(parse_size(size_text(size)), size);
  EXPECT_EQ(size_text(50U << 20U), "50MiB");
  for (std::chrono::nanoseconds const length :
       {std::chrono::nanoseconds(0ms), std::chrono::nanoseconds(50ms), std::chrono::nanoseconds(90min),
        std::chrono::nanoseconds(721h), std::chrono::nanoseconds(61'001ms)})
    EXPECT_EQ(parse_duration(duration_text(length)), length) << duration_text(length);
  EXPECT_EQ(duration_text(720h), "30d");
  EXPECT_EQ(duration_text(150min), "2h30m");
  for (char const* const rate : {"100/s", "10/m", "20/h", "7/d", "0.25/s", "3.5/m", "1234567/s"})
    EXPECT_DOUBLE_EQ(parse_rate(rate_text(parse_rate(rate))), parse_rate(rate)) << rate_text(parse_rate(rate));
  EXPECT_EQ(rate_text(parse_rate("20/h")), "20/h");
}

}  // namespace
}  // namespace logboom
