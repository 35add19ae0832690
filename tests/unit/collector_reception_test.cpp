// Frames to blocks, without a socket.
#include "collector/reception.hpp"

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

}  // namespace
}  // namespace logboom::collector
