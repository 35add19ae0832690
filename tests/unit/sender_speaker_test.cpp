// A speaker, its feed and its sockets against a collector in the test's hands: whatever happens to the collector, what the spool holds is stored exactly once.
#include "delivery/speaker.hpp"
#include "publisher/collector_link.hpp"
#include "publisher/feed.hpp"
#include "sender_fixture.hpp"

#include <gmock/gmock.h>

#include <cerrno>
#include <numeric>
#include <optional>
#include <system_error>

namespace logboom::publisher {
namespace {

using delivery::Speaker;
using test::FakeCollector;
using test::NoDescriptors;
using test::SpoolWriter;
using test::Stored;

class SpeakerTest : public testing::Test {
 protected:
  void start(std::uint64_t streams = 1, std::size_t capacity = spool::kMinRing) {
    writer.emplace(scratch.path() / "spool", streams, capacity);
    feed.emplace(writer->spool, writer->catalogue, Feed::Kind::kLive);
    for (auto const& ring : writer->rings) feed->add_ring(ring.file);
    speak({scratch.endpoint()});
  }
  void speak(std::vector<delivery::Endpoint> endpoints) {
    Speaker::Hooks hooks{[this](std::string_view rules) { rules_heard.emplace_back(rules); },
                         [this](Level, std::string_view line) { reports.emplace_back(line); }};
    hooks.state = [this] { return state; };
    speaker.reset();
    link.emplace(context, curve::ClientKeys{}, endpoints);
    speaker.emplace(*link, std::move(endpoints), writer->spool.publisher(), *feed, std::move(hooks));
  }
  void collect() { collector.emplace(scratch.endpoint(), stored); }

  void round() {
    auto const now = monotonic_ms();
    auto const worked = speaker->step(now);
    spilled += feed->relieve(now);
    if (collector) collector->step();
    if (other) other->step();
    if (!worked) link->wait(-1, speaker->blocked(), std::chrono::milliseconds(1));
  }
  template <class Condition>
  bool until(Condition const& condition) {
    return test::until(condition, [this] { round(); });
  }
  bool drain() {
    return until([this] { return speaker->drained(); });
  }
  /// Every record written is stored, once, in order, and nothing else is.
  void verify() {
    EXPECT_THAT(stored.problems, testing::IsEmpty());
    for (std::uint64_t stream = 0; stream < writer->rings.size(); ++stream) {
      auto const& kept = stored.streams[{writer->spool.publisher().id, stream}];
      EXPECT_EQ(kept.last, writer->rings[stream].written);
      EXPECT_EQ(kept.messages.size() + kept.lost(), writer->rings[stream].written);
    }
  }

  test::Scratch scratch;
  Stored stored;
  zmq::context_t context{1};
  std::optional<SpoolWriter> writer;
  std::optional<Feed> feed;
  std::optional<CollectorLink> link;
  std::optional<Speaker> speaker;
  std::optional<FakeCollector> collector, other;
  std::vector<std::string> rules_heard, reports;
  std::uint64_t spilled = 0;
  delivery::PublisherReport state;
};

/// A feed that cannot give back what is committed, so many times.
class KeepingFeed final : public delivery::Outgoing {
 public:
  KeepingFeed(Feed& feed, int times) : feed_(&feed), times_(times) {}
  void open_streams(delivery::SenderWindow& window) override { feed_->open_streams(window); }
  Batch next(delivery::SenderWindow const& window) override { return feed_->next(window); }
  void rewind() override { feed_->rewind(); }
  void release(delivery::SenderWindow const& window, std::int64_t now) override {
    if (times_-- > 0) throw std::system_error(EMFILE, std::generic_category());
    feed_->release(window, now);
  }
  bool drained(delivery::SenderWindow const& window) const override { return feed_->drained(window); }

