// Sampling of log calls: which become records, and that those say how many before them did not.
#include "publisher_fixture.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <limits>
#include <string>
#include <thread>
#include <vector>

namespace logboom::publisher::test {
namespace {

using namespace std::chrono_literals;

class Sampling : public testing::Test {
 protected:
  Bus bus;
  Logger log = bus.logger("test");

  std::vector<std::string> shown() {
    std::vector<std::string> all;
    for (Record const& record : bus.records()) {
      all.push_back(std::to_string(record.level) + " " + record.message + " " +
                    field_text(record, "suppressed"));
    }
    return all;
  }
  using Shown = std::vector<std::string>;
};

TEST_F(Sampling, EveryNTakesTheFirstAndThenEachNth) {
  for (int i = 0; i < 7; ++i) LOGBOOM_INFO_EVERY_N(3, log, "call {i}", i);
  EXPECT_EQ(shown(), (Shown{"20 call 0 (absent)", "20 call 3 2", "20 call 6 2"}));
}

TEST_F(Sampling, NMayChangeAndTheCountStaysRight) {
  std::vector<int> const periods{1, 5, 2, 0, -3, 1, 4, 4, 4, 4};
  for (int const n : periods) LOGBOOM_EVERY_N(n, log, level::kWarning, "{n}", n);
  EXPECT_EQ(shown(),
            (Shown{"30 1 (absent)", "30 2 1", "30 0 (absent)", "30 -3 (absent)", "30 1 (absent)", "30 4 3"}));
}

TEST_F(Sampling, OnceTakesTheFirst) {
  for (int i = 0; i < 5; ++i) {
    LOGBOOM_ERROR_ONCE(log, "call {}", i);
    LOGBOOM_ONCE(log, 35, "another site {}", i);
  }
  EXPECT_EQ(shown(), (Shown{"40 call 0 (absent)", "35 another site 0 (absent)"}));
}

TEST_F(Sampling, EveryTakesOneInEachSuchTime) {
  for (int i = 0; i < 1'000; ++i) {
    LOGBOOM_INFO_EVERY(1h, log, "of an hour {}", i);
    LOGBOOM_EVERY(std::chrono::hours::max(), log, level::kDebug, "ever {}", i);
  }
  for (int i = 0; i < 3; ++i) LOGBOOM_INFO_EVERY(0s, log, "each {}", i);
  EXPECT_EQ(shown(), (Shown{"20 of an hour 0 (absent)", "10 ever 0 (absent)", "20 each 0 (absent)",
                            "20 each 1 (absent)", "20 each 2 (absent)"}));
}

TEST_F(Sampling, EveryCountsWhatItSuppressesUntilTheTimeIsOver) {
  for (auto const interval : {2ms, 100ms}) {  // by either clock
    detail::Every every;
    EXPECT_TRUE(every.take(interval));
    std::uint64_t suppressed = 0;
    auto const end = std::chrono::steady_clock::now() + 30s;
    for (;;) {
      auto const sample = every.take(interval);
      ASSERT_LT(std::chrono::steady_clock::now(), end);
      if (sample) {
        EXPECT_EQ(sample.suppressed, suppressed);
        break;
      }
      ++suppressed;
    }
  }
  EXPECT_TRUE(detail::Every().take(std::chrono::duration<double>(1e300)));
  EXPECT_TRUE(detail::Every().take(-1s));
}

TEST_F(Sampling, EachSiteCountsForItselfWhateverTheLogger) {
  Logger const other = bus.logger("other");
  for (int i = 0; i < 4; ++i) {
    LOGBOOM_INFO_EVERY_N(4, i % 2 == 0 ? log : other, "a {}", i);
    LOGBOOM_INFO_EVERY_N(4, log, "b {}", i);
  }
  EXPECT_EQ(shown(), (Shown{"20 a 0 (absent)", "20 b 0 (absent)"}));
}

TEST_F(Sampling, WhatIsBelowTheLevelIsNotCountedAndWhatIsSuppressedEvaluatesNothing) {
  Bus quiet([](PublisherOptions& options) { options.levels = "info"; });
  Logger const off = quiet.logger("test");
  int evaluated = 0;
  for (int i = 0; i < 5; ++i) {
    LOGBOOM_INFO_EVERY_N(2, i < 3 ? (++evaluated, Logger()) : off, "call {}", (++evaluated, i));
    LOGBOOM_DEBUG_EVERY_N(2, off, "call {}", (evaluated += 100, i));
    LOGBOOM_DEBUG_ONCE(off, "call {}", (evaluated += 100, i));
  }
  EXPECT_EQ(evaluated, 4) << "three silent loggers and one record";
  EXPECT_EQ(quiet.only().message, "call 3");
}

TEST_F(Sampling, TheCountStandsAfterTheFieldsOfTheCall) {
  for (int i = 0; i < 3; ++i) LOGBOOM_INFO_EVERY_N(2, log, "{a} of {}", i, 7, field("step", i));
  Record const record = bus.last();
  EXPECT_EQ(record.message, "2 of 7");
  ASSERT_EQ(record.fields.size(), 3U);
  EXPECT_EQ(record.fields[1].first, "step");
  EXPECT_EQ(record.fields[2].first, "suppressed");
  EXPECT_EQ(field_text(record, "suppressed"), "1");
}

TEST_F(Sampling, ThreadsShareTheSiteAndNoCallIsCountedTwiceOrNot) {
  constexpr int kThreads = 4;
  constexpr int kCalls = 20'000;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < kCalls; ++i) {
        LOGBOOM_INFO_EVERY_N(100, log, "n");
        LOGBOOM_WARNING_EVERY(100us, log, "t");
        LOGBOOM_ERROR_ONCE(log, "o");
      }
    });
  }
  for (auto& thread : threads) thread.join();
  LOGBOOM_ERROR(log, "end");
  std::uint64_t of_n = 0;
  std::uint64_t of_t = 0;
  std::uint64_t records_of_n = 0;
  int of_o = 0;
  for (Record const& record : bus.records()) {
    std::string const count = field_text(record, "suppressed");
    std::uint64_t const calls = 1 + (count == "(absent)" ? 0 : std::stoull(count));
    if (record.message == "n") of_n += calls, ++records_of_n;
    if (record.message == "t") of_t += calls;
    if (record.message == "o") ++of_o;
  }
  EXPECT_EQ(records_of_n, kThreads * kCalls / 100U);
  EXPECT_EQ(of_n, kThreads * kCalls - 99U);
  EXPECT_LE(of_t, std::uint64_t{kThreads} * kCalls);
  EXPECT_GE(of_t, 1U);
  EXPECT_EQ(of_o, 1);
}

}  // namespace
}  // namespace logboom::publisher::test
