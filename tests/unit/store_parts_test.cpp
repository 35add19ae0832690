// Parts of the store that need no file: the bounded dictionary, the roll-up, the cutting of texts.
#include "store/dictionary.hpp"
#include "store/rollup.hpp"
#include "store/text_limit.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <memory>
#include <string>

namespace logboom::store {
namespace {

TEST(Dictionary, FindsWhatWasAdded) {
  Dictionary<std::string, int> names(10, 1'000);
  EXPECT_FALSE(names.find("a"));
  names.add("a", 1, 1);
  EXPECT_EQ(names.find("a"), 1);
  names.clear();
  EXPECT_FALSE(names.find("a"));
}

TEST(Dictionary, HoldsAtMostTwoGenerations) {
  Dictionary<int, int> names(100, 1'000'000);
  for (int i = 0; i < 10'000; ++i) {
    names.add(i, i, 1);
    EXPECT_LE(names.size(), 200U);
  }
  EXPECT_EQ(names.find(9'999), 9'999);
  EXPECT_FALSE(names.find(0));
}

TEST(Dictionary, HoldsAtMostTwiceItsBytes) {
  Dictionary<int, int> names(1'000'000, 100);
  for (int i = 0; i < 1'000; ++i) names.add(i, i, 30);
  EXPECT_LE(names.size(), 6U);
  names.add(-1, 1, 1'000);  // larger than the bound: held alone
  EXPECT_EQ(names.find(-1), 1);
}

TEST(Dictionary, WhatIsInUseStays) {
  Dictionary<int, int> names(100, 1'000'000);
  names.add(-1, 7, 1);
  for (int i = 0; i < 10'000; ++i) {
    names.add(i, i, 1);
    if (i % 50 == 0) {
      EXPECT_EQ(names.find(-1), 7) << i;
    }
  }
}

TEST(Rollup, CountsByMinuteAndSiteAndByMinuteAndLevel) {
  Block block;
  auto const site = [](Level level) {
    auto made = std::make_shared<Site>();
    made->level = level;
    return made;
  };
  block.sites = {site(20), site(30), site(20)};
  for (std::int64_t const time : {std::int64_t{0}, kMinuteNs - 1, kMinuteNs, std::int64_t{5}}) {
    block.entries.emplace_back().time = time;
  }
  block.entries[1].site = 1;
  block.entries[3].site = 2;
  std::int64_t const sites[] = {40, 41, 42};
  Rollup rollup;
  rollup.add(block, sites);
  rollup.add(block, sites);
  EXPECT_EQ(rollup.by_site(), (Rollup::Counts{{{0, 40}, 2}, {{0, 41}, 2}, {{0, 42}, 2}, {{1, 40}, 2}}));
  EXPECT_EQ(rollup.by_level(), (Rollup::Counts{{{0, 20}, 4}, {{0, 30}, 2}, {{1, 20}, 2}}));
  rollup.clear();
  EXPECT_TRUE(rollup.by_site().empty());
  EXPECT_TRUE(rollup.by_level().empty());
}

TEST(Rollup, MinutesRoundDownOverAllTimes) {
  EXPECT_EQ(minute_of(-1), -1);
  EXPECT_EQ(minute_of(-kMinuteNs), -1);
  EXPECT_EQ(minute_of(-kMinuteNs - 1), -2);
  EXPECT_EQ(minute_of(0), 0);
  EXPECT_EQ(minute_of(std::numeric_limits<std::int64_t>::min()), -153'722'868);
  EXPECT_EQ(minute_of(std::numeric_limits<std::int64_t>::max()), 153'722'867);
}

TEST(TextLimit, CutsBetweenCharactersAndMarks) {
  Block block;
  Entry& entry = block.entries.emplace_back();
  entry.message = "ääää";  // 8 bytes
  entry.stack = "12345";
  entry.fields_json = R"({"a":1})";
  cut_long_texts(block, 5);
  EXPECT_EQ(entry.message, "ää…[cut 4 bytes]");
  EXPECT_EQ(entry.stack, "12345");
  EXPECT_EQ(entry.fields_json, R"({"…":"[cut 7 bytes]"})");
}

}  // namespace
}  // namespace logboom::store
