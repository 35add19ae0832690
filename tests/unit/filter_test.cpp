// Filters: what passes, which topics they need, how field tests and points in time are read.
#include <logboom/filter.hpp>

#include "record/glob.hpp"
#include "record/record_codec.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>
#include <limits>
#include <stdexcept>

namespace logboom {
namespace {

Record sample() {
  Record r;
  r.time = 1000;
  r.level = level::kWarning;
  r.logger = "net.http";
  r.message = "GET /index took 12 ms";
  r.host = "node-7";
  r.process = "web";
  r.pid = 42;
  r.exception = "timeout\nin read";
  r.fields = {{"step", Value(std::int64_t{10})},
              {"ratio", Value(0.5)},
              {"path", Value(std::string("/tmp/x"))},
              {"zip", Value(std::string("007"))},
              {"ok", Value(true)},
              {"none", Value(nullptr)},
              {"list", Value(Value::Array{Value(std::int64_t{1})})},
              {"big", Value(std::numeric_limits<std::uint64_t>::max())}};
  return r;
}

bool passes(Filter filter) { return Matcher(std::move(filter)).matches(sample()); }
bool passes_field(std::string_view test) {
  Filter filter;
  filter.fields = {parse_field_test(test)};
  return passes(std::move(filter));
}

TEST(FilterTest, AnEmptyFilterPassesAll) { EXPECT_TRUE(passes({})); }

TEST(FilterTest, LevelIsAtLeast) {
  Filter f;
  f.level = 30;
  EXPECT_TRUE(passes(f));
  f.level = 31;
  EXPECT_FALSE(passes(f));
}

TEST(FilterTest, LoggersArePrefixesOfTheDottedNameOrGlobs) {
  auto const logger = [](std::vector<std::string> names) {
    Filter f;
    f.loggers = std::move(names);
    return passes(f);
  };
  EXPECT_TRUE(logger({"net"}));
  EXPECT_TRUE(logger({"net.http"}));
  EXPECT_FALSE(logger({"net.ht"}));
  EXPECT_FALSE(logger({"ne"}));
  EXPECT_FALSE(logger({"net.http.client"}));
  EXPECT_TRUE(logger({"db", "net"}));
  EXPECT_TRUE(logger({"net.*"}));
  EXPECT_TRUE(logger({"*.http"}));
  EXPECT_FALSE(logger({"*.htt"}));
  EXPECT_TRUE(logger({""}));
}

TEST(FilterTest, HostsProcessesAndPidsAreAlternatives) {
  Filter f;
  f.hosts = {"x", "node-*"};
  f.processes = {"web"};
  f.pids = {41, 42};
  EXPECT_TRUE(passes(f));
  Filter g = f;
  g.hosts = {"node"};
  EXPECT_FALSE(passes(g));
  g = f;
  g.processes = {"we"};
  EXPECT_FALSE(passes(g));
  g = f;
  g.pids = {41};
  EXPECT_FALSE(passes(g));
}

TEST(FilterTest, TimesAreSinceInclusiveUntilExclusive) {
  Filter f;
  f.since = 1000;
  f.until = 1001;
  EXPECT_TRUE(passes(f));
  f.since = 1001;
  EXPECT_FALSE(passes(f));
  f.since = 0;
  f.until = 1000;
  EXPECT_FALSE(passes(f));
}

TEST(FilterTest, ExpressionsAreSearchedInMessageAndException) {
  auto const regex = [](std::string text) {
    Filter f;
    f.regex = std::move(text);
    return passes(f);
  };
  EXPECT_TRUE(regex("took \\d+ ms$"));
  EXPECT_TRUE(regex("^timeout"));
  EXPECT_TRUE(regex("(?i)get"));
  EXPECT_FALSE(regex("get"));
}

TEST(FilterTest, ExpressionsThatExplodeElsewhereAreLinear) {
  Filter f;
  f.regex = "(a*)*(a*)*(a*)*b|(x+x+)+y";
  Matcher const matcher(f);
  Record r;
  r.message.assign(1 << 20, 'a');
  EXPECT_FALSE(matcher.matches(r));
  r.message.assign(1 << 20, 'x');
  EXPECT_FALSE(matcher.matches(r));
}

TEST(FilterTest, ABadExpressionIsNamed) {
  Filter f;
  f.regex = "a(b\x1b";
  try {
    Matcher const matcher(f);
    FAIL();
  } catch (std::invalid_argument const& error) {
    EXPECT_NE(std::string_view(error.what()).find("\"a(b\\x1b\""), std::string_view::npos) << error.what();
    EXPECT_NE(std::string_view(error.what()).find("missing )"), std::string_view::npos) << error.what();
  }
  f.regex = "(?:a{1000}){1000}";
  EXPECT_THROW(Matcher{f}, std::invalid_argument);
  f.regex = std::string(5000, 'a');
  EXPECT_THROW(Matcher{f}, std::invalid_argument);
}

TEST(FilterTest, ListsAreBounded) {
  Filter f;
  f.loggers.assign(1001, "a");
  EXPECT_THROW(Matcher{f}, std::invalid_argument);
  Filter g;
  g.fields.assign(101, {"a", FieldTest::Operator::kEqual, "b"});
  EXPECT_THROW(Matcher{g}, std::invalid_argument);
}

TEST(FilterTest, NumbersCompareAsNumbers) {
  EXPECT_TRUE(passes_field("step=10"));
  EXPECT_TRUE(passes_field("step=10.0"));
  EXPECT_TRUE(passes_field("step>9"));
  EXPECT_TRUE(passes_field("step>=1e1"));
  EXPECT_FALSE(passes_field("step<10"));
  EXPECT_TRUE(passes_field("step<=10"));
  EXPECT_FALSE(passes_field("step!=10"));
  EXPECT_TRUE(passes_field("ratio<0.6"));
  EXPECT_TRUE(passes_field("big=18446744073709551615"));
  EXPECT_FALSE(passes_field("big=18446744073709551614"));
  EXPECT_TRUE(passes_field("big>-1"));
}

TEST(FilterTest, TextsCompareAsTextsAndInOrderAsNumbersWhereTheyAre) {
  EXPECT_TRUE(passes_field("path=/tmp/x"));
  EXPECT_TRUE(passes_field("path~^/tmp"));
  EXPECT_FALSE(passes_field("path~^tmp"));
  EXPECT_FALSE(passes_field("zip=7"));
  EXPECT_TRUE(passes_field("zip=007"));
  EXPECT_TRUE(passes_field("zip<10"));
  EXPECT_TRUE(passes_field("path>/a"));
  EXPECT_TRUE(passes_field("ok=true"));
  EXPECT_TRUE(passes_field("none=null"));
  EXPECT_TRUE(passes_field("list=[1]"));
  EXPECT_TRUE(passes_field("step~^1"));
}

TEST(FilterTest, ARecordWithoutTheFieldPassesOnlyNotEqual) {
  EXPECT_TRUE(passes_field("user!=root"));
  for (char const* test : {"user=root", "user~.", "user<1", "user>=1"})
    EXPECT_FALSE(passes_field(test)) << test;
}

TEST(FilterTest, FieldTestsAreRead) {
  FieldTest const test = parse_field_test("http.status>=500");
  EXPECT_EQ(test.field, "http.status");
  EXPECT_EQ(test.op, FieldTest::Operator::kGreaterEqual);
  EXPECT_EQ(test.value, "500");
  EXPECT_EQ(parse_field_test("a==b").value, "b");
  EXPECT_EQ(parse_field_test("a=").value, "");
  EXPECT_EQ(parse_field_test("a~=b").value, "=b");
  for (char const* bad : {"", "table", "=x", "a!b", "a~("}) {
    EXPECT_THROW((void)parse_field_test(bad), std::invalid_argument) << bad;
  }
}

TEST(FilterTest, TopicsAreLevelsTimesLoggers) {
  auto const topics = [](std::optional<Level> level, std::vector<std::string> loggers) {
    Filter f;
    f.level = level;
    f.loggers = std::move(loggers);
    return Matcher(f).topics();
  };
  using List = std::vector<std::string>;
  EXPECT_EQ(topics({}, {}), (List{"0", "1", "2", "3", "4", "5"}));
  EXPECT_EQ(topics(30, {"net"}), (List{"3net.", "4net.", "5net."}));
  EXPECT_EQ(topics(45, {"net"}), (List{"4net.", "5net."}));
  EXPECT_EQ(topics(1000, {"net", "db"}), (List{"5db.", "5net."}));
  EXPECT_EQ(topics(-7, {"a"}).size(), 6U);
  EXPECT_EQ(topics(50, {"net", "net.http", "net*"}), (List{"5net"}));
  EXPECT_EQ(topics(50, {"net.*.x"}), (List{"5net."}));
  EXPECT_EQ(topics(50, {"net", "*.db"}), (List{"5"}));
  EXPECT_EQ(topics(50, {"net", ""}), (List{"5"}));
  std::vector<std::string> many;
  for (int i = 0; i < 65; ++i) many.push_back("a" + std::to_string(100 + i));
  EXPECT_EQ(topics(50, many), (List{"5"}));
}

TEST(FilterTest, EveryRecordThatPassesHasOneOfTheTopics) {
  std::string const endless(kMaxTopic + 1, 'x');
  for (std::string const& pattern :
       std::vector<std::string>{"net", "net.http", "n*", "*", "net.h*p", "*http", endless}) {
    for (std::string const& logger :
         std::vector<std::string>{"net", "net.http", "network", "", "net.http.x", "n", endless}) {
      for (Level const level : {-5, 0, 9, 30, 39, 77}) {
        Filter f;
        f.loggers = {pattern};
        Matcher const matcher(f);
        Record r;
        r.logger = logger;
        r.level = level;
        if (!matcher.matches(r)) continue;
        std::string topic;
        live_topic(level, logger, topic);
        bool covered = false;
        for (std::string const& prefix : matcher.topics()) covered = covered || topic.starts_with(prefix);
        EXPECT_TRUE(covered) << pattern << " " << topic;
      }
    }
  }
}

TEST(FilterTest, Globs) {
  EXPECT_TRUE(glob_matches("", ""));
  EXPECT_TRUE(glob_matches("*", ""));
  EXPECT_TRUE(glob_matches("a*b*c", "aXbbYc"));
  EXPECT_TRUE(glob_matches("*a*a*", "aa"));
  EXPECT_FALSE(glob_matches("*a*a*", "a"));
  EXPECT_FALSE(glob_matches("a", "ab"));
  EXPECT_FALSE(glob_matches(std::string(50, '*') + "b", std::string(10'000, 'a')));
}

class ParseTime : public testing::Test {
 protected:
  void SetUp() override {
    ::setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
    ::tzset();
  }
  static constexpr std::int64_t kSecond = 1'000'000'000;
  static constexpr std::int64_t kNow = 1'795'170'605 * kSecond;  // 2026-11-20T11:30:05+01:00
  static std::int64_t seconds(std::string_view text) { return parse_time(text, kNow) / kSecond; }
};

TEST_F(ParseTime, DatesAndTimes) {
  EXPECT_EQ(seconds("2026-11-20"), 1'795'129'200);
  EXPECT_EQ(seconds("2026-11-20T11:30:05"), 1'795'170'605);
  EXPECT_EQ(seconds("2026-11-20 11:30"), 1'795'170'600);
  EXPECT_EQ(seconds("2026-11-20T10:30:05Z"), 1'795'170'605);
  EXPECT_EQ(seconds("2026-11-20T10:30:05+00:00"), 1'795'170'605);
  EXPECT_EQ(seconds("2026-11-20T05:00:05-0530"), 1'795'170'605);
  EXPECT_EQ(seconds("2026-07-01T12:00:00"), 1'782'900'000);  // daylight saving time
  EXPECT_EQ(parse_time("2026-11-20T10:30:05.123456789Z", kNow), 1'795'170'605'123'456'789);
  EXPECT_EQ(parse_time("2026-11-20T10:30:05.5Z", kNow), 1'795'170'605'500'000'000);
  EXPECT_EQ(seconds("1969-12-31T23:59:59Z"), -1);
}

TEST_F(ParseTime, TodayAndAgo) {
  EXPECT_EQ(seconds("10:30"), 1'795'167'000);
  EXPECT_EQ(seconds("10:30:07"), 1'795'167'007);
  EXPECT_EQ(seconds("now"), 1'795'170'605);
  EXPECT_EQ(seconds("15m"), 1'795'170'605 - 900);
  EXPECT_EQ(seconds("2h30m"), 1'795'170'605 - 9000);
  EXPECT_EQ(seconds("3d"), 1'795'170'605 - 3 * 86'400);
  EXPECT_EQ(seconds("1w"), 1'795'170'605 - 7 * 86'400);
  EXPECT_EQ(parse_time("500ms", kNow), kNow - kSecond / 2);
}

TEST_F(ParseTime, UnixSeconds) {
  EXPECT_EQ(seconds("1795170605"), 1'795'170'605);
  EXPECT_EQ(parse_time("1795170605.25", kNow), 1'795'170'605'250'000'000);
  EXPECT_EQ(parse_time("0", kNow), 0);
}

TEST_F(ParseTime, AnythingElseIsRefusedAndNamed) {
  for (char const* bad :
       {"", "yesterday", "2026-13-01", "2026-02-30", "2026-11-20T25:00", "2026-11-20T10", "2026-11-20T10:30x",
        "10:60", "-5", "5y", "5m3", "99999999999999999999", "9999999999", "1.", "2026-11-20T10:30+25:00",
        "\x1b[2J", "9999-01-01", "9223372035w"}) {
    try {
      (void)parse_time(bad, kNow);
      ADD_FAILURE() << bad;
    } catch (std::invalid_argument const& error) {
      EXPECT_EQ(std::string_view(error.what()).find('\x1b'), std::string_view::npos);
      EXPECT_NE(std::string_view(error.what()).find("not a point in time"), std::string_view::npos);
    }
  }
}

}  // namespace
}  // namespace logboom
