// A viewer's bookkeeping against a simulated collector that drops live messages: after holes are filled from the store, every record is seen exactly once.
#include "viewer/live_tracker.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

namespace logboom::viewer {
namespace {

using ::testing::Eq;
using ::testing::Optional;

LiveCounters counters(std::uint64_t epoch, std::int64_t id,
                      std::vector<std::pair<std::string, std::uint64_t>> list, std::int64_t since = 0) {
  LiveCounters made;
  made.epoch = epoch;
  made.id = id;
  made.since = since;
  made.counters = std::move(list);
  return made;
}

TEST(LiveTracker, NothingIsFreshBeforeTheSync) {
  LiveTracker tracker({""});
  EXPECT_FALSE(tracker.message("2a.", 1, 1).fresh);
  EXPECT_FALSE(tracker.synced());
}

TEST(LiveTracker, HistoryUpToTheSyncLiveAfterIt) {
  LiveTracker tracker({""});
  EXPECT_FALSE(tracker.sync(counters(7, 10, {{"2a.", 10}})).has_value());
  EXPECT_FALSE(tracker.message("2a.", 10, 10).fresh);
  EXPECT_TRUE(tracker.message("2a.", 11, 11).fresh);
  EXPECT_FALSE(tracker.message("2a.", 11, 11).fresh) << "shown before";
}

TEST(LiveTracker, ASkippedNumberIsAHole) {
  LiveTracker tracker({"2a."});
  tracker.sync(counters(7, 10, {{"2a.", 4}}));
  auto const message = tracker.message("2a.", 7, 20);
  ASSERT_TRUE(message.hole.has_value());
  EXPECT_EQ(message.hole->after, 10);
  EXPECT_EQ(message.hole->up_to, 19);
  EXPECT_EQ(message.hole->count, 2U);
}

TEST(LiveTracker, ATopicThatIsNewAfterACompleteSyncBeginsAtOne) {
  LiveTracker tracker({""});
  tracker.sync(counters(7, 10, {}));
  EXPECT_FALSE(tracker.message("2a.", 1, 11).hole.has_value());
  EXPECT_THAT(tracker.message("3b.", 3, 15).hole->count, Eq(2U));
}

TEST(LiveTracker, ATickTellsWhatNoMessageTold) {
  LiveTracker tracker({"2"});
  tracker.sync(counters(7, 10, {{"2a.", 4}}));
  EXPECT_TRUE(tracker.message("2a.", 5, 11).fresh);
  auto const tick = tracker.tick(counters(7, 15, {{"2a.", 6}, {"3other.", 9}}, 10));
  ASSERT_TRUE(tick.hole.has_value());
  EXPECT_EQ(tick.hole->count, 1U);
  EXPECT_EQ(tick.hole->up_to, 15);
  EXPECT_FALSE(tracker.unseen(11));
  EXPECT_TRUE(tracker.unseen(12));
}

TEST(LiveTracker, ATickThatBeginsAfterWhatIsProvenAsksForASync) {
  LiveTracker tracker({""});
  tracker.sync(counters(7, 10, {}));
  EXPECT_TRUE(tracker.tick(counters(7, 30, {}, 20)).sync_again);
  EXPECT_TRUE(tracker.tick(counters(8, 30, {}, 0)).sync_again) << "another epoch";
}

TEST(LiveTracker, AfterARestartTheStoreIsReadFromWhereItWasComplete) {
  LiveTracker tracker({""});
  tracker.sync(counters(7, 10, {}));
  EXPECT_TRUE(tracker.message("2a.", 1, 11).fresh);
  auto const hole = tracker.sync(counters(8, 20, {{"2a.", 3}}));
  ASSERT_TRUE(hole.has_value());
  EXPECT_EQ(hole->after, 11);
  EXPECT_EQ(hole->up_to, 20);
  tracker.settled(20);
  EXPECT_FALSE(tracker.message("2a.", 4, 21).hole.has_value()) << "the counters are the new epoch's";
}

TEST(LiveTracker, AHoleThatCouldNotBeDealtWithIsAskedForAgain) {
  LiveTracker tracker({""});
  tracker.sync(counters(7, 10, {}));
  ASSERT_TRUE(tracker.sync(counters(8, 20, {{"2a.", 3}})).has_value());
  tracker.forget_epoch();
  EXPECT_TRUE(tracker.tick(counters(8, 20, {{"2a.", 3}})).sync_again);
  auto const again = tracker.sync(counters(8, 25, {{"2a.", 5}}));
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(again->after, 10);
  EXPECT_EQ(again->up_to, 25);
  EXPECT_EQ(again->count, 5U);
}

TEST(LiveTracker, IdsThatBeginAnewAreAnotherStore) {
  LiveTracker tracker({""});
  tracker.sync(counters(7, 1000, {}));
  EXPECT_FALSE(tracker.sync(counters(8, 5, {})).has_value())
      << "what it held before is not history that was asked for";
  EXPECT_TRUE(tracker.message("2a.", 1, 6).fresh);
}

TEST(LiveTracker, OfAnotherStoreWhatCameInThisEpochIsMissing) {
  LiveTracker tracker({"2"});
  tracker.sync(counters(7, 1000, {}));
  auto const hole = tracker.sync(counters(8, 25, {{"2a.", 3}, {"3a.", 2}}));
  ASSERT_TRUE(hole.has_value());
  EXPECT_EQ(hole->after, 20);
  EXPECT_EQ(hole->up_to, 25);
  EXPECT_EQ(hole->count, 3U);
  tracker.settled(25);
  EXPECT_TRUE(tracker.message("2a.", 4, 26).fresh);
}

TEST(LiveTracker, AfterARestartItIsKnownHowManyOfTheNewEpochWereMissed) {
  LiveTracker tracker({"2"});
  tracker.sync(counters(7, 10, {}));
  EXPECT_TRUE(tracker.message("2a.", 1, 11).fresh);
  EXPECT_TRUE(tracker.message("2a.", 2, 13).fresh) << "of the new epoch, which nobody knows yet";
  auto const hole = tracker.sync(counters(8, 20, {{"2a.", 5}, {"3a.", 3}}));
  ASSERT_TRUE(hole.has_value());
  EXPECT_EQ(hole->count, 4U);
}

TEST(LiveTracker, BeforeTheVeryNextIdNothingIsMissing) {
  LiveTracker tracker({""});
  tracker.sync(counters(7, 0, {}));
  auto const message = tracker.message("2a.", 9, 1);
  EXPECT_TRUE(message.fresh);
  EXPECT_FALSE(message.hole.has_value()) << "a hole up to 0 would be one without an end";
}

// The collector publishes to a pipe that drops in bursts and is sometimes cut; sometimes it restarts.
class Simulation {
 public:
  Simulation(std::uint64_t seed, std::vector<std::string> prefixes)
      : random_(seed), prefixes_(prefixes), tracker_(prefixes) {}

