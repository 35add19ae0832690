// Who is cut off when viewers subscribe to more than there is room for.
#include "collector/subscription_budget.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace logboom::collector {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(SubscriptionBudget, WhoHasTooMuchIsToBlameAndNobodyElse) {
  SubscriptionBudget budget;
  budget.charge("small", 1'000);
  for (int i = 0; !budget.over(); ++i) budget.charge("large", 1'000);
  EXPECT_THAT(budget.settle(), ElementsAre("large"));
  EXPECT_FALSE(budget.over());
  budget.charge("large", 1'000);
  EXPECT_FALSE(budget.over()) << "it begins anew";
}

TEST(SubscriptionBudget, ManyWithALittleEachAreAllToBlame) {
  SubscriptionBudget budget;
  for (int i = 0; !budget.over(); ++i) budget.charge(std::to_string(i % 1'000), 100);
  EXPECT_THAT(budget.settle(), IsEmpty()) << "everybody";
  EXPECT_FALSE(budget.over());
}

TEST(SubscriptionBudget, ThereIsNoEndOfPeers) {
  SubscriptionBudget budget;
  std::size_t peers = 0;
  while (!budget.over()) budget.charge(std::to_string(peers++), 1);
  EXPECT_LE(peers, SubscriptionBudget::kPeers + 1);
}

TEST(SubscriptionBudget, WhatIsNotCutOffStaysCounted) {
  SubscriptionBudget budget;
  std::size_t rounds = 0;
  for (; rounds < 1'000; ++rounds) {
    for (int peer = 0; peer < 100; ++peer) budget.charge(std::to_string(peer), 1'000);
    while (!budget.over()) budget.charge("large", 1'000);
    if (budget.settle().empty()) break;
  }
  EXPECT_LT(rounds, 100U) << "the small ones have their turn";
}

}  // namespace
}  // namespace logboom::collector
