// Sampling, rate limits and repeats, by call site and by logger; the bound of the table; what no limit can be. And the parts of a sink's filter.
#include "sinks/limiter.hpp"

#include "sink_fixture.hpp"
#include "sinks/selector.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>

namespace logboom::sinks {
namespace {

using namespace std::chrono_literals;
using Per = LimitOptions::Per;

Record record(std::string const& message, std::string const& logger = "app", std::uint32_t line = 1) {
  Record made;
  made.message = message;
  made.logger = logger;
  made.file = "app.cpp";
  made.line = line;
  return made;
}

class LimiterTest : public testing::Test {
 protected:
  std::optional<std::uint64_t> admit(Limiter& limiter, Record const& one) const {
    return limiter.admit(one, now_);
  }
  Limiter::Time now_{1'000h};
};

constexpr std::nullopt_t kLeftOut = std::nullopt;

TEST_F(LimiterTest, WithoutLimitsEverythingPasses) {
  Limiter limiter{LimitOptions{}};
  EXPECT_FALSE(limiter.active());
  for (int i = 0; i < 10; ++i) EXPECT_EQ(admit(limiter, record("x")), 0U);
}

TEST_F(LimiterTest, SamplingTakesTheFirstAndThenOneInSoMany) {
  Limiter limiter({.every = 3});
  EXPECT_TRUE(limiter.active());
  EXPECT_EQ(admit(limiter, record("1")), 0U);
  EXPECT_EQ(admit(limiter, record("2")), kLeftOut);
  EXPECT_EQ(admit(limiter, record("3")), kLeftOut);
  EXPECT_EQ(admit(limiter, record("4")), 2U);
  EXPECT_EQ(admit(limiter, record("other", "app", 2)), 0U) << "another call site counts for itself";
}

TEST_F(LimiterTest, RateIsASecondsWorthAtOnceAndThenAsTimeGoesBy) {
  Limiter limiter({.rate = 2});
  EXPECT_EQ(admit(limiter, record("x")), 0U);
  EXPECT_EQ(admit(limiter, record("x")), 0U);
  EXPECT_EQ(admit(limiter, record("x")), kLeftOut);
  now_ += 400ms;
  EXPECT_EQ(admit(limiter, record("x")), kLeftOut);
  now_ += 101ms;
  EXPECT_EQ(admit(limiter, record("x")), 2U);
  EXPECT_EQ(admit(limiter, record("x")), kLeftOut);
  now_ += 1h;
  EXPECT_EQ(admit(limiter, record("x")), 1U) << "no more than a second's worth is saved up";
  EXPECT_EQ(admit(limiter, record("x")), 0U);
  EXPECT_EQ(admit(limiter, record("x")), kLeftOut);
}

TEST_F(LimiterTest, ASlowRateHasOneAtOnce) {
  Limiter limiter({.rate = 1.0 / 60});
  EXPECT_EQ(admit(limiter, record("x")), 0U);
  EXPECT_EQ(admit(limiter, record("x")), kLeftOut);
  now_ += 61s;
  EXPECT_EQ(admit(limiter, record("x")), 1U);
}

TEST_F(LimiterTest, RepeatsOfTheLastMessagePassedOnAreLeftOutForAWhile) {
  Limiter limiter({.repeats = 10s});
  EXPECT_EQ(admit(limiter, record("a")), 0U);
  EXPECT_EQ(admit(limiter, record("a")), kLeftOut);
  EXPECT_EQ(admit(limiter, record("a")), kLeftOut);
  EXPECT_EQ(admit(limiter, record("b")), 2U);
  EXPECT_EQ(admit(limiter, record("a")), 0U);
  now_ += 10s;
  EXPECT_EQ(admit(limiter, record("a")), kLeftOut);
  now_ += 1ms;
  EXPECT_EQ(admit(limiter, record("a")), 1U) << "counted from the one passed on";
}

TEST_F(LimiterTest, ByLoggerAllItsCallSitesCountTogether) {
  Limiter limiter({.every = 2, .per = Per::kLogger});
  EXPECT_EQ(admit(limiter, record("x", "app", 1)), 0U);
  EXPECT_EQ(admit(limiter, record("x", "app", 2)), kLeftOut);
  EXPECT_EQ(admit(limiter, record("x", "app", 3)), 1U);
  EXPECT_EQ(admit(limiter, record("x", "other", 3)), 0U);
}

TEST_F(LimiterTest, ForgetsWhatWasNotSeenTheLongest) {
  Limiter limiter({.every = 2}, 2);
  EXPECT_EQ(admit(limiter, record("x", "a")), 0U);
  EXPECT_EQ(admit(limiter, record("x", "b")), 0U);
  EXPECT_EQ(admit(limiter, record("x", "a")), kLeftOut);
  EXPECT_EQ(admit(limiter, record("x", "c")), 0U);  // b goes
  EXPECT_EQ(admit(limiter, record("x", "a")), 1U);
  EXPECT_EQ(admit(limiter, record("x", "b")), 0U) << "begins anew";
}

TEST_F(LimiterTest, RefusesWhatIsNoLimit) {
  EXPECT_THROW(Limiter({.every = 0}), std::invalid_argument);
  EXPECT_THROW(Limiter({.rate = -1}), std::invalid_argument);
  EXPECT_THROW(Limiter({.rate = std::numeric_limits<double>::quiet_NaN()}), std::invalid_argument);
  EXPECT_THROW(Limiter({.repeats = -1ms}), std::invalid_argument);
}

std::vector<bool> selected(Filter const& filter, Block const& block) {
  std::vector<bool> out;
  auto const count = Selector(filter).select(block, out);
  EXPECT_EQ(count, static_cast<std::size_t>(std::count(out.begin(), out.end(), true)));
  return out;
}

TEST(Selector, SelectsBySiteAndSource) {
  Block block;
  add_record(block, "0", {.logger = "net.http", .level = level::kError, .host = "a", .process = "web"});
  add_record(block, "1", {.logger = "net", .level = level::kInfo, .host = "a", .process = "web"});
  add_record(block, "2", {.logger = "db", .level = level::kError, .host = "b", .process = "etl"});
  using Bits = std::vector<bool>;
  auto const by = [&](auto set) {
    Filter filter;
    set(filter);
    return selected(filter, block);
  };
  EXPECT_EQ(by([](Filter&) {}), (Bits{true, true, true}));
  EXPECT_EQ(by([](Filter& filter) { filter.level = level::kWarning; }), (Bits{true, false, true}));
  EXPECT_EQ(by([](Filter& filter) { filter.loggers = {"net"}; }), (Bits{true, true, false}));
  EXPECT_EQ(by([](Filter& filter) { filter.loggers = {"*http", "db"}; }), (Bits{true, false, true}));
  EXPECT_EQ(by([](Filter& filter) { filter.hosts = {"b"}; }), (Bits{false, false, true}));
  EXPECT_EQ(by([](Filter& filter) {
              filter.level = level::kError;
              filter.processes = {"w*"};
            }),
            (Bits{true, false, false}));
  EXPECT_EQ(by([](Filter& filter) { filter.regex = "0"; }), (Bits{true, true, true}))
      << "what the text says comes later";
}

TEST(Selector, MatchesTheRestOfTheFilter) {
  Filter filter;
  filter.level = level::kError;
  filter.regex = "needle";
  filter.fields = {parse_field_test("step>=10")};
  Selector const selector(filter);
  Record one;
  one.message = "a needle";
  EXPECT_FALSE(selector.matches(one));
  one.fields.emplace_back("step", Value(Value::Data(std::int64_t{10})));
  EXPECT_TRUE(selector.matches(one)) << "the level was looked at before";
  one.message = "hay";
  EXPECT_FALSE(selector.matches(one));
}

}  // namespace
}  // namespace logboom::sinks
