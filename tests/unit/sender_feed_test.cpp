// What a feed makes of a spool, without sockets: where it goes on after rewinds and acks, what it does when files cannot be opened, what a restart of the machine finds.
#include "publisher/feed.hpp"
#include "sender_fixture.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <system_error>

namespace logboom::publisher {
namespace {

using delivery::SenderWindow;
using test::NoDescriptors;
using test::SpoolWriter;

class FeedTest : public testing::Test {
 protected:
  FeedTest() {
    for (auto const& ring : writer.rings) feed.add_ring(ring.file);
    feed.open_streams(window);
    window.connected(0);
    welcome(1);
    window.rewound();
  }
  void welcome(std::uint64_t expected) {
    window.welcome({wire::kVersion, 7, 1 << 20, "", {{0, 0, expected}}}, 0);
    if (window.moved()) feed.rewind();
  }
  /// Hands over all there is; the ranges of the one stream.
  std::vector<std::pair<std::uint64_t, std::uint64_t>> send() {
    std::vector<std::pair<std::uint64_t, std::uint64_t>> sent;
    for (;;) {
      auto const batch = feed.next(window);
      if (batch.ranges.empty()) return sent;
      for (auto const& range : batch.ranges) sent.emplace_back(range.first, range.end);
      window.sent(batch.ranges, batch.bytes.size(), 0);
    }
  }
  void ack(std::uint64_t committed, std::uint64_t expected) {
    window.ack({7, 1 << 20, {{0, committed, expected}}}, 0);
    feed.release(window, 0);
  }