  void run(int steps) {
    answer_sync();
    first_ = id_ + 1;
    for (int step = 0; step < steps; ++step) {
      auto const what = pick(100);
      if (what < 90)
        publish();
      else if (what < 95)
        tick();
      else if (what < 97)
        drop_next_ = pick(20);
      else if (what < 98)
        reconnect();
      else if (what < 99)
        restart();
    }
    drop_next_ = 0;
    reconnect();  // the network is whole at the end
  }

  std::set<std::int64_t> expected() const {
    std::set<std::int64_t> ids;
    for (auto const& [id, topic] : store_) {
      if (id >= first_ && wanted(topic)) ids.insert(id);
    }
    return ids;
  }
  std::set<std::int64_t> const& shown() const { return shown_; }
  int repeats() const { return repeats_; }

 private:
  std::uint64_t pick(std::uint64_t bound) {
    return std::uniform_int_distribution<std::uint64_t>(0, bound - 1)(random_);
  }
  bool wanted(std::string const& topic) const {
    return std::any_of(prefixes_.begin(), prefixes_.end(),
                       [&](auto const& prefix) { return topic.starts_with(prefix); });
  }
  bool dropped() { return drop_next_ > 0 && drop_next_-- > 0; }

  void publish() {
    std::string const topic =
        std::string(1, static_cast<char>('1' + pick(4))) + "net" + std::to_string(pick(5)) + ".";
    store_[++id_] = topic;
    auto const n = ++counters_[topic];
    moved_[topic] = n;
    if (!wanted(topic) || dropped()) return;
    auto const message = tracker_.message(topic, n, id_);
    if (message.hole) fill(*message.hole);
    if (message.fresh) show(id_);
  }

  void tick() {
    LiveCounters tick = counters(epoch_, id_, {moved_.begin(), moved_.end()}, last_tick_);
    last_tick_ = id_;
    moved_.clear();
    if (dropped()) return;
    auto const result = tracker_.tick(tick);
    if (result.hole) fill(*result.hole);
    if (result.sync_again) answer_sync();
  }

  void reconnect() { answer_sync(); }

  void restart() {
    ++epoch_;
    counters_.clear();
    moved_.clear();
    last_tick_ = 0;
    for (auto published = pick(5); published > 0; --published) {  // before the viewer is connected again
      std::string const topic = "2net1.";
      store_[++id_] = topic;
      moved_[topic] = ++counters_[topic];
    }
    answer_sync();
  }

  void answer_sync() {
    auto const hole = tracker_.sync(counters(epoch_, id_, {counters_.begin(), counters_.end()}));
    if (hole) fill(*hole);
  }

  void fill(Hole const& hole) {
    for (auto it = store_.upper_bound(hole.after); it != store_.end() && it->first <= hole.up_to; ++it) {
      if (wanted(it->second) && tracker_.unseen(it->first)) show(it->first);
    }
    tracker_.settled(hole.up_to);
  }

  void show(std::int64_t id) {
    if (!shown_.insert(id).second) ++repeats_;
  }

  std::mt19937_64 random_;
  std::vector<std::string> prefixes_;
  LiveTracker tracker_;
  std::map<std::int64_t, std::string> store_;
  std::map<std::string, std::uint64_t> counters_;
  std::map<std::string, std::uint64_t> moved_;
  std::set<std::int64_t> shown_;
  std::uint64_t epoch_ = 1;
  std::int64_t id_ = 100;
  std::int64_t first_ = 0;
  std::int64_t last_tick_ = 0;
  std::uint64_t drop_next_ = 0;
  int repeats_ = 0;
};

TEST(LiveTracker, SimulatedDropsCutsAndRestartsLeaveNoGapAndNoRepeat) {
  for (std::uint64_t seed = 1; seed <= 500; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Simulation simulation(
        seed, seed % 2 == 0 ? std::vector<std::string>{""} : std::vector<std::string>{"2net1.", "3", "4net"});
    simulation.run(400);
    EXPECT_EQ(simulation.shown(), simulation.expected());
    EXPECT_EQ(simulation.repeats(), 0);
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace logboom::viewer
