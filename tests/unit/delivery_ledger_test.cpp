// The receiver's ledger: each row of the protocol's table, commits, roll back, and the bound on its memory.
#include "delivery/receiver_ledger.hpp"

#include <gmock/gmock.h>

#include <map>

namespace logboom::delivery {
namespace {

using Kind = ReceiverLedger::Verdict::Kind;
using Pairs = std::vector<std::pair<std::uint64_t, std::uint64_t>>;

PublisherId id_of(int seed) {
  PublisherId id{};
  id.fill(static_cast<std::byte>(seed));
  return id;
}
PublisherId const kId = id_of(1);

void commit(ReceiverLedger& ledger, std::uint64_t last, std::uint64_t stream = 0, PublisherId const& id = kId) {
  Progress const progress[] = {{id, stream, last}};
  ledger.commit(progress);
}

TEST(ReceiverLedger, ConsecutivePartsAreTaken) {
  ReceiverLedger ledger;
  auto const verdict = ledger.offer(kId, 0, 1, 1, 11, 0);
  EXPECT_EQ(verdict.kind, Kind::kTake);
  EXPECT_EQ(verdict.from, 1U);
  EXPECT_FALSE(verdict.lost);
  EXPECT_EQ(ledger.offer(kId, 0, 1, 11, 12, 0).from, 11U);
  EXPECT_EQ(ledger.state(kId, 0), (StreamState{0, 0, 12}));
  commit(ledger, 10);
  EXPECT_EQ(ledger.state(kId, 0), (StreamState{0, 10, 12}));
}

TEST(ReceiverLedger, AnUnknownStreamStartsAtItsBase) {
  ReceiverLedger ledger;
  EXPECT_EQ(ledger.offer(kId, 0, 50, 50, 60, 0).kind, Kind::kTake);
  EXPECT_EQ(ledger.state(kId, 0), (StreamState{0, 49, 60}));
  // Its later part alone is a gap: what lies between is still held by the sender.
  auto const verdict = ledger.offer(kId, 1, 5, 8, 9, 0);
  EXPECT_EQ(verdict.kind, Kind::kAskAgain);
  EXPECT_EQ(verdict.from, 5U);
}

// Found by simulation: a publisher that turned to another collector and came back had its bye never answered.
TEST(ReceiverLedger, AByeDoesNotWaitForWhatItsPublisherHoldsNoLonger) {
  ReceiverLedger ledger;
  ledger.offer(kId, 0, 1, 1, 11, 0);
  commit(ledger, 10);
  Pairs const last{{0, 30}};
  EXPECT_FALSE(ledger.complete(kId, last));
  Pairs base{{0, 31}};  // another collector has acked 11 … 30
  EXPECT_EQ(ledger.hello(kId, base)[0], (StreamState{0, 10, 11}));
  EXPECT_TRUE(ledger.complete(kId, last));
  EXPECT_FALSE(ledger.complete(kId, Pairs{{0, 31}})) << "what it still holds is waited for";
  base = {{0, 11}};
  ledger.hello(kId, base);
  EXPECT_FALSE(ledger.complete(kId, last)) << "the last hello counts";
}

TEST(ReceiverLedger, DuplicatesAreDroppedAndOverlapsTrimmed) {
  ReceiverLedger ledger;
  ledger.offer(kId, 0, 1, 1, 11, 0);
  EXPECT_EQ(ledger.offer(kId, 0, 1, 1, 11, 0).kind, Kind::kDuplicate);
  EXPECT_EQ(ledger.offer(kId, 0, 1, 4, 7, 0).kind, Kind::kDuplicate);
  auto const verdict = ledger.offer(kId, 0, 1, 8, 15, 0);
  EXPECT_EQ(verdict.kind, Kind::kTake);
  EXPECT_EQ(verdict.from, 11U);
  EXPECT_EQ(ledger.state(kId, 0).expected, 15U);
}

TEST(ReceiverLedger, AGapIsAskedForAtMostOnceInFiftyMilliseconds) {
  ReceiverLedger ledger;
  ledger.offer(kId, 0, 1, 1, 11, 1000);
  auto const verdict = ledger.offer(kId, 0, 1, 21, 31, 1000);
  EXPECT_EQ(verdict.kind, Kind::kAskAgain);
  EXPECT_EQ(verdict.from, 11U);
  EXPECT_EQ(ledger.offer(kId, 0, 1, 31, 41, 1049).kind, Kind::kWait);
  EXPECT_EQ(ledger.offer(kId, 0, 1, 31, 41, 1050).kind, Kind::kAskAgain);
  EXPECT_EQ(ledger.state(kId, 0).expected, 11U);
  // Progress and a hello both end the wait.
  ledger.offer(kId, 0, 1, 11, 21, 1051);
  EXPECT_EQ(ledger.offer(kId, 0, 1, 31, 41, 1052).kind, Kind::kAskAgain);
  ledger.hello(kId, Pairs{{0, 1}});
  EXPECT_EQ(ledger.offer(kId, 0, 1, 31, 41, 1053).kind, Kind::kAskAgain);
}

TEST(ReceiverLedger, WhatLiesBelowTheBaseIsDeclaredLost) {
  ReceiverLedger ledger;
  ledger.offer(kId, 0, 1, 1, 11, 0);
  auto const verdict = ledger.offer(kId, 0, 21, 21, 31, 0);
  EXPECT_EQ(verdict.kind, Kind::kTake);
  EXPECT_EQ(verdict.from, 21U);
  ASSERT_TRUE(verdict.lost);
  EXPECT_EQ(verdict.lost->first, 11U);
  EXPECT_EQ(verdict.lost->last, 20U);
  // A base ahead of what came before the part: first the rest is asked for, nothing is declared yet.
  auto const later = ledger.offer(kId, 0, 41, 51, 61, 0);
  EXPECT_EQ(later.kind, Kind::kAskAgain);
  EXPECT_EQ(later.from, 41U);
  EXPECT_FALSE(later.lost);
  EXPECT_EQ(ledger.state(kId, 0).expected, 31U);
}

TEST(ReceiverLedger, ABaseInsideOrBehindThePartLosesNothingOfIt) {
  ReceiverLedger ledger;
  ledger.offer(kId, 0, 1, 1, 11, 0);
  auto const verdict = ledger.offer(kId, 0, 999, 21, 31, 0);
  EXPECT_EQ(verdict.kind, Kind::kTake);
  EXPECT_EQ(verdict.from, 21U);
  EXPECT_EQ(verdict.lost->last, 20U);
}

TEST(ReceiverLedger, SenselessNumbersAreNotTaken) {
  ReceiverLedger ledger;
  EXPECT_EQ(ledger.offer(kId, 0, 0, 0, 5, 0).kind, Kind::kDuplicate);
  EXPECT_EQ(ledger.offer(kId, 0, 1, 5, 5, 0).kind, Kind::kDuplicate);
  EXPECT_EQ(ledger.offer(kId, 0, 1, 5, 4, 0).kind, Kind::kDuplicate);
  EXPECT_EQ(ledger.offer(kId, 0, 1, 1, UINT64_MAX, 0).kind, Kind::kWait);
  EXPECT_EQ(ledger.offer(kId, 0, UINT64_MAX, UINT64_MAX - 1, UINT64_MAX, 0).kind, Kind::kWait);
  EXPECT_EQ(ledger.refused(), 2U);
  EXPECT_EQ(ledger.size(), 0U);
  EXPECT_EQ(ledger.hello(kId, Pairs{{0, UINT64_MAX}}).at(0).expected, ReceiverLedger::kMaxSequence);
}

TEST(ReceiverLedger, HelloTellsTheStateAndStartsUnknownStreams) {
  ReceiverLedger ledger;
  Progress const rows[] = {{kId, 7, 100}};
  ledger.load(rows);
  EXPECT_EQ(ledger.hello(kId, Pairs{{9, 5}, {7, 1}, {8, 0}}),
            (std::vector<StreamState>{{9, 4, 5}, {7, 100, 101}, {8, 0, 1}}));
  EXPECT_EQ(ledger.offer(kId, 7, 90, 90, 101, 0).kind, Kind::kDuplicate);
}

TEST(ReceiverLedger, RollBackTakesBackWhatWasNotCommitted) {
  ReceiverLedger ledger;
  ledger.offer(kId, 0, 1, 1, 11, 0);
  commit(ledger, 10);
  ledger.offer(kId, 0, 21, 21, 31, 0);  // with a loss before it
  ledger.roll_back();
  EXPECT_EQ(ledger.state(kId, 0), (StreamState{0, 10, 11}));
  auto const again = ledger.offer(kId, 0, 21, 21, 31, 0);
  EXPECT_EQ(again.kind, Kind::kTake);
  EXPECT_EQ(again.lost->first, 11U);
}

TEST(ReceiverLedger, CommitsNeverGoBack) {
  ReceiverLedger ledger;
  ledger.offer(kId, 0, 1, 1, 31, 0);
  commit(ledger, 30);
  commit(ledger, 10);
  EXPECT_EQ(ledger.state(kId, 0), (StreamState{0, 30, 31}));
}

TEST(ReceiverLedger, CompleteMeansCommittedUpToTheLast) {
  ReceiverLedger ledger;
  ledger.offer(kId, 0, 1, 1, 11, 0);
  EXPECT_TRUE(ledger.complete(kId, Pairs{{5, 0}}));
  EXPECT_FALSE(ledger.complete(kId, Pairs{{0, 10}}));
  commit(ledger, 10);
  EXPECT_TRUE(ledger.complete(kId, Pairs{{0, 10}, {5, 0}}));
  EXPECT_FALSE(ledger.complete(kId, Pairs{{0, 10}, {5, 1}}));
}

TEST(ReceiverLedger, StreamsOfDifferentPublishersAreApart) {
  ReceiverLedger ledger;
  ledger.offer(id_of(1), 0, 1, 1, 11, 0);
  EXPECT_EQ(ledger.state(id_of(2), 0).expected, 1U);
}

TEST(ReceiverLedger, AtTheBoundIdleStreamsMakeRoomAndComeBackFromTheStore) {
  std::map<std::uint64_t, std::uint64_t> store;
  int looked_up = 0;
  ReceiverLedger ledger(2, [&](PublisherId const&, std::uint64_t stream) -> std::optional<Progress> {
    ++looked_up;
    auto const at = store.find(stream);
    return at == store.end() ? std::nullopt : std::optional(Progress{kId, stream, at->second});
  });
  for (std::uint64_t stream = 0; stream < 5; ++stream) {
    EXPECT_EQ(ledger.offer(kId, stream, 1, 1, 11, 0).kind, Kind::kTake);
    store[stream] = 10;
    commit(ledger, 10, stream);
    EXPECT_LE(ledger.size(), 2U);
  }
  EXPECT_EQ(ledger.offer(kId, 0, 1, 1, 11, 0).kind, Kind::kDuplicate);
  EXPECT_GT(looked_up, 0);
  EXPECT_TRUE(ledger.complete(kId, Pairs{{0, 10}, {1, 10}, {2, 10}, {3, 10}, {4, 10}}));
  EXPECT_EQ(ledger.size(), 2U);
}

TEST(ReceiverLedger, TheLeastRecentlyUsedGoesFirst) {
  std::vector<std::uint64_t> asked;
  ReceiverLedger ledger(2, [&](PublisherId const&, std::uint64_t stream) {
    asked.push_back(stream);
    return std::optional<Progress>();
  });
  Progress const rows[] = {{kId, 1, 10}, {kId, 2, 10}};
  ledger.load(rows);
  ledger.hello(kId, Pairs{{1, 1}});  // 2 is now the older one
  ledger.hello(kId, Pairs{{3, 1}});  // takes its place
  asked.clear();
  ledger.hello(kId, Pairs{{1, 1}});
  EXPECT_TRUE(asked.empty());
  ledger.hello(kId, Pairs{{2, 1}});
  EXPECT_THAT(asked, testing::ElementsAre(2U));
}

TEST(ReceiverLedger, WhatIsPendingIsNeverForgotten) {
  ReceiverLedger ledger(2);
  ledger.offer(kId, 0, 1, 1, 11, 0);
  ledger.offer(kId, 1, 1, 1, 11, 0);
  EXPECT_EQ(ledger.offer(kId, 2, 1, 1, 11, 0).kind, Kind::kWait);
  EXPECT_EQ(ledger.hello(kId, Pairs{{2, 1}}), (std::vector<StreamState>{{2, 0, 0}}));
  EXPECT_EQ(ledger.refused(), 1U);
  commit(ledger, 10, 0);
  EXPECT_EQ(ledger.offer(kId, 2, 1, 1, 11, 0).kind, Kind::kTake);
}

TEST(ReceiverLedger, RowsBeyondTheBoundAreLeftToTheLookup) {
  std::vector<Progress> rows;
  for (std::uint64_t stream = 0; stream < 10; ++stream) rows.push_back({kId, stream, 100 + stream});
  ReceiverLedger ledger(
      4, [&](PublisherId const&, std::uint64_t stream) { return std::optional(rows.at(stream)); });
  ledger.load(rows);
  EXPECT_EQ(ledger.size(), 4U);
  for (std::uint64_t stream = 0; stream < 10; ++stream)
    EXPECT_EQ(ledger.hello(kId, Pairs{{stream, 1}}).at(0).committed, 100 + stream);
}

// --- what forwarders bring

using Lost = ReceiverLedger::Lost;

std::vector<Missing> missing(ReceiverLedger const& ledger, std::uint64_t stream = 0) {
  return ledger.progress(kId, stream).missing;
}

std::vector<std::pair<std::uint64_t, std::uint64_t>> pairs(std::vector<Lost> const& ranges) {
  std::vector<std::pair<std::uint64_t, std::uint64_t>> list;
  for (auto const& range : ranges) list.emplace_back(range.first, range.last);
  return list;
}

TEST(ForwardedNumbers, AreTakenOnceWhateverTheWay) {
  ReceiverLedger ledger;
  EXPECT_EQ(pairs(ledger.admit(kId, 0, 1, 10).take), (Pairs{{1, 10}}));
  EXPECT_TRUE(ledger.admit(kId, 0, 3, 10).take.empty());
  EXPECT_EQ(pairs(ledger.admit(kId, 0, 8, 12).take), (Pairs{{11, 12}}));
  EXPECT_EQ(ledger.offer(kId, 0, 1, 1, 13, 0).kind, Kind::kDuplicate);
  EXPECT_EQ(ledger.offer(kId, 0, 1, 12, 15, 0).from, 13U);
  EXPECT_TRUE(ledger.admit(kId, 0, 13, 14).take.empty());
  EXPECT_TRUE(missing(ledger).empty());
}

TEST(ForwardedNumbers, AJumpIsNoLossAndIsFilledLater) {
  ReceiverLedger ledger;
  EXPECT_EQ(pairs(ledger.admit(kId, 0, 11, 20).take), (Pairs{{11, 20}}));
  EXPECT_EQ(missing(ledger), (std::vector<Missing>{{1, 10, false}}));
  EXPECT_EQ(pairs(ledger.admit(kId, 0, 4, 13).take), (Pairs{{4, 10}}));
  EXPECT_EQ(missing(ledger), (std::vector<Missing>{{1, 3, false}}));
  auto const rest = ledger.admit(kId, 0, 1, 21);
  EXPECT_EQ(pairs(rest.take), (Pairs{{1, 3}, {21, 21}}));
  EXPECT_TRUE(rest.arrived.empty());
  EXPECT_TRUE(missing(ledger).empty());
}

TEST(ForwardedNumbers, FillWhatADirectConnectionBeganAbove) {
  ReceiverLedger ledger;
  EXPECT_EQ(ledger.hello(kId, Pairs{{0, 51}}).at(0).expected, 51U);
  EXPECT_EQ(ledger.offer(kId, 0, 51, 51, 61, 0).kind, Kind::kTake);
  EXPECT_EQ(pairs(ledger.admit(kId, 0, 41, 55).take), (Pairs{{41, 50}}));
  EXPECT_EQ(missing(ledger), (std::vector<Missing>{{1, 40, false}}));
}

TEST(ForwardedNumbers, ThatWereDeclaredLostHaveArrived) {
  ReceiverLedger ledger;
  ledger.offer(kId, 0, 1, 1, 11, 0);
  auto const verdict = ledger.offer(kId, 0, 31, 31, 41, 0);
  ASSERT_TRUE(verdict.lost);
  EXPECT_EQ(missing(ledger), (std::vector<Missing>{{11, 30, true}}));
  auto const late = ledger.admit(kId, 0, 11, 20);
  EXPECT_EQ(pairs(late.take), (Pairs{{11, 20}}));
  EXPECT_EQ(pairs(late.arrived), (Pairs{{11, 20}}));
  EXPECT_EQ(missing(ledger), (std::vector<Missing>{{21, 30, true}}));
}

TEST(ForwardedNumbers, ALossThatAnotherLedgerFoundIsNoneForEver) {
  ReceiverLedger ledger;
  ledger.admit(kId, 0, 1, 30);
  EXPECT_FALSE(ledger.lose(kId, 0, 11, 20));
  EXPECT_EQ(missing(ledger), (std::vector<Missing>{{11, 20, true}}));
  auto const late = ledger.admit(kId, 0, 5, 15);
  EXPECT_EQ(pairs(late.take), (Pairs{{11, 15}}));
  EXPECT_EQ(pairs(late.arrived), (Pairs{{11, 15}}));
}

TEST(ForwardedNumbers, TheLowestOfTooManyRangesIsGivenUpAndSaidToBe) {
  ReceiverLedger ledger;
  for (std::uint64_t i = 0; i < ReceiverLedger::kMaxMissing; ++i)
    EXPECT_FALSE(ledger.admit(kId, 0, 10 * i + 5, 10 * i + 9).given_up);
  auto const one_more = ledger.admit(kId, 0, 1000, 1000);
  ASSERT_TRUE(one_more.given_up);
  EXPECT_EQ(one_more.given_up->first, 1U);
  EXPECT_EQ(one_more.given_up->last, 4U);
  EXPECT_TRUE(ledger.admit(kId, 0, 1, 4).take.empty());
}

TEST(ForwardedNumbers, SurviveTheStoreAndItsFailure) {
  ReceiverLedger ledger;
  ledger.admit(kId, 0, 11, 20);
  Progress const stored[] = {ledger.progress(kId, 0)};
  ledger.commit(stored);
  ledger.admit(kId, 0, 1, 5);
  ledger.roll_back();
  EXPECT_EQ(missing(ledger), (std::vector<Missing>{{1, 10, false}}));
  EXPECT_EQ(pairs(ledger.admit(kId, 0, 1, 5).take), (Pairs{{1, 5}}));
  ReceiverLedger after;
  after.load(stored);
  EXPECT_EQ(pairs(after.admit(kId, 0, 1, 20).take), (Pairs{{1, 10}}));
}

TEST(ForwardedNumbers, AStreamWhoseHoleIsBeingFilledIsNotForgotten) {
  std::map<std::uint64_t, Progress> stored;
  ReceiverLedger ledger(2, [&](PublisherId const&, std::uint64_t stream) {
    return stored.contains(stream) ? std::optional(stored[stream]) : std::nullopt;
  });
  ledger.admit(kId, 0, 11, 20);
  stored[0] = ledger.progress(kId, 0);
  ledger.commit({&stored[0], 1});
  ledger.admit(kId, 0, 1, 10);  // not committed yet
  for (std::uint64_t stream = 1; stream < 5; ++stream) ledger.hello(kId, Pairs{{stream, 1}});
  EXPECT_FALSE(ledger.room(2));
  EXPECT_TRUE(ledger.room(1));
  EXPECT_TRUE(ledger.admit(kId, 0, 1, 10).take.empty());
  stored[0] = ledger.progress(kId, 0);
  ledger.commit({&stored[0], 1});
  EXPECT_TRUE(ledger.room(2));
}

}  // namespace
}  // namespace logboom::delivery
