// The live publisher without a socket: topics, counters, syncs, ticks, and nothing rendered that nobody wants.
#include "record/record_codec.hpp"
#include "record/wire.hpp"
#include "sinks/publish.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace logboom::sinks {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;
using testing::SizeIs;
using testing::UnorderedElementsAre;

std::span<std::byte const> bytes(std::string const& text) { return std::as_bytes(std::span(text)); }

class LivePublisherTest : public testing::Test {
 protected:
  /// One block with a record for each logger and level.
  std::shared_ptr<Block> commit(std::vector<std::pair<Level, std::string>> const& records) {
    auto block = std::make_shared<Block>();
    auto const source = std::make_shared<Source>();
    for (auto const& [level, logger] : records) {
      auto& site = sites_[{level, logger}];
      if (!site) {
        auto made = std::make_shared<Site>();
        made->level = level;
        made->logger = logger;
        site = made;
      }
      wire::add_entry(*block, site, source, 1, 0, "text");
    }
    block->first_id = next_id_;
    next_id_ += static_cast<std::int64_t>(records.size());
    live_.take(block);
    return block;
  }
  void subscribe(std::string const& topic) { live_.on_subscription('\1' + topic); }
  void unsubscribe(std::string const& topic) { live_.on_subscription('\0' + topic); }
  /// Topic, id and n of what was sent.
  std::vector<std::tuple<std::string, std::int64_t, std::uint64_t>> records() {
    std::vector<std::tuple<std::string, std::int64_t, std::uint64_t>> found;
    for (auto const& [topic, message] : sent_) {
      std::uint64_t n = 0;
      auto const record = decode_live(bytes(message), &n);
      found.emplace_back(topic, record.id, n);
    }
    sent_.clear();
    return found;
  }
  LiveCounters counters() {
    auto const found = decode_counters(bytes(sent_.back().second));
    sent_.clear();
    return found;
  }

  std::map<std::pair<Level, std::string>, std::shared_ptr<Site const>> sites_;
  std::vector<std::pair<std::string, std::string>> sent_;
  std::int64_t next_id_ = 101;
  LivePublisher live_{7, 100, [this](std::string_view topic, std::string_view message) {
                        sent_.emplace_back(topic, message);
                      }};
};

TEST_F(LivePublisherTest, SendsNothingThatNobodyListensFor) {
  commit({{30, "net"}});
  EXPECT_THAT(sent_, IsEmpty());
  subscribe("4");
  commit({{30, "net"}});
  EXPECT_THAT(sent_, IsEmpty());
}

TEST_F(LivePublisherTest, SendsByPrefixOfLevelAndLogger) {
  subscribe("3net.");
  commit({{30, "net"}, {30, "net.http"}, {30, "network"}, {40, "net"}});
  EXPECT_THAT(records(), ElementsAre(std::tuple("3net.", 101, 1), std::tuple("3net.http.", 102, 1)));
}

TEST_F(LivePublisherTest, CountsATopicWhetherOrNotAnybodyListens) {
  commit({{20, "a"}, {20, "a"}, {20, "b"}});
  subscribe("2");
  commit({{20, "a"}, {20, "b"}});
  EXPECT_THAT(records(), ElementsAre(std::tuple("2a.", 104, 3), std::tuple("2b.", 105, 2)));
}

TEST_F(LivePublisherTest, StopsWhenTheLastSubscriptionEnds) {
  subscribe("2");
  commit({{20, "a"}});
  EXPECT_THAT(records(), SizeIs(1));
  unsubscribe("2");
  commit({{20, "a"}});
  EXPECT_THAT(sent_, IsEmpty());
}

TEST_F(LivePublisherTest, AnswersASyncWithIdAndCounters) {
  commit({{20, "a"}, {20, "a"}, {30, "b"}});
  subscribe("S0123456789abcdef");
  ASSERT_THAT(sent_, SizeIs(1));
  EXPECT_EQ(sent_[0].first, "S0123456789abcdef");
  auto const answer = counters();
  EXPECT_EQ(answer.epoch, 7U);
  EXPECT_EQ(answer.id, 103);
  EXPECT_THAT(answer.counters, UnorderedElementsAre(Pair("2a.", 2), Pair("3b.", 1)));
}

TEST_F(LivePublisherTest, ASyncBeforeTheFirstRecordHasTheStoresLastId) {
  subscribe("Sx");
  EXPECT_EQ(counters().id, 100);
}

TEST_F(LivePublisherTest, ASyncIsNoSubscription) {
  subscribe("Sx");
  sent_.clear();
  commit({{20, "a"}});
  live_.tick();
  EXPECT_THAT(sent_, IsEmpty());
}

TEST_F(LivePublisherTest, TicksTellTheCountersThatMovedSinceTheOneBefore) {
  subscribe("T");
  commit({{20, "a"}, {20, "b"}});
  live_.tick();
  EXPECT_EQ(sent_.at(0).first, "T");
  auto tick = counters();
  EXPECT_EQ(tick.since, 0);
  EXPECT_EQ(tick.id, 102);
  EXPECT_THAT(tick.counters, UnorderedElementsAre(Pair("2a.", 1), Pair("2b.", 1)));
  live_.tick();
  EXPECT_THAT(sent_, IsEmpty()) << "nothing moved";
  commit({{20, "b"}});
  live_.tick();
  tick = counters();
  EXPECT_EQ(tick.since, 102);
  EXPECT_EQ(tick.id, 103);
  EXPECT_THAT(tick.counters, ElementsAre(Pair("2b.", 2)));
}

