// Frames to blocks, without a socket.
#include "collector/reception.hpp"

#include "record/forward.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string_view>

namespace logboom::collector {
namespace {

class ReceptionTest : public testing::Test {
 protected:
  void take(std::string_view frame) { reception_.take(std::as_bytes(std::span(frame)), "host", 1, 1); }

  delivery::ReceiverLedger ledger_;
  PublisherTable table_;
  OwnLog silent_{"host", level::kCritical, {}, [] { return std::int64_t{1}; }};
  Reception reception_{ledger_, table_, silent_, [](PublisherId const&, std::string const&) {}};
};

TEST_F(ReceptionTest, WhatIsTakenIsOpenUntilItIsHandedOver) {
  take(R"({"message": "hello"})");
  EXPECT_TRUE(reception_.open());
  auto const block = reception_.hand_over();
  ASSERT_NE(block, nullptr);
  EXPECT_THAT(block->entries, testing::SizeIs(1));
  EXPECT_FALSE(reception_.open());
}

TEST_F(ReceptionTest, ABadPlainRecordLeavesNothingOpenThatAFlushWouldWaitFor) {
  take(R"({"message": )");
  EXPECT_EQ(reception_.bad_frames(), 1U);
  EXPECT_EQ(reception_.hand_over(), nullptr);
  EXPECT_FALSE(reception_.open());
}

TEST_F(ReceptionTest, WhatIsTooLargeIsCountedAndNothingOfItIsTaken) {
  std::string const most = R"({"message": "x"})" + std::string(wire::kMaxMessage - 16, ' ');
  take(most);
  EXPECT_EQ(reception_.bad_frames(), 0U);
  take(most + ' ');
  EXPECT_EQ(reception_.bad_frames(), 1U);
  EXPECT_THAT(reception_.hand_over()->entries, testing::SizeIs(1));
}

TEST_F(ReceptionTest, ABlockIsFullEarlierWhereItIsToBeSmaller) {
  take(R"({"message": "hello"})");
  EXPECT_FALSE(reception_.block_full());
  EXPECT_FALSE(reception_.block_full(21));
  EXPECT_TRUE(reception_.block_full(20));
}

// --- forwarded frames

PublisherId id_of(int seed) {
  PublisherId id{};
  id.fill(static_cast<std::byte>(seed));
  return id;
}

class ForwardedTest : public ReceptionTest {
 protected:
  struct Numbers {
    std::uint64_t first, last;
    bool gap = false;
  };
  /// Records, or gaps that a ledger found, of stream 5 of publisher 1, as frame `number` of forwarder `by`.
  void forward(std::uint64_t number, std::vector<Numbers> const& numbers, int by = 9) {
    auto const site = std::make_shared<Site const>();
    auto const source = std::make_shared<Source const>(Source{id_of(1), "h", "p", 1, 2, 5, 6, "t"});
    Block block;
    wire::ForwardBuilder builder;
    for (auto const& range : numbers) {
      if (range.gap) {
        Gap gap{id_of(1), 5, range.first, range.last, 3, "elsewhere"};
        gap.found = true;
        builder.add_gap(source, gap, range.first);
        continue;
      }
      for (std::uint64_t i = range.first; i <= range.last; ++i) {
        wire::add_entry(block, site, source, 100, i, std::to_string(i));
        builder.add(block, block.entries.back(), {id_of(1), 5, i, i});
      }
    }
    wire::Publisher who;
    who.id = id_of(by);
    std::vector<std::byte> frame;
    wire::write_forward(who, 40, 1, number, builder.finish(), frame);
    reception_.take(frame, "host", 1, 1);
  }
  std::vector<std::uint64_t> taken(Block const& block) {
    std::vector<std::uint64_t> list;
    for (auto const& entry : block.entries) list.push_back(entry.sequence);
    return list;
  }
};

TEST_F(ForwardedTest, AFrameAndWhatItHoldsAreTakenOnce) {
  forward(1, {{1, 3}});
  forward(1, {{1, 3}});
  forward(2, {{2, 4}});
  auto const block = reception_.hand_over();
  EXPECT_THAT(taken(*block), testing::ElementsAre(1, 2, 3, 4));
  EXPECT_EQ(reception_.duplicates(), 2U);
  ASSERT_EQ(block->progress.size(), 4U);
  EXPECT_EQ(block->progress[0].publisher, id_of(1));
  EXPECT_EQ(block->progress[0].last, 3U);
  EXPECT_EQ(block->progress[3].publisher, id_of(9));
  EXPECT_EQ(block->progress[3].last, 2U);
  EXPECT_EQ(reception_.bad_frames(), 0U);
}

TEST_F(ForwardedTest, AFrameThatComesTooEarlyIsAskedForAgain) {
  forward(2, {{1, 3}});
  EXPECT_EQ(reception_.hand_over(), nullptr);
  forward(1, {{1, 2}});
  forward(2, {{3, 3}});
  EXPECT_THAT(taken(*reception_.hand_over()), testing::ElementsAre(1, 2, 3));
}

TEST_F(ForwardedTest, ALossThatIsNoneIsTakenBack) {
  forward(1, {{1, 2}, {3, 6, true}, {7, 7}});
  auto const first = reception_.hand_over();
  ASSERT_EQ(first->gaps.size(), 1U);
  EXPECT_EQ(first->progress[0].missing, (std::vector<Missing>{{3, 6, true}}));
  ledger_.commit(first->progress);
  forward(1, {{4, 5}}, 8);  // from the collector that had them
  auto const second = reception_.hand_over();
  EXPECT_THAT(taken(*second), testing::ElementsAre(4, 5));
  ASSERT_EQ(second->arrivals.size(), 1U);
  EXPECT_EQ(second->arrivals[0].span.first, 4U);
  EXPECT_EQ(second->progress[0].missing, (std::vector<Missing>{{3, 3, true}, {6, 6, true}}));
}

TEST_F(ForwardedTest, WhatThisCollectorForwardedItselfIsNotTaken) {
  reception_.set_own({id_of(1)});
  forward(1, {{1, 3}});
  auto const block = reception_.hand_over();
  EXPECT_THAT(block->entries, testing::IsEmpty());
  ASSERT_EQ(block->progress.size(), 1U);
  EXPECT_EQ(block->progress[0].publisher, id_of(9));
}

}  // namespace
}  // namespace logboom::collector
