// Rates as people read them.
#include "collector/rate.hpp"

#include <gtest/gtest.h>

namespace logboom::collector {
namespace {

TEST(Rate, IsRightFromTheFirstSecondOn) {
  Rate rate;
  EXPECT_EQ(rate.value(), 0);
  for (std::uint64_t i = 1; i <= 30; ++i) {
    rate.tick(i * 500, 1);
    EXPECT_NEAR(rate.value(), 500, 1e-6);
  }
}

TEST(Rate, DependsOnTimeNotOnHowOftenItIsLookedAt) {
  Rate often;
  Rate seldom;
  for (std::uint64_t i = 1; i <= 40; ++i) often.tick(i * 25, 0.25);
  for (std::uint64_t i = 1; i <= 5; ++i) seldom.tick(i * 200, 2);
  EXPECT_NEAR(often.value(), 100, 1e-6);
  EXPECT_NEAR(seldom.value(), 100, 1e-6);
}

TEST(Rate, FollowsAChangeAndFallsToNothing) {
  Rate rate;
  std::uint64_t total = 0;
  for (int i = 0; i < 60; ++i) rate.tick(total += 1'000, 1);
  for (int i = 0; i < 7; ++i) rate.tick(total, 1);
  EXPECT_NEAR(rate.value(), 500, 10) << "half of it in seven seconds";
  for (int i = 0; i < 200; ++i) rate.tick(total, 1);
  EXPECT_EQ(rate.value(), 0);
  rate.tick(total += 10, 0);
  EXPECT_EQ(rate.value(), 0) << "no time has passed";
}

}  // namespace
}  // namespace logboom::collector
