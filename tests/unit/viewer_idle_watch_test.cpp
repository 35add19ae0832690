// When a viewer that ends with the publishers ends: who counts, who does not, and what a restart of the collector changes.
#include "viewer/idle_watch.hpp"

#include <gtest/gtest.h>

namespace logboom::viewer {
namespace {

using Who = std::vector<std::pair<std::string, std::uint64_t>>;

LiveCounters says(std::uint64_t joined, std::uint64_t present, std::int64_t settled, std::uint64_t epoch = 1,
                  Who who = {}) {
  LiveCounters counters;
  counters.epoch = epoch;
  counters.presence = LivePresence{joined, present, settled, std::move(who)};
  return counters;
}

IdleWatch watch(std::uint64_t publishers = 1, bool earlier = false) {
  return IdleWatch({.publishers = publishers, .earlier = earlier, .host = "here", .pid = 7});
}

TEST(IdleWatch, EndsWhenWhoCameHasLeft) {
  auto idle = watch();
  EXPECT_FALSE(idle.take(says(0, 0, 500))) << "nobody came yet";
  EXPECT_FALSE(idle.take(says(1, 1, 0)));
  EXPECT_FALSE(idle.take(says(1, 1, 900)));
  EXPECT_FALSE(idle.take(says(1, 0, 0))) << "not settled";
  EXPECT_TRUE(idle.take(says(1, 0, 200)));
}

TEST(IdleWatch, WhoIsThereAtTheFirstSyncCounts) {
  auto idle = watch();
  EXPECT_FALSE(idle.take(says(5, 2, 3000)));
  EXPECT_TRUE(idle.take(says(5, 0, 300)));
}

TEST(IdleWatch, WhoLeftBeforeTheFirstSyncCountsOnlyWithHistory) {
  EXPECT_FALSE(watch().take(says(5, 0, 3000)));
  EXPECT_TRUE(watch(1, true).take(says(5, 0, 3000)));
}

TEST(IdleWatch, WaitsForAsManyAsAsked) {
  auto idle = watch(3);
  idle.take(says(0, 0, 500));
  EXPECT_FALSE(idle.take(says(2, 0, 500)));
  EXPECT_TRUE(idle.take(says(3, 0, 500)));
}

TEST(IdleWatch, ThePublisherOfThisProcessIsNotWaitedForAndDoesNotCount) {
  auto idle = watch();
  Who const me{{"here", 7}};
  EXPECT_FALSE(idle.take(says(1, 1, 500, 1, me)));
  EXPECT_FALSE(idle.take(says(2, 2, 500, 1, {{"here", 7}, {"here", 8}})));
  EXPECT_FALSE(idle.take(says(2, 1, 500, 1, {{"there", 7}}))) << "same pid elsewhere";
  EXPECT_TRUE(idle.take(says(2, 1, 500, 1, me)));
}

TEST(IdleWatch, OwnPublisherThatJoinsLaterIsNobody) {
  auto idle = watch();
  idle.take(says(0, 0, 500));
  EXPECT_FALSE(idle.take(says(1, 1, 500, 1, {{"here", 7}})));
}

TEST(IdleWatch, AfterARestartThoseThatComeAgainAreEnough) {
  auto idle = watch();
  idle.take(says(1, 1, 500));
  EXPECT_FALSE(idle.take(says(0, 0, 500, 2)));
  EXPECT_FALSE(idle.take(says(1, 1, 0, 2)));
  EXPECT_TRUE(idle.take(says(1, 0, 200, 2)));
}

TEST(IdleWatch, AfterARestartThoseThatNeverComeAgainCountAsGoneInTheEnd) {
  auto idle = watch();
  idle.take(says(1, 1, 500));
  EXPECT_FALSE(idle.take(says(0, 0, IdleWatch::kLongSettled - 1, 2)));
  EXPECT_TRUE(idle.take(says(0, 0, IdleWatch::kLongSettled, 2)));
}

TEST(IdleWatch, ACollectorThatDoesNotSayNeverEndsIt) {
  LiveCounters counters;
  counters.epoch = 1;
  EXPECT_FALSE(watch().take(counters));
}

TEST(IdleWatch, NonsenseIsHarmless) {
  auto idle = watch();
  EXPECT_FALSE(idle.take(says(1, 5, 500)));
  EXPECT_FALSE(idle.take(says(0, 9, -1, 2)));
  EXPECT_FALSE(idle.take(says(0, 0, 100, 3)));
}

}  // namespace
}  // namespace logboom::viewer
