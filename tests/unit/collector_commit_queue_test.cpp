// The queue between intake and store: grouping, order, bounds, retries, end.
#include "collector/commit_queue.hpp"

#include <logboom/query.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <stdexcept>
#include <thread>

namespace logboom::collector {
namespace {

using namespace std::chrono_literals;

std::unique_ptr<Block> block_of(std::size_t entries) {
  auto block = std::make_unique<Block>();
  block->entries.resize(entries);
  return block;
}

/// A store that remembers its transactions, and can be told to fail or to wait.
class FakeStore {
 public:
  void write(std::span<std::unique_ptr<Block> const> blocks) {
    std::unique_lock lock(mutex_);
    ++calls_;
    changed_.notify_all();
    changed_.wait(lock, [&] { return !held_; });
    if (broken_) throw std::runtime_error("broken");
    if (full_) throw StoreError("x.sqlite: disk full; make room", StoreError::Kind::kTransient);
    if (unusable_) throw StoreError("x.sqlite: damaged; move it away", StoreError::Kind::kUnusable);
    std::vector<std::size_t> sizes;
    for (auto const& block : blocks) sizes.push_back(block->entries.size());
    transactions_.push_back(std::move(sizes));
    changed_.notify_all();
  }
  void set(bool FakeStore::*what, bool value) {
    std::lock_guard const lock(mutex_);
    this->*what = value;
    changed_.notify_all();
  }
  void wait_calls(int calls) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return calls_ >= calls; });
  }
  void wait_transactions(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return transactions_.size() >= count; });
  }
  std::vector<std::vector<std::size_t>> transactions() {
    std::lock_guard const lock(mutex_);
    return transactions_;
  }

  bool held_ = false, full_ = false, broken_ = false, unusable_ = false;

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int calls_ = 0;
  std::vector<std::vector<std::size_t>> transactions_;
};

class CommitQueueTest : public testing::Test {
 protected:
  CommitQueue& make(CommitQueue::Options options) {
    queue_.emplace(
        [this](auto blocks) {
          store_.write(blocks);
          return 0ns;
        },
        options, [this] { ++wakes_; });
    return *queue_;
  }
  void start() {
    thread_ = std::thread([this] { queue_->run(); });
  }
  void finish() {
    queue_->close();
    thread_.join();
  }
  void TearDown() override {
    if (thread_.joinable()) finish();
  }
  static CommitQueue::Options slow() {
    CommitQueue::Options options;
    options.interval = 1h;  // only what is drained, or enough, is written
    return options;
  }

  FakeStore store_;
  std::atomic<int> wakes_ = 0;
  std::optional<CommitQueue> queue_;
  std::thread thread_;
};

TEST_F(CommitQueueTest, WritesAtOnceWhenDrained) {
  auto& queue = make(slow());
  start();
  EXPECT_EQ(queue.push(block_of(1), true), 1U);
  store_.wait_transactions(1);
  finish();
  EXPECT_EQ(store_.transactions(), (std::vector<std::vector<std::size_t>>{{1}}));
}

TEST_F(CommitQueueTest, WaitsForMoreWhileMoreIsComing) {
  auto& queue = make(slow());
  start();
  queue.push(block_of(1), false);
  queue.push(block_of(2), false);
  queue.push(block_of(3), true);
  store_.wait_transactions(1);
  EXPECT_EQ(store_.transactions(), (std::vector<std::vector<std::size_t>>{{1, 2, 3}}));
}

TEST_F(CommitQueueTest, DoesNotWaitLongerThanTheInterval) {
  auto options = slow();
  options.interval = 1ms;
  auto& queue = make(options);
  start();
  queue.push(block_of(1), false);
  store_.wait_transactions(1);
}

TEST_F(CommitQueueTest, DoesNotWaitForMoreThanAGroup) {
  auto options = slow();
  options.group_entries = 100;
  auto& queue = make(options);
  start();
  queue.push(block_of(60), false);
  queue.push(block_of(60), false);
  store_.wait_transactions(1);
  EXPECT_EQ(store_.transactions(), (std::vector<std::vector<std::size_t>>{{60, 60}}));
}

TEST_F(CommitQueueTest, GroupsWhatCameWhileTheStoreWasBusyUpToTheBound) {
  auto options = slow();
  options.group_entries = 100;
  auto& queue = make(options);
  store_.set(&FakeStore::held_, true);
  start();
  queue.push(block_of(1), true);
  store_.wait_calls(1);
  for (int i = 0; i < 5; ++i) queue.push(block_of(40), true);
  store_.set(&FakeStore::held_, false);
  finish();
  EXPECT_EQ(store_.transactions(), (std::vector<std::vector<std::size_t>>{{1}, {40, 40, 40}, {40, 40}}));
}

TEST_F(CommitQueueTest, WithoutBlocksTheStoreIsStillGivenItsTurnWhateverItSays) {
  auto options = slow();
  options.idle = 1ms;
  auto& queue = make(options);
  start();
  store_.wait_transactions(2);
  store_.set(&FakeStore::unusable_, true);
  store_.wait_calls(5);
  EXPECT_FALSE(queue.finished()) << "it is trouble once there is something to write";
  store_.set(&FakeStore::unusable_, false);
  queue.push(block_of(3), true);
  auto const written = [&] {
    auto const all = store_.transactions();
    return std::find(all.begin(), all.end(), std::vector<std::size_t>{3}) != all.end();
  };
  for (std::size_t n = 3; !written(); ++n) store_.wait_transactions(n);
  for (auto const& transaction : store_.transactions()) EXPECT_LE(transaction.size(), 1U);
}

TEST_F(CommitQueueTest, HurryWritesWhatIsThere) {
  auto& queue = make(slow());
  start();
  queue.push(block_of(1), false);
  queue.hurry();
  store_.wait_transactions(1);
}

