// What waits for another collector on disk: frames and losses survive a death at any step, bounds hold, numbers are never used twice.
#include "sender_fixture.hpp"

#include "record/forward.hpp"
#include "upstream/forward_feed.hpp"
#include "upstream/forward_spool.hpp"
#include "upstream/forwarder.hpp"
#include "upstream/loss_file.hpp"
#include "upstream/span_cursors.hpp"

#include <logboom/query.hpp>

#include <gmock/gmock.h>

#include <fstream>
#include <optional>

namespace logboom::upstream {
namespace {

using publisher::test::Scratch;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

PublisherId id_of(int seed) {
  PublisherId id{};
  id.fill(static_cast<std::byte>(seed));
  return id;
}

std::vector<std::byte> contents(std::string_view text) {
  auto const bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

class ForwardSpoolTest : public testing::Test {
 protected:
  void open(std::uint64_t bound = 64U << 20U) {
    spool.reset();
    spool.emplace(directory, bound);
  }
  void append(std::uint64_t count, std::size_t size = 10) {
    for (std::uint64_t i = 0; i < count; ++i)
      ASSERT_TRUE(spool->append(std::vector<std::byte>(size, std::byte{'x'}), 3)) << spool->error().message();
    spool->publish();
  }
  std::string text(std::uint64_t stream, std::uint64_t number) {
    auto const frame = spool->read(stream, number);
    return {reinterpret_cast<char const*>(frame.contents.data()), frame.contents.size()};
  }
  std::vector<std::filesystem::path> segments() const {
    std::vector<std::filesystem::path> found;
    for (auto const& entry : std::filesystem::directory_iterator(directory)) {
      if (entry.path().filename().string().starts_with("segment.")) found.push_back(entry.path());
    }
    std::sort(found.begin(), found.end());
    return found;
  }

  Scratch scratch;
  std::filesystem::path directory = scratch.path() / "up";
  std::optional<ForwardSpool> spool;
};

TEST_F(ForwardSpoolTest, FramesAreReadInAnyOrderAndReleased) {
  open();
  for (int i = 1; i <= 5; ++i) ASSERT_TRUE(spool->append(contents("frame " + std::to_string(i)), 2));
  auto const stream = spool->stream();
  EXPECT_EQ(spool->oldest().end, 1U) << "nothing is published yet";
  spool->publish();
  EXPECT_EQ(spool->oldest().stream, stream);
  EXPECT_EQ(spool->oldest().end, 6U);
  for (std::uint64_t const number : {1U, 2U, 5U, 3U, 4U})
    EXPECT_EQ(text(stream, number), "frame " + std::to_string(number));
  EXPECT_EQ(text(stream, 6), "");
  EXPECT_EQ(spool->records(), 10U);
  EXPECT_EQ(spool->release(stream, 2), 4U);
  EXPECT_EQ(spool->release(stream, 2), 0U);
  EXPECT_EQ(spool->records(), 6U);
  EXPECT_EQ(text(stream, 3), "frame 3");
}

TEST_F(ForwardSpoolTest, AnotherOpeningKeepsTheIdAndBeginsAnotherStream) {
  open();
  auto const id = spool->id();
  auto const first = spool->stream();
  append(3);
  open();
  EXPECT_EQ(spool->id(), id);
  EXPECT_GT(spool->stream(), first);
  EXPECT_EQ(spool->stream() % 2, 0U);
  append(2);
  EXPECT_EQ(spool->oldest().stream, first);
  EXPECT_EQ(spool->oldest().end, 4U);
  EXPECT_EQ(spool->records(), 15U);
  EXPECT_EQ(spool->release(first, 3), 9U);
  EXPECT_EQ(spool->oldest().stream, spool->stream());
  EXPECT_EQ(spool->oldest().end, 3U);
  EXPECT_THAT(segments(), SizeIs(1));
}

TEST_F(ForwardSpoolTest, ATornFrameIsCutOffWhereverItWasTorn) {
  open();
  append(2, 100);
  auto const stream = spool->stream();
  auto const file = segments().at(0);
  spool.reset();
  auto const copy = scratch.path() / "copy";
  std::filesystem::copy_file(file, copy);
  auto const whole = std::filesystem::file_size(file);
  for (std::uintmax_t const missing : {1U, 99U, 100U, 101U, 131U}) {
    std::filesystem::copy_file(copy, file, std::filesystem::copy_options::overwrite_existing);
    std::filesystem::resize_file(file, whole - missing);
    open();
    EXPECT_THAT(spool->problems(), IsEmpty()) << missing;
    EXPECT_EQ(spool->oldest().end, 2U) << missing;
    EXPECT_EQ(text(stream, 1).size(), 100U) << missing;
    spool.reset();
    EXPECT_EQ(std::filesystem::file_size(file), whole - 132) << missing;
  }
}

TEST_F(ForwardSpoolTest, ADamagedFrameIsEmptyAndTheOthersStand) {
  open();
  append(3, 100);
  auto const stream = spool->stream();
  auto const file = segments().at(0);
  spool.reset();
  std::fstream(file, std::ios::in | std::ios::out | std::ios::binary).seekp(32 + 132 + 40).put('y');
  open();
  EXPECT_EQ(text(stream, 1).size(), 100U);
  EXPECT_EQ(text(stream, 2).size(), 0U);
  EXPECT_EQ(text(stream, 3).size(), 100U);
  spool.reset();
  std::fstream(file, std::ios::in | std::ios::out | std::ios::binary).seekp(32 + 132 + 4).put('y');
  open();
  EXPECT_THAT(spool->problems(), ElementsAre(HasSubstr("damaged from byte 164 on")));
  EXPECT_EQ(spool->oldest().end, 2U);
}

TEST_F(ForwardSpoolTest, TheBoundHoldsAndRoomComesBack) {
  open(ForwardSpool::kLeastBound);
  std::vector<std::byte> const frame(60'000);
  std::uint64_t count = 0;
  while (spool->append(frame, 1)) ++count;
  EXPECT_EQ(spool->error(), std::errc::no_buffer_space);
  EXPECT_LE(spool->bytes(), ForwardSpool::kLeastBound);
  EXPECT_GE(count, 15U);
  spool->publish();
  EXPECT_GT(segments().size(), 3U);
  EXPECT_EQ(spool->release(spool->stream(), 5), 5U);
  EXPECT_TRUE(spool->append(frame, 1));
  spool->publish();
  spool->release(spool->stream(), count + 1);
  EXPECT_LT(spool->bytes(), ForwardSpool::kLeastBound / 8);
  EXPECT_TRUE(spool->append(frame, 1));
}

TEST_F(ForwardSpoolTest, WhatNoTransactionToldIsForgotten) {
  open(ForwardSpool::kLeastBound);
  auto const stream = spool->stream();
  std::vector<std::byte> const frame(60'000);
  for (int i = 0; i < 8; ++i) ASSERT_TRUE(spool->append(frame, 1));
  open(ForwardSpool::kLeastBound);
  spool->forget_after(stream, 3);
  EXPECT_EQ(spool->oldest().end, 4U);
  EXPECT_EQ(spool->records(), 3U);
  EXPECT_EQ(text(stream, 3).size(), frame.size());
  EXPECT_EQ(text(stream, 4).size(), 0U);
  auto const bytes = spool->bytes();
  open(ForwardSpool::kLeastBound);
  EXPECT_EQ(spool->oldest().end, 4U);
  EXPECT_EQ(spool->bytes(), bytes);
  spool->forget_after(stream, 0);
  EXPECT_THAT(segments(), IsEmpty());
  EXPECT_EQ(spool->bytes(), 0U);
}

TEST_F(ForwardSpoolTest, LossesRightAfterTheLastTransactionStand) {
  open();
  auto const stream = spool->stream();
  append(2);
  ASSERT_TRUE(spool->append(contents("lost"), 0, ForwardSpool::Kind::kLosses));
  append(1);
  ASSERT_TRUE(spool->append(contents("lost"), 0, ForwardSpool::Kind::kLosses));
  open();
  spool->forget_after(stream, 2);
  EXPECT_EQ(spool->oldest().end, 4U);
  EXPECT_EQ(text(stream, 3), "lost");
}

TEST_F(ForwardSpoolTest, BelongsToOneProcessAtATime) {
  open();
  try {
    ForwardSpool const second(directory, 1U << 20U);
    FAIL();
  } catch (std::system_error const& error) {
    EXPECT_THAT(error.what(), HasSubstr("in use by another collector"));
    EXPECT_THAT(error.what(), HasSubstr(directory.string()));
  }
}

TEST_F(ForwardSpoolTest, ADamagedIdIsMadeAnew) {
  open();
  auto const id = spool->id();
  append(1);
  spool.reset();
  std::ofstream(directory / "forwarder") << "nonsense";
  open();
  EXPECT_NE(spool->id(), id);
  EXPECT_THAT(spool->problems(), ElementsAre(HasSubstr("damaged")));
  EXPECT_EQ(spool->oldest().end, 2U);
}

// --- the feed

TEST_F(ForwardSpoolTest, TheFeedSendsOneStreamAfterTheOther) {
  open();
  auto const old = spool->stream();
  append(2);
  open();
  append(2);
  wire::Publisher self;
  self.id = spool->id();
  ForwardFeed feed(*spool, self);
  delivery::SenderWindow window;
  auto const committed = [&](std::uint64_t stream, std::uint64_t number) {
    window.ack({7, 1U << 20U, {{stream, number, number + 1}}}, 0);
    feed.release(window, 0);
    feed.open_streams(window);
  };
  feed.open_streams(window);
  window.connected(0);
  window.welcome({wire::kVersion, 7, 1U << 20U, "", {{old, 0, 1}}}, 0);
  for (std::uint64_t number = 1; number <= 2; ++number) {
    auto const batch = feed.next(window);
    ASSERT_THAT(batch.ranges, SizeIs(1));
    EXPECT_EQ(batch.ranges[0].stream, old);
    EXPECT_EQ(batch.ranges[0].first, number);
    window.sent(batch.ranges, batch.bytes.size(), 0);
  }
  feed.open_streams(window);
  EXPECT_THAT(feed.next(window).ranges, IsEmpty()) << "the first stream is not committed yet";
  committed(old, 1);
  EXPECT_THAT(feed.next(window).ranges, IsEmpty());
  EXPECT_FALSE(feed.drained(window));
  committed(old, 2);
  auto const next = feed.next(window);
  ASSERT_THAT(next.ranges, SizeIs(1));
  EXPECT_EQ(next.ranges[0].stream, spool->stream());
  EXPECT_THAT(window.hello_streams(), SizeIs(1));
  window.sent(next.ranges, next.bytes.size(), 0);
  auto const last = feed.next(window);
  window.sent(last.ranges, last.bytes.size(), 0);
  EXPECT_FALSE(feed.drained(window));
  committed(spool->stream(), 2);
  EXPECT_TRUE(feed.drained(window));
  EXPECT_EQ(feed.acked(), 12U);
  EXPECT_EQ(feed.sent(), 12U);
}

// --- losses

TEST(LossFile, RangesThatFollowEachOtherAreOneAndSurvive) {
  Scratch const scratch;
  auto const path = scratch.path() / "losses";
  {
    LossFile file(path);
    EXPECT_TRUE(file.empty());
    EXPECT_TRUE(file.add({{id_of(1), 0, 1, 10}, 4}));
    EXPECT_TRUE(file.add({{id_of(2), 0, 1, 5}, 5}));
    EXPECT_TRUE(file.add({{id_of(1), 0, 11, 20}, 10}));
    EXPECT_TRUE(file.add({{id_of(1), 0, 31, 40}, 10}));
    EXPECT_EQ(file.size(), 3U);
    EXPECT_THAT(file.first(10), IsEmpty()) << "nobody is told of what no transaction told";
    file.settle();
  }
  LossFile file(path);
  auto const losses = file.first(10);
  ASSERT_THAT(losses, SizeIs(3));
  EXPECT_EQ(losses[0].span.last, 20U);
  EXPECT_EQ(losses[0].count, 14U);
  EXPECT_EQ(losses[1].span.first, 31U);
  file.remove({losses[0], losses[1]});
  EXPECT_EQ(file.size(), 1U);
  LossFile const again(path);
  EXPECT_EQ(again.size(), 1U);
}

TEST(LossFile, IsBoundedAndItsBlocksAreThereFromTheBeginning) {
  Scratch const scratch;
  LossFile file(scratch.path() / "losses");
  EXPECT_EQ(std::filesystem::file_size(scratch.path() / "losses"), LossFile::kMaxLosses * 64);
  for (std::uint64_t stream = 0; stream < LossFile::kMaxLosses; ++stream)
    ASSERT_TRUE(file.add({{id_of(1), stream, 1, 1}, 1}));
  EXPECT_FALSE(file.add({{id_of(1), LossFile::kMaxLosses, 1, 1}, 1}));
  EXPECT_TRUE(file.add({{id_of(1), 7, 2, 2}, 1}));
  file.settle();
  file.remove(file.first(1));
  EXPECT_TRUE(file.add({{id_of(1), LossFile::kMaxLosses, 1, 1}, 1}));
}

TEST(LossFile, WhatStandsIsKeptApartFromWhatATransactionIsAboutToSay) {
  Scratch const scratch;
  auto const path = scratch.path() / "losses";
  {
    LossFile file(path);
    EXPECT_TRUE(file.add({{id_of(1), 0, 1, 10}, 7}));
    file.settle();
    EXPECT_TRUE(file.add({{id_of(1), 0, 11, 12}, 2}));
    EXPECT_TRUE(file.add({{id_of(1), 0, 13, 20}, 8}));
    EXPECT_EQ(file.size(), 2U);
  }  // a death amid it
  LossFile file(path);
  file.forget_after(id_of(1), 0, 10);
  file.forget_after(id_of(1), 0, 0);  // another store's word
  ASSERT_THAT(file.first(10), SizeIs(1));
  EXPECT_EQ(file.first(1)[0].count, 7U);
  EXPECT_TRUE(file.add({{id_of(1), 0, 11, 30}, 20})) << "they come again, in other company";
  file.settle();
  ASSERT_THAT(file.first(10), SizeIs(1));
  EXPECT_EQ(file.first(1)[0].span.last, 30U);
  EXPECT_EQ(file.first(1)[0].count, 27U);
}

TEST(LossFile, RangesNeverOverlap) {
  Scratch const scratch;
  LossFile file(scratch.path() / "losses");
  EXPECT_TRUE(file.add({{id_of(1), 0, 1, 10}, 10}));
  file.settle();
  EXPECT_TRUE(file.add({{id_of(1), 0, 5, 10}, 6}));
  EXPECT_TRUE(file.add({{id_of(1), 0, 5, 12}, 8}));
  file.settle();
  ASSERT_THAT(file.first(10), SizeIs(1));
  EXPECT_EQ(file.first(1)[0].span.last, 12U);
  EXPECT_EQ(file.first(1)[0].count, 12U);
}

// --- spans

TEST(SpanCursors, SayWhatWasNotSettledBefore) {
  Span const spans[] = {{id_of(1), 0, 101, 110}, {id_of(1), 0, 1, 10}, {id_of(2), 0, 5, 9}};
  SpanCursors cursors(spans);
  EXPECT_EQ(cursors.settle(id_of(1), 0, 3, 3), 1U);
  EXPECT_EQ(cursors.settle(id_of(1), 0, 104, 106), 101U);
  EXPECT_EQ(cursors.settle(id_of(1), 0, 4, 4), 4U);
  EXPECT_EQ(cursors.settle(id_of(1), 0, 110, 110), 107U);
  EXPECT_EQ(cursors.settle(id_of(3), 0, 7, 7), 7U) << "in no span";
  std::vector<std::pair<std::uint64_t, std::uint64_t>> rest;
  cursors.rest([&](Span const& span) { rest.emplace_back(span.first, span.last); });
  EXPECT_THAT(rest, ElementsAre(std::pair(5U, 10U), std::pair(5U, 9U)));
}

// --- the forwarder, without anybody who takes what it has

class ForwarderTest : public testing::Test {
 protected:
  Forwarder& make(bool stored, std::uint64_t bound = ForwardSpool::kLeastBound) {
    SinkOptions options;
    options.type = SinkOptions::Type::kUpstream;
    options.endpoint = "ipc://" + (scratch.path() / "nobody").string();
    options.spool = (scratch.path() / "up").string();
    options.spool_bytes = bound;
    options.filter = filter;
    return forwarder.emplace(
        options, Forwarder::Surroundings{"host", {"ipc:///x"}, stored, [this](Level, std::string line) {
                                           reports.push_back(std::move(line));
                                         }});
  }
  /// `count` records of stream 0 from number `first` on.
  static std::vector<std::unique_ptr<Block>> group(std::uint64_t first, std::uint64_t count, std::size_t size) {
    auto block = std::make_unique<Block>();
    Site site;
    site.level = level::kInfo;
    auto const shared = std::make_shared<Site const>(site);
    auto const source = std::make_shared<Source const>(Source{id_of(1), "h", "p", 1, 2, 0, 6, "t"});
    for (std::uint64_t i = 0; i < count; ++i)
      wire::add_entry(*block, shared, source, 100, first + i, std::string(size, 'm'));
    block->spans.push_back({id_of(1), 0, first, first + count - 1});
    std::vector<std::unique_ptr<Block>> blocks;
    blocks.push_back(std::move(block));
    return blocks;
  }

  Scratch scratch;
  Filter filter;
  std::vector<std::string> reports;
  std::optional<Forwarder> forwarder;
};

TEST_F(ForwarderTest, WithoutAStoreAFullSpoolMakesTheCollectorWait) {
  auto& to = make(false);
  auto const blocks = group(1, 40, 50'000);
  EXPECT_THROW(to.append(blocks), StoreError);
  EXPECT_THROW(to.append(blocks), StoreError);  // the same again
  EXPECT_EQ(to.status().dropped, 0U);
  EXPECT_GT(to.status().queued, 10U);
  EXPECT_LT(to.status().queued, 40U);
}

TEST_F(ForwarderTest, WithAStoreItIsDroppedAndCounted) {
  auto& to = make(true);
  to.append(group(1, 40, 50'000));
  to.committed();
  auto const status = to.status();
  EXPECT_EQ(status.queued + status.dropped, 40U);
  EXPECT_GT(status.dropped, 10U);
  EXPECT_TRUE(status.failing);
  EXPECT_THAT(status.last_error, HasSubstr("its spool is at its bound of 1048576 bytes"));
  EXPECT_THAT(reports, SizeIs(1));
  to.append(group(41, 10, 50'000));
  to.committed();
  EXPECT_EQ(to.status().queued + to.status().dropped, 50U);
  EXPECT_THAT(reports, SizeIs(1)) << "said once";
  forwarder.reset();
  LossFile const losses(scratch.path() / "up" / "losses");
  ASSERT_EQ(losses.size(), 1U);
  EXPECT_EQ(losses.first(1)[0].span.last, 50U);
  EXPECT_EQ(losses.first(1)[0].count, status.dropped + 10U);
}

TEST_F(ForwarderTest, WhatTheFilterDoesNotTakeIsCountedAndItsNumbersAreSettled) {
  filter.level = level::kWarning;
  auto& to = make(true);
  to.append(group(1, 40, 50'000));
  to.committed();
  EXPECT_EQ(to.status().filtered, 40U);
  EXPECT_EQ(to.status().queued, 0U);
  EXPECT_GT(to.status().queued_bytes, 0U);
  EXPECT_LT(to.status().queued_bytes, 1'000U);
}

TEST_F(ForwarderTest, WhatIsWrongWithItsOptionsIsNamed) {
  SinkOptions options;
  Forwarder::Surroundings const around{"host", {}, true, [](Level, std::string) {}};
  options.spool = (scratch.path() / "up").string();
  EXPECT_THROW(Forwarder(options, around), std::invalid_argument);
  options.endpoint = "http://hub";
  EXPECT_THROW(Forwarder(options, around), std::invalid_argument);
  options.endpoint = "tcp://127.0.0.1:1";
  options.spool = "/dev/null/up";
  EXPECT_THROW(Forwarder(options, around), std::system_error);
}

}  // namespace
}  // namespace logboom::upstream
