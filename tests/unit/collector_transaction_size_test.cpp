// How large transactions become, on stores of all speeds.
#include "collector/transaction_size.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace logboom::collector {
namespace {

constexpr std::size_t kKiB = 1'024, kMiB = 1'024 * kKiB;
constexpr std::size_t kLeast = 256 * kKiB, kMost = 4 * kMiB;

/// A store that takes `sync` seconds for the commit of a transaction, and so many for each MiB of it.
struct Store {
  double sync = 0, per_mib = 0;

  double seconds(std::size_t bytes) const {
    return sync + per_mib * static_cast<double>(bytes) / static_cast<double>(kMiB);
  }
  /// Under a flood, all transactions are as large as they may be.
  void flood(TransactionSize& size, int transactions) const {
    for (; transactions > 0; --transactions)
      size.learn(size.bytes(), span(seconds(size.bytes())), span(sync));
  }
  static std::chrono::nanoseconds span(double seconds) {
    return std::chrono::nanoseconds(static_cast<std::int64_t>(seconds * 1e9));
  }
};

class TransactionSizeTest : public testing::Test {
 protected:
  TransactionSize size_{kLeast, kMost};
};

TEST_F(TransactionSizeTest, AQuickStoreGetsAllThereMayBe) {
  Store{0.002, 0.02}.flood(size_, 6);
  EXPECT_EQ(size_.bytes(), kMost);
}

TEST_F(TransactionSizeTest, ASlowerOneAsMuchAsItWritesInTheTimeThatIsWanted) {
  for (double const per_mib : {0.05, 0.1, 0.3}) {
    TransactionSize size(kLeast, kMost);
    Store const store{0.005, per_mib};
    store.flood(size, 50);
    EXPECT_NEAR(store.seconds(size.bytes()), 0.1, 0.01) << per_mib;
  }
}

TEST_F(TransactionSizeTest, NeverLessThanTheLeast) {
  Store{0.001, 100}.flood(size_, 50);
  EXPECT_EQ(size_.bytes(), kLeast);
}

/// To make transactions smaller and smaller because each takes long would have the store do nothing but sync.
TEST_F(TransactionSizeTest, ADiskThatIsSlowToSyncGetsLargerOnes) {
  for (double const sync : {0.1, 0.3, 1.0}) {
    TransactionSize size(kLeast, 64 * kMiB);
    Store const store{sync, 0.05};
    store.flood(size, 100);
    EXPECT_NEAR(sync / store.seconds(size.bytes()), 2.0 / 3, 0.01) << sync;
  }
}

TEST_F(TransactionSizeTest, FollowsAStoreThatBecomesSlowAndQuickAgain) {
  Store const quick{0.002, 0.02};
  Store const slow{0.01, 0.5};
  quick.flood(size_, 20);
  slow.flood(size_, 20);
  EXPECT_LE(slow.seconds(size_.bytes()), 0.14) << "that is the least";
  quick.flood(size_, 40);
  EXPECT_EQ(size_.bytes(), kMost);
}

TEST_F(TransactionSizeTest, OneThatHadToWaitIsSoonForgotten) {
  Store const store{0.002, 0.02};
  store.flood(size_, 20);
  size_.learn(size_.bytes(), std::chrono::seconds(5), {});
  store.flood(size_, 40);
  EXPECT_EQ(size_.bytes(), kMost);
}

TEST_F(TransactionSizeTest, SmallOnesSayNothingOfLargeOnes) {
  Store const store{0.005, 0.2};
  for (int i = 0; i < 1'000; ++i)
    size_.learn(1'000, Store::span(store.seconds(1'000)), Store::span(store.sync));
  EXPECT_EQ(size_.bytes(), kLeast);
  store.flood(size_, 30);
  EXPECT_NEAR(store.seconds(size_.bytes()), 0.1, 0.03);
}

TEST_F(TransactionSizeTest, OneThatTakesNoTimeGetsAllThereMayBe) {
  for (int i = 0; i < 10; ++i) size_.learn(size_.bytes(), {}, {});
  EXPECT_EQ(size_.bytes(), kMost);
}

/// Other work on the machine makes equal transactions take from a half to twice as long.
TEST_F(TransactionSizeTest, NoiseDoesNotLeadItAstray) {
  std::mt19937_64 random(7514);
  std::uniform_real_distribution<double> factor(0.5, 2.0);
  Store const store{0.005, 0.1};
  double longest = 0;
  for (int i = 0; i < 2'000; ++i) {
    auto const undisturbed = store.seconds(size_.bytes());
    longest = std::max(longest, undisturbed);
    size_.learn(size_.bytes(), Store::span(undisturbed * factor(random)),
                Store::span(store.sync * factor(random)));
  }
  EXPECT_LT(longest, 0.2);
}

}  // namespace
}  // namespace logboom::collector