TEST_F(LivePublisherTest, TicksAndSyncsSayWhoIsThere) {
  LivePresence now{3, 1, 0, {{"vm", 12}}};
  LivePublisher live(
      7, 100, [this](std::string_view topic, std::string_view message) { sent_.emplace_back(topic, message); },
      [&] { return now; });
  live.on_subscription("\1Sx");
  auto const sync = counters();
  ASSERT_TRUE(sync.presence.has_value());
  EXPECT_EQ(sync.presence->joined, 3U);
  EXPECT_EQ(sync.presence->present, 1U);
  EXPECT_EQ(sync.presence->settled, 0);
  EXPECT_THAT(sync.presence->who, ElementsAre(Pair("vm", 12U)));

  live.on_subscription("\1T");
  live.tick();
  EXPECT_THAT(sent_, IsEmpty()) << "nothing moved, and who publishes may change any moment";
  now = {3, 0, 250, {}};
  live.tick();
  auto const tick = counters();
  EXPECT_EQ(tick.id, 100);
  EXPECT_EQ(tick.presence->present, 0U);
  EXPECT_EQ(tick.presence->settled, 250);
}

TEST_F(LivePublisherTest, ACollectorThatKnowsNoPublishersSaysNothingOfThem) {
  subscribe("Sx");
  EXPECT_FALSE(counters().presence.has_value());
}

TEST_F(LivePublisherTest, ATickThatCannotNameAllTopicsProvesNothing) {
  subscribe("T");
  std::vector<std::pair<Level, std::string>> many;
  for (std::size_t i = 0; i <= kMaxSyncCounters; ++i) many.emplace_back(20, std::to_string(i));
  commit(many);
  live_.tick();
  auto const tick = counters();
  EXPECT_THAT(tick.counters, SizeIs(kMaxSyncCounters));
  EXPECT_EQ(tick.since, tick.id);
}

TEST_F(LivePublisherTest, ANewEpochCountsFromOneAndItsFirstTickProvesItsBeginning) {
  subscribe("");
  commit({{20, "a"}, {20, "a"}});
  live_.tick();
  live_.start_epoch(8, 0);
  next_id_ = 1;
  sent_.clear();
  commit({{20, "a"}});
  EXPECT_THAT(records(), ElementsAre(std::tuple("2a.", 1, 1U)));
  live_.tick();
  auto const tick = counters();
  EXPECT_EQ(tick.epoch, 8U);
  EXPECT_EQ(tick.since, 0);
  EXPECT_EQ(tick.id, 1);
  EXPECT_THAT(tick.counters, ElementsAre(Pair("2a.", 1U)));
}

TEST_F(LivePublisherTest, TopicsOfEndlessNamesAreCut) {
  subscribe("");
  commit({{20, std::string(100'000, 'x')}});
  ASSERT_THAT(sent_, SizeIs(1));
  EXPECT_EQ(sent_[0].first.size(), kMaxTopic);
  EXPECT_EQ(decode_live(bytes(sent_[0].second)).logger.size(), 100'000U) << "the record is whole";
}

TEST_F(LivePublisherTest, ARecordThatIsTooLongForViewersIsLeftToTheStore) {
  subscribe("");
  auto const block = std::make_shared<Block>();
  auto const site = std::make_shared<Site>();
  auto const source = std::make_shared<Source>();
  wire::add_entry(*block, site, source, 1, 0, std::string(LivePublisher::kMaxSent, 'x'));
  wire::add_entry(*block, site, source, 1, 0, "short");
  block->first_id = 101;
  live_.take(block);
  EXPECT_THAT(records(), ElementsAre(std::tuple("2.", 102, 2U)));
}

TEST_F(LivePublisherTest, HostileSubscriptionsAreHarmless) {
  live_.on_subscription("");
  live_.on_subscription("\1");
  live_.on_subscription("hello");
  live_.on_subscription(std::string("\1S") + std::string(500, 'x'));
  live_.on_subscription(std::string("\0never", 6));
  commit({{20, "a"}});
  EXPECT_THAT(records(), SizeIs(1)) << "the empty prefix is everything";
}

TEST(SubscriptionsTest, PastTheBoundEverythingIsWanted) {
  Subscriptions subscriptions(2);
  subscriptions.add("a");
  subscriptions.add("b");
  EXPECT_FALSE(subscriptions.wanted("c"));
  subscriptions.add("cc");
  EXPECT_TRUE(subscriptions.wanted("c"));
  EXPECT_FALSE(subscriptions.empty());
  subscriptions.remove("cc");
  EXPECT_FALSE(subscriptions.wanted("c")) << "it was for a time only";
  subscriptions.add(std::string(Subscriptions::kMaxPrefix + 1, 'x'));
  EXPECT_FALSE(subscriptions.wanted("c")) << "no topic is so long";
}

TEST(SubscriptionsTest, TheVersionMovesWithEachChange) {
  Subscriptions subscriptions;
  auto const before = subscriptions.version();
  subscriptions.add("a");
  auto const between = subscriptions.version();
  subscriptions.remove("a");
  EXPECT_NE(before, between);
  EXPECT_NE(between, subscriptions.version());
  EXPECT_TRUE(subscriptions.empty());
}

TEST(TopicCountersTest, ForgetsTheOneThatDidNotMoveTheLongest) {
  TopicCounters counters(2);
  counters.touch("a").n = 5;
  counters.touch("b").n = 6;
  counters.touch("a");
  counters.touch("c").n = 1;
  EXPECT_THAT(counters.latest(10), ElementsAre(Pair("c", 1), Pair("a", 5)));
  EXPECT_EQ(counters.touch("b").n, 0U);
}

}  // namespace
}  // namespace logboom::sinks
