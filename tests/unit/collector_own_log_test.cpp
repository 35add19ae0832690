// What the collector says of itself: as records and as notices, never more than a trickle of one kind.
#include "collector/own_log.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace logboom::collector {
namespace {

using testing::EndsWith;
using testing::SizeIs;

class OwnLogTest : public testing::Test {
 protected:
  std::vector<std::string> messages() {
    Block block;
    log_.move_into(block);
    std::vector<std::string> found;
    for (auto const& entry : block.entries) {
      EXPECT_EQ(block.sites.at(entry.site)->logger, "logboom.collector");
      EXPECT_EQ(entry.sequence, 0U);
      found.emplace_back(entry.message);
    }
    return found;
  }

  std::int64_t now_ = 1'700'000'000'000'000'000;
  std::vector<std::string> notices_;
  OwnLog log_{"host", level::kInfo, [this](std::string_view line) { notices_.emplace_back(line); },
              [this] { return now_; }};
};

TEST_F(OwnLogTest, NotesBecomeRecordsOnce) {
  EXPECT_TRUE(log_.empty());
  log_.note(OwnLog::Kind::kLife, level::kInfo, "started");
  log_.note(OwnLog::Kind::kGap, level::kWarning, "lost");
  EXPECT_FALSE(log_.empty());
  EXPECT_EQ(messages(), (std::vector<std::string>{"started", "lost"}));
  EXPECT_TRUE(log_.empty());
}

TEST_F(OwnLogTest, BelowItsLevelItIsSilent) {
  log_.note(OwnLog::Kind::kPublisher, level::kDebug, "detail");
  EXPECT_TRUE(log_.empty());
}

TEST_F(OwnLogTest, ATellIsANoticeAsWell) {
  log_.note(OwnLog::Kind::kStore, level::kError, "quiet");
  log_.tell(OwnLog::Kind::kStore, level::kError, "loud");
  EXPECT_EQ(notices_, std::vector<std::string>{"loud"});
  EXPECT_THAT(messages(), SizeIs(2));
}

TEST_F(OwnLogTest, AFloodBecomesATrickleThatSaysWhatIsLeftOut) {
  for (int i = 0; i < 1'000; ++i) log_.tell(OwnLog::Kind::kBadFrame, level::kWarning, "bad");
  EXPECT_THAT(messages(), SizeIs(OwnLog::kBurst));
  EXPECT_THAT(notices_, SizeIs(OwnLog::kBurst));
  now_ += OwnLog::kEvery;
  log_.note(OwnLog::Kind::kBadFrame, level::kWarning, "bad");
  log_.note(OwnLog::Kind::kBadFrame, level::kWarning, "bad");
  auto const later = messages();
  ASSERT_THAT(later, SizeIs(1));
  EXPECT_EQ(later[0], "bad (" + std::to_string(1'000 - OwnLog::kBurst) + " more like this were left out)");
}

TEST_F(OwnLogTest, OneKindDoesNotDrownAnother) {
  for (int i = 0; i < 1'000; ++i) log_.note(OwnLog::Kind::kBadFrame, level::kWarning, "bad");
  log_.note(OwnLog::Kind::kStore, level::kError, "disk full");
  EXPECT_EQ(messages().back(), "disk full");
}

TEST_F(OwnLogTest, WhatWaitsIsBounded) {
  for (int i = 0; i < 10'000; ++i) {
    log_.note(OwnLog::Kind::kBadFrame, level::kWarning, "bad");
    now_ += OwnLog::kEvery;
  }
  EXPECT_THAT(messages(), SizeIs(OwnLog::kMaxPending));
}

TEST_F(OwnLogTest, LongMessagesAreCut) {
  log_.note(OwnLog::Kind::kBadFrame, level::kWarning, std::string(1 << 20, 'x'));
  auto const found = messages();
  EXPECT_LT(found.at(0).size(), OwnLog::kMaxMessage + 10);
  EXPECT_THAT(found.at(0), EndsWith("…"));
}

TEST_F(OwnLogTest, AClockSetBackDoesNotSilenceIt) {
  for (std::uint32_t i = 0; i < OwnLog::kBurst; ++i) log_.note(OwnLog::Kind::kGap, level::kWarning, "lost");
  messages();
  now_ -= 1'000 * OwnLog::kEvery;
  log_.note(OwnLog::Kind::kGap, level::kWarning, "still out of budget");
  now_ += OwnLog::kEvery;
  log_.note(OwnLog::Kind::kGap, level::kWarning, "lost again");
  EXPECT_THAT(messages(), SizeIs(1));
}

}  // namespace
}  // namespace logboom::collector