 private:
  Feed* feed_;
  int times_;
};

TEST_F(SpeakerTest, RecordsOfAllStreamsArriveInOrderWithTheirNames) {
  start(3);
  collect();
  for (std::uint64_t stream = 0; stream < 3; ++stream) writer->write_many(stream, 100);
  ASSERT_TRUE(drain());
  verify();
  EXPECT_EQ(collector->last_publisher.process, "writer");
  auto const& kept = stored.streams[{writer->spool.publisher().id, 2}];
  ASSERT_EQ(kept.messages.size(), 100U);
  EXPECT_EQ(kept.messages.front(), SpoolWriter::message(2, 1));
  EXPECT_EQ(kept.messages.back(), SpoolWriter::message(2, 100));
  EXPECT_EQ(collector->batches, 1U) << "records of several streams share a batch";
  for (auto const& ring : writer->rings)
    EXPECT_EQ(ring.file->tail(), ring.file->head()) << "acked records leave the ring";
}

TEST_F(SpeakerTest, WhatCouldNotBeGivenBackIsGivenBackLaterAlsoWhereNothingMoreIsHeard) {
  start();
  collect();
  writer->write_many(0, 10);
  auto const& ring = *writer->rings[0].file;
  KeepingFeed keeping(*feed, 3);
  speaker.emplace(*link, std::vector{scratch.endpoint()}, writer->spool.publisher(), keeping, Speaker::Hooks{});
  int refused = 0;
  EXPECT_TRUE(test::until([&] { return speaker->drained() && ring.tail() == ring.head(); },
                          [&] {
                            try {
                              speaker->step(monotonic_ms());
                            } catch (std::system_error const&) {
                              ++refused;
                            }
                            collector->step();
                          }));
  EXPECT_EQ(refused, 3);
  verify();
  speaker.reset();
}

TEST_F(SpeakerTest, ItsStateIsToldWhereTheCollectorWantsToKnowAndWhenItHasChanged) {
  start();
  state.unacked = 7;
  collect();
  writer->write_many(0, 10);
  ASSERT_TRUE(drain());
  for (int i = 0; i < 20; ++i) round();
  EXPECT_THAT(collector->reports, testing::IsEmpty()) << "an older collector would find fault with it";
  collector.reset();
  collect();
  collector->report_every = 1;
  ASSERT_TRUE(until([&] { return collector->reports.size() == 1; }));
  EXPECT_EQ(collector->reports[0].unacked, 7U);
  for (auto const end = monotonic_ms() + 20; monotonic_ms() < end;) round();
  EXPECT_EQ(collector->reports.size(), 1U) << "nothing has changed";
  state.unacked = 8;
  ASSERT_TRUE(until([&] { return collector->reports.size() == 2; }));
  EXPECT_EQ(collector->reports[1].unacked, 8U);
}

TEST_F(SpeakerTest, NothingIsSentBeforeTheWelcomeNorReleasedBeforeTheAck) {
  start();
  collect();
  collector->answers = false;
  writer->write_many(0, 10);
  ASSERT_TRUE(until([&] { return speaker->window().unanswered() > 0; }));
  for (int i = 0; i < 50; ++i) round();
  EXPECT_EQ(collector->batches, 0U);
  collector->answers = true;
  collector->commits = false;
  ASSERT_TRUE(until([&] { return collector->pending() > 0; }));
  for (int i = 0; i < 50; ++i) round();
  EXPECT_EQ(writer->rings[0].file->tail(), 0U);
  EXPECT_FALSE(speaker->drained());
  collector->commits = true;
  ASSERT_TRUE(drain());
  verify();
}

TEST_F(SpeakerTest, ACollectorThatComesLateGetsEverything) {
  start();
  writer->write_many(0, 200);
  for (int i = 0; i < 20; ++i) round();
  collect();
  ASSERT_TRUE(drain());
  verify();
}

TEST_F(SpeakerTest, BatchesKeepToTheirSize) {
  start(1, spool::kDefaultRing);
  collect();
  for (int i = 0; i < 12; ++i) ASSERT_TRUE(writer->write(0, 60'000));
  ASSERT_TRUE(drain());
  verify();
  EXPECT_LT(collector->largest, 3 * wire::kBatchTarget);
}

TEST_F(SpeakerTest, ACollectorStartedAnewGetsWhatItsPredecessorDidNotCommit) {
  start(2, spool::kDefaultRing);
  collect();
  for (int life = 0; life < 5; ++life) {
    for (int i = 0; i < 300; ++i) {
      ASSERT_TRUE(writer->write(0));
      ASSERT_TRUE(writer->write(1));
      if (i % 10 == 0) round();
    }
    collector->commits = false;  // taken, and lost with it
    ASSERT_TRUE(until([&] { return collector->pending() > 0 || speaker->drained(); }));
    collector.reset();
    ASSERT_TRUE(until([&] { return !speaker->window().welcomed(); }));
    collect();
  }
  ASSERT_TRUE(drain());
  verify();
}

TEST_F(SpeakerTest, ALostBatchIsSentAgainOnRequest) {
  start();
  collect();
  ASSERT_TRUE(until([&] { return speaker->window().welcomed(); }));
  collector->lose = 1;
  writer->write_many(0, 10);
  ASSERT_TRUE(until([&] { return collector->batches == 1; }));
  writer->write_many(0, 10);
  ASSERT_TRUE(drain());
  verify();
  EXPECT_GT(collector->resends, 0U);
}

TEST_F(SpeakerTest, ALostLastBatchIsFoundByAsking) {
  start();
  collect();
  ASSERT_TRUE(until([&] { return speaker->window().welcomed(); }));
  collector->lose = 1;
  writer->write_many(0, 10);
  ASSERT_TRUE(drain());
  verify();
  EXPECT_EQ(collector->resends, 0U);
  EXPECT_EQ(speaker->window().rewinds(), 1U);
}

// The resend asks for a new PUSH socket. Where there is none to be had it is asked for until there is.
TEST_F(SpeakerTest, ASocketThatCannotBeHadNowIsHadLater) {
  start();
  collect();
  ASSERT_TRUE(until([&] { return speaker->window().welcomed(); }));
  collector->lose = 1;
  writer->write_many(0, 10);
  ASSERT_TRUE(until([&] { return collector->batches == 1; }));
  writer->write_many(0, 10);
  {
    NoDescriptors const none;
    int refused = 0;
    ASSERT_TRUE(test::until([&] { return refused > 3; },
                            [&] {
                              try {
                                round();
                              } catch (zmq::error_t const&) {
                                ++refused;
                                if (collector) collector->step();
                              }
                            }));
  }
  ASSERT_TRUE(drain());
  verify();
}

TEST_F(SpeakerTest, AStoppedReaderIsNotFlooded) {
  start(1, spool::kDefaultRing);
  collect();
  collector->window = 0;
  ASSERT_TRUE(until([&] { return speaker->window().welcomed(); }));
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(writer->write(0, 1000));
  ASSERT_TRUE(until([&] { return collector->hellos >= 4; }));
  EXPECT_EQ(collector->batches, 0U);
  collector->window = 1 << 20;
  ASSERT_TRUE(drain());
  verify();
  EXPECT_EQ(speaker->window().resent(), 0U);
}

TEST_F(SpeakerTest, WithoutACollectorACrowdedRingOverflowsAndKeepsTakingRecords) {
  start(2);
  for (int i = 0; i < 5000; ++i) {
    ASSERT_TRUE(writer->write(0));
    if (i % 4 == 0) {
      ASSERT_TRUE(writer->write(1));
    }
    if (i % 100 == 0) feed->relieve(i);
  }
  feed->relieve(5000);
  EXPECT_FALSE(writer->spool.overflow().empty());
  auto const held = writer->rings[0].file->head() - writer->rings[0].file->tail();
  EXPECT_LE(held, spool::kMinRing / 2);
  collect();
  ASSERT_TRUE(drain());
  verify();
  EXPECT_TRUE(writer->spool.overflow().empty());
}

TEST_F(SpeakerTest, TheOverflowGoesFirstAndSurvivesARewind) {
  start(1);
  for (int i = 0; i < 3000; ++i) {
    ASSERT_TRUE(writer->write(0));
    if (i % 100 == 0) feed->relieve(i);
  }
  collect();
  ASSERT_TRUE(until([&] { return collector->batches > 2; }));
  collector->lose = 1;
  for (int i = 0; i < 3000; ++i) {
    while (!writer->write(0)) round();
    if (i % 50 == 0) round();
    if (i == 1500) {
      collector->commits = false;
      collector.reset();
      collect();
    }
  }
  ASSERT_TRUE(drain());
  verify();
}

TEST_F(SpeakerTest, AtTheBoundTheRingFillsAndDropsAreDeclared) {
  start(1);
  writer->spool.overflow().set_bound(128 << 10);
  int dropped = 0;
  std::int64_t now = 0;
  for (int i = 0; i < 6000; ++i) {
    if (!writer->write(0)) {
      writer->drop(0);
      ++dropped;
    }
    if (i % 100 == 0) feed->relieve(now += 1000);
  }
  EXPECT_GT(dropped, 100);
  EXPECT_LE(writer->spool.overflow().bytes(), 128U << 10U);
  collect();
  ASSERT_TRUE(drain()) << "the drops of a thread that logs no more are declared by the sender";
  verify();
  auto const& kept = stored.streams[{writer->spool.publisher().id, 0}];
  EXPECT_EQ(kept.lost(), static_cast<std::uint64_t>(dropped));
  ASSERT_FALSE(kept.gaps.empty());
  // The thread logs again: its own gap frame says what was said before.
  writer->write_many(0, 10);
  ASSERT_TRUE(drain());
  verify();
  EXPECT_EQ(kept.lost(), static_cast<std::uint64_t>(dropped));
  EXPECT_EQ(feed->gaps(), static_cast<std::uint64_t>(dropped));
}

TEST_F(SpeakerTest, ACollectorThatIsSilentIsLeftForAnother) {
  start();
  speak({scratch.endpoint("gone"), scratch.endpoint()});
  collect();
  writer->write_many(0, 50);
  ASSERT_TRUE(drain());
  verify();
  // The one that took over dies; another on the first address has a ledger of its own.
  collector.reset();
  Stored elsewhere;
  other.emplace(scratch.endpoint("gone"), elsewhere);
  writer->write_many(0, 50);
  ASSERT_TRUE(drain());
  EXPECT_THAT(elsewhere.problems,
              testing::ElementsAre("51 after 0"));  // its stream begins where the other one's ended
  EXPECT_EQ(elsewhere.records(), 50U);
}

TEST_F(SpeakerTest, LevelRulesAreHandedOnWhenTheyChange) {
  start();
  collect();
  collector->levels = "info,net=debug";
  ASSERT_TRUE(until([&] { return !rules_heard.empty(); }));
  EXPECT_THAT(rules_heard, testing::ElementsAre("info,net=debug"));
}

// After a fork the loggers may still be under rules that the parent's collector has taken back since.
TEST_F(SpeakerTest, TheFirstRulesAreHandedOnEvenIfThereAreNone) {
  start();
  collect();
  ASSERT_TRUE(until([&] { return !rules_heard.empty(); }));
  EXPECT_THAT(rules_heard, testing::ElementsAre(""));
}

TEST_F(SpeakerTest, ByeComesOnceEverythingIsStored) {
  start();
  collect();
  collector->commits = false;
  writer->write_many(0, 50);
  speaker->end();
  ASSERT_TRUE(until([&] { return collector->pending() > 0; }));
  for (int i = 0; i < 20; ++i) round();
  EXPECT_EQ(collector->byes, 0U);
  collector->commits = true;
  ASSERT_TRUE(until([&] { return speaker->bye_answered(); }));
  EXPECT_EQ(stored.records(), 50U);
}

TEST_F(SpeakerTest, WhatComesAfterAByeIsFollowedByAnother) {
  start();
  collect();
  writer->write_many(0, 10);
  speaker->end();
  ASSERT_TRUE(until([&] { return speaker->bye_answered(); }));
  writer->write_many(0, 10);
  round();
  EXPECT_FALSE(speaker->bye_answered());
  ASSERT_TRUE(until([&] { return speaker->bye_answered(); }));
  EXPECT_EQ(collector->byes, 2U);
  verify();
}

TEST_F(SpeakerTest, AHurriedSpeakerAsksForACommit) {
  start();
  collect();
  speaker->hurry();
  ASSERT_TRUE(until([&] { return collector->flushes == 1; }));
}

}  // namespace
}  // namespace logboom::publisher