  test::Scratch scratch;
  SpoolWriter writer{scratch.path() / "spool"};
  Feed feed{writer.spool, writer.catalogue, Feed::Kind::kLive};
  SenderWindow window;
};

// Taken but not committed when the connection broke: the ack comes after the rewind and before the ring is gone through again.
TEST_F(FeedTest, AnAckRightAfterARewindLosesNothing) {
  writer.write_many(0, 3);
  send();
  writer.write_many(0, 3);
  send();
  window.disconnected();
  window.connected(1);
  welcome(4);
  ack(3, 4);
  EXPECT_THAT(send(), testing::ElementsAre(std::pair<std::uint64_t, std::uint64_t>(4, 7)));
  EXPECT_EQ(feed.gaps(), 0U);
}

// A collector of hundreds leaves each little: what is sent before the next ack is to be little more than that.
TEST_F(FeedTest, ABatchIsNoLargerThanTheWindow) {
  writer.write_many(0, 1'000);
  constexpr std::size_t kLeast = 8'192;
  for (std::size_t const bytes : {std::size_t{12'000}, std::size_t{100}}) {
    window.ack({7, bytes, {}}, 0);
    auto const batch = feed.next(window);
    EXPECT_LT(batch.bytes.size(), std::max(bytes, kLeast) + 200) << "past it by a record at most";
    EXPECT_GT(batch.bytes.size(), std::max(bytes, kLeast) - 200);
  }
  window.ack({7, 1 << 20, {}}, 0);
  EXPECT_GT(feed.next(window).bytes.size(), 12'200U) << "all the rest";
}

// Without a collector nothing is sent, but it is sealed: what a restart of the machine leaves of the ring counts.
TEST_F(FeedTest, SealsWhatIsNotSent) {
  auto& ring = writer.rings[0];
  writer.write_many(0, 1);
  detail::FrameHeader header{};
  std::memcpy(&header, ring.producer.data, sizeof header);
  EXPECT_EQ(header.check, detail::header_check(ring.producer.seed, 0, 1, header.size));
  feed.seal();
  std::memcpy(&header, ring.producer.data, sizeof header);
  EXPECT_NE(header.check, detail::header_check(ring.producer.seed, 0, 1, header.size));
}

TEST_F(FeedTest, ARingThatNobodyWritesIsEmptiedIntoTheOverflow) {
  writer.write_many(0, 10);
  EXPECT_EQ(feed.empty(*writer.rings[0].file, 0), 10U);
  EXPECT_EQ(writer.rings[0].file->tail(), writer.rings[0].file->head());
  EXPECT_THAT(send(), testing::ElementsAre(std::pair<std::uint64_t, std::uint64_t>(1, 11)));
  EXPECT_EQ(feed.gaps(), 0U);
}

// What a dead publisher left is told to collectors that may know nothing of it: what was released is not to be told as damaged. (Found by simulation.)
TEST_F(FeedTest, WhatIsCommittedAndStillInTheOverflowIsNotTheOldestThatIsHeld) {
  SpoolWriter two(scratch.path() / "two", 2);
  Feed live(two.spool, two.catalogue, Feed::Kind::kLive);
  for (auto const& ring : two.rings) live.add_ring(ring.file);
  SenderWindow sender;
  live.open_streams(sender);
  two.write_many(1, 3);
  EXPECT_EQ(live.empty(*two.rings[1].file, 0), 3U);
  two.write_many(0, 3);
  EXPECT_EQ(live.empty(*two.rings[0].file, 0), 3U);
  two.write_many(0, 3);
  sender.connected(0);
  delivery::Welcome welcome;
  welcome.epoch = 7;
  welcome.window = 1 << 20;
  sender.welcome(welcome, 0);
  for (;;) {
    auto const batch = live.next(sender);
    if (batch.ranges.empty()) break;
    sender.sent(batch.ranges, batch.bytes.size(), 0);
  }
  sender.ack({7, 1 << 20, {{0, 6, 7}}}, 0);
  live.release(sender, 0);
  two.write_many(0, 1);

  Feed dead(two.spool, two.catalogue, Feed::Kind::kDead);
  for (auto const& ring : two.rings) dead.add_ring(ring.file);
  SenderWindow fresh;
  dead.open_streams(fresh);
  EXPECT_EQ(fresh.cursor(0), 7U);
  EXPECT_EQ(fresh.cursor(1), 1U);
}

// A program that writes where it should not may hit a ring: that costs this one ring, not the room of all.
TEST_F(FeedTest, ARingThatCannotBeReadDoesNotKeepTheOthersFull) {
  SpoolWriter two(scratch.path() / "two", 2);
  Feed both(two.spool, two.catalogue, Feed::Kind::kLive);
  for (auto const& ring : two.rings) both.add_ring(ring.file);
  for (std::uint64_t stream : {0U, 1U}) {
    while (two.write(stream, 1000)) {
    }
  }
  std::memset(two.rings[0].producer.data, 0xff, 64);
  EXPECT_GT(both.relieve(1000), 0U);
  EXPECT_LE((two.rings[1].file->head() - two.rings[1].file->tail()) * 2, two.rings[1].file->capacity());
  EXPECT_EQ(both.empty(*two.rings[0].file, 1001), 0U);
  two.write_many(1, 1);
  EXPECT_GT(both.empty(*two.rings[1].file, 1001), 0U) << "nor when rings are emptied";
}

// A thread that fills its ring faster than it is emptied would keep the sender from its collector.
TEST_F(FeedTest, ALargeRingIsRelievedInParts) {
  constexpr std::size_t kCapacity = std::size_t{8} << 20U, kPart = std::size_t{1} << 20U, kRecord = 1000;
  SpoolWriter large(scratch.path() / "large", 1, kCapacity);
  Feed live(large.spool, large.catalogue, Feed::Kind::kLive);
  auto const& ring = *large.rings[0].file;
  live.add_ring(large.rings[0].file);
  while (large.write(0, kRecord)) {
  }
  auto const held = [&] { return ring.head() - ring.tail(); };
  auto const full = held();
  EXPECT_GT(live.relieve(1000), 0U);
  EXPECT_LE(full - held(), kPart + 4 * 2 * kRecord);
  while (live.relieve(1000) > 0) {
  }
  EXPECT_FALSE(live.crowded());
}

TEST_F(FeedTest, WithoutFileDescriptorsTheOverflowWaitsInsteadOfBeingGivenUp) {
  writer.write_many(0, 10);
  feed.empty(*writer.rings[0].file, 0);
  {
    NoDescriptors const none;
    EXPECT_THROW(feed.next(window), std::system_error);
  }
  EXPECT_THAT(send(), testing::ElementsAre(std::pair<std::uint64_t, std::uint64_t>(1, 11)));
  EXPECT_EQ(feed.gaps(), 0U);
}

TEST_F(FeedTest, WithoutFileDescriptorsACatalogueIsNotTakenForALostOne) {
  auto const directory = [&] {
    SpoolWriter dead(scratch.path() / "dead");
    dead.write_many(0, 10);
    return dead.spool.directory();
  }();
  {
    NoDescriptors const none;
    EXPECT_THROW((void)spool::SpooledCatalogue::load(directory / "catalogue"), std::system_error);
  }
  EXPECT_EQ(spool::SpooledCatalogue::load(directory / "catalogue").logger(1), "test");
}

}  // namespace
}  // namespace logboom::publisher