TEST_F(CommitQueueTest, GivesCommittedBlocksBackInOrderWithTheNumberOfTheLast) {
  auto& queue = make(slow());
  start();
  for (std::size_t i = 1; i <= 3; ++i) queue.push(block_of(i), i == 3);
  finish();
  auto const committed = queue.collect();
  ASSERT_EQ(committed.blocks.size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(committed.blocks[i]->entries.size(), i + 1);
  EXPECT_EQ(committed.last, 3U);
  EXPECT_TRUE(queue.collect().blocks.empty());
  EXPECT_EQ(queue.collect().last, 3U);
}

TEST_F(CommitQueueTest, CountsBytesUntilTheyAreCollected) {
  auto options = slow();
  options.limit_bytes = 1;
  auto& queue = make(options);
  EXPECT_FALSE(queue.full());
  queue.push(block_of(10), true);
  EXPECT_TRUE(queue.full());
  start();
  finish();
  EXPECT_TRUE(queue.full()) << "written, but still held";
  queue.collect();
  EXPECT_FALSE(queue.full());
  EXPECT_EQ(queue.bytes(), 0U);
}

TEST_F(CommitQueueTest, ItsBoundIsWhatTheStoreWritesInAMoment) {
  auto options = slow();
  options.limit_bytes = 64U << 20U;
  auto& queue = make(options);
  auto const push_until_full = [&] {
    std::size_t blocks = 0;
    for (; !queue.full(); ++blocks) queue.push(block_of(1'000), false);
    return blocks;
  };
  auto const at_first = push_until_full();
  EXPECT_LT(queue.bytes(), 1U << 20U) << "before anything is known of the store";
  EXPECT_FALSE(queue.has_room());
  start();
  for (int i = 0; i < 10; ++i) {  // of a store that takes no time
    queue.hurry();
    while (queue.bytes() > 0) {
      queue.collect();
      std::this_thread::yield();
    }
    EXPECT_TRUE(queue.has_room());
    push_until_full();
  }
  EXPECT_GT(queue.bytes(), 8 * at_first * block_of(1'000)->bytes());
  EXPECT_GE(queue.block_bytes(), 128U << 10U);
}

TEST_F(CommitQueueTest, ATransactionIsBoundedInBytes) {
  auto options = slow();
  options.group_entries = 1'000'000;
  auto& queue = make(options);
  store_.set(&FakeStore::held_, true);
  start();
  queue.push(block_of(1), true);
  store_.wait_calls(1);
  auto const bytes = block_of(1'000)->bytes();
  for (int i = 0; i < 32; ++i) queue.push(block_of(1'000), true);
  store_.set(&FakeStore::held_, false);
  finish();
  auto const transactions = store_.transactions();
  ASSERT_GT(transactions.size(), 2U);
  std::size_t most = 256U << 10U;
  for (auto const& transaction : transactions) {
    EXPECT_LT(transaction.size() * bytes, most + bytes);
    most *= 2;
  }
}

TEST_F(CommitQueueTest, KeepsTheBlocksAndTriesOnWhileTheStoreCannotBeWritten) {
  auto options = slow();
  options.first_retry = options.last_retry = 1ms;
  auto& queue = make(options);
  store_.set(&FakeStore::full_, true);
  start();
  queue.push(block_of(7), true);
  store_.wait_calls(5);
  EXPECT_EQ(queue.trouble(), "x.sqlite: disk full; make room");
  EXPECT_TRUE(queue.collect().blocks.empty()) << "nothing is committed, nothing may be acked";
  store_.set(&FakeStore::full_, false);
  store_.wait_transactions(1);
  finish();
  EXPECT_EQ(store_.transactions(), (std::vector<std::vector<std::size_t>>{{7}}));
  EXPECT_EQ(queue.trouble(), std::nullopt);
  EXPECT_EQ(queue.failure(), nullptr);
}

TEST_F(CommitQueueTest, GivesUpAtTheEndOnly) {
  auto options = slow();
  options.first_retry = options.last_retry = 1ms;
  options.give_up = 10ms;
  auto& queue = make(options);
  store_.set(&FakeStore::full_, true);
  queue.push(block_of(1), true);
  start();
  store_.wait_calls(3);
  EXPECT_FALSE(queue.finished());
  finish();
  EXPECT_TRUE(queue.finished());
  ASSERT_NE(queue.failure(), nullptr);
  EXPECT_THROW(std::rethrow_exception(queue.failure()), StoreError);
  EXPECT_EQ(queue.collect().last, 0U);
}

TEST_F(CommitQueueTest, EndsAtOnceWhenTryingAgainIsOfNoUse) {
  auto& queue = make(slow());
  store_.set(&FakeStore::unusable_, true);
  queue.push(block_of(1), true);
  queue.run();
  EXPECT_TRUE(queue.finished());
  EXPECT_THROW(std::rethrow_exception(queue.failure()), StoreError);
}

TEST_F(CommitQueueTest, AnyOtherErrorEndsItAndIsKept) {
  auto& queue = make(slow());
  store_.set(&FakeStore::broken_, true);
  queue.push(block_of(1), true);
  queue.run();
  EXPECT_TRUE(queue.finished());
  EXPECT_GT(wakes_, 0);
  EXPECT_THROW(std::rethrow_exception(queue.failure()), std::runtime_error);
}

TEST_F(CommitQueueTest, WakesTheIntakeForEachTransaction) {
  auto& queue = make(slow());
  queue.push(block_of(1), true);
  queue.close();
  queue.run();
  EXPECT_GE(wakes_, 2);  // the transaction, the end
}

}  // namespace
}  // namespace logboom::collector
