// The types of options that stand in for those of <chrono> and <functional>.
#include <logboom/callback.hpp>
#include <logboom/milliseconds.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <type_traits>
#include <utility>

namespace logboom {
namespace {

using namespace std::chrono_literals;

TEST(MillisecondsOfOptions, AreMadeOfDurationsOfWholeMilliseconds) {
  EXPECT_EQ(Milliseconds(5ms).count(), 5);
  EXPECT_EQ(Milliseconds(2s).count(), 2000);
  EXPECT_EQ(Milliseconds(-1h).count(), -3'600'000);
  static_assert(std::is_convertible_v<std::chrono::minutes, Milliseconds>);
  static_assert(!std::is_constructible_v<Milliseconds, std::chrono::microseconds>, "would be cut off");
  static_assert(!std::is_constructible_v<Milliseconds, std::chrono::duration<double>>, "would be cut off");
  static_assert(!std::is_convertible_v<int, Milliseconds>, "of what?");
}

TEST(MillisecondsOfOptions, BecomeDurationsThatCanHoldThem) {
  EXPECT_EQ(std::chrono::milliseconds(Milliseconds(5)), 5ms);
  EXPECT_EQ(std::chrono::duration<double>(Milliseconds(1500)).count(), 1.5);
  std::chrono::nanoseconds const year = Milliseconds(365 * 24h);
  EXPECT_EQ(year, 365 * 24h);
  static_assert(!std::is_convertible_v<Milliseconds, std::chrono::seconds>, "would be cut off");
}

TEST(MillisecondsOfOptions, AreCompared) {
  EXPECT_TRUE(Milliseconds(1000) == 1s);
  EXPECT_TRUE(Milliseconds(1000) != 1ms);
}

TEST(CallbackOfOptions, IsEmptyUntilItHasAFunction) {
  Callback callback;
  EXPECT_FALSE(callback);
  int calls = 0;
  callback = [&calls] { ++calls; };
  EXPECT_TRUE(callback);
  callback();
  EXPECT_EQ(calls, 1);
}

TEST(CallbackOfOptions, IsCopiedWithItsFunctionAndMoved) {
  auto const held = std::make_shared<int>(0);
  {
    Callback first = [held] { ++*held; };
    Callback const second = first;
    EXPECT_EQ(held.use_count(), 3);
    Callback const third = std::move(first);
    EXPECT_EQ(held.use_count(), 3);
    second();
    third();
  }
  EXPECT_EQ(*held, 2);
  EXPECT_EQ(held.use_count(), 1);
}

}  // namespace
}  // namespace logboom
