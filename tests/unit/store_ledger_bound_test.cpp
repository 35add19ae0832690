// What of the ledger goes on from file to file: streams of which the store has something, and no more than a number.
// ctest: timeout=180
#include "store_retention_fixture.hpp"

#include "store/ledger_reader.hpp"

#include <gmock/gmock.h>

#include <filesystem>
#include <optional>

namespace logboom::store {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class LedgerBoundTest : public RetentionTest {
 protected:
  std::optional<std::uint64_t> last_of(unsigned publisher) const {
    auto const found = LedgerReader(path).find(publisher_id(publisher), 0);
    return found ? std::optional(found->last) : std::nullopt;
  }
  void remove_oldest() const { remove_closed(list_closed(path).front()); }
};

TEST_F(LedgerBoundTest, AStreamIsForgottenWhenTheStoreHasNothingOfItAnyMore) {
  StoreWriter writer(path, options);
  writer.write(blocks_of(make_block(7, 1, 5)));
  close_files(writer, 4);
  EXPECT_EQ(last_of(7), 5U) << "its records are in the oldest file";
  remove_oldest();
  close_files(writer, 1);
  EXPECT_EQ(last_of(7), std::nullopt);
  EXPECT_EQ(last_of(1), next - 1);
  EXPECT_EQ(number("SELECT count(*) FROM publisher WHERE id <> 0"), 1);
  EXPECT_THAT(notices, IsEmpty());
}

TEST_F(LedgerBoundTest, WhatComesAgainOfAForgottenStreamIsThereOnce) {
  StoreWriter writer(path, options);
  writer.write(blocks_of(make_block(7, 1, 5)));
  close_files(writer, 2);
  remove_oldest();
  close_files(writer, 1);
  ASSERT_EQ(last_of(7), std::nullopt);
  writer.write(blocks_of(make_block(7, 5, 1)));
  int found = 0;
  logboom::query(path, {}, [&](Record const& record) {
    found += record.pid == 107 ? 1 : 0;
    return true;
  });
  EXPECT_EQ(found, 1);
  EXPECT_EQ(last_of(7), 5U);
}

TEST_F(LedgerBoundTest, OneThatGotFurtherIsKeptWithoutARecord) {
  StoreWriter writer(path, options);
  auto const frames = [&](std::uint64_t last) {  // as a collector has that forwards
    auto block = std::make_unique<Block>();
    block->progress.push_back({publisher_id(8), 0, last});
    writer.write(blocks_of(std::move(block)));
  };
  frames(1);
  close_files(writer, 1);
  frames(2);
  close_files(writer, 1);
  EXPECT_EQ(last_of(8), 2U);
  close_files(writer, 1);
  EXPECT_EQ(last_of(8), 2U) << "since the oldest file ended";
  remove_oldest();
  close_files(writer, 1);
  EXPECT_EQ(last_of(8), std::nullopt);
}

TEST_F(LedgerBoundTest, ALostStreamIsKeptAsLongAsItsGap) {
  StoreWriter writer(path, options);
  auto block = make_block(7, 1, 1);
  Gap gap;
  gap.publisher = publisher_id(9);
  gap.first = 1;
  gap.last = 10;
  gap.reason = "lost";
  block->gaps.push_back(gap);
  block->progress.push_back({publisher_id(9), 0, 10});
  writer.write(blocks_of(std::move(block)));
  close_files(writer, 3);
  EXPECT_EQ(last_of(9), 10U);
}

TEST_F(LedgerBoundTest, AFloodOfInventedPublishersDoesNotGrowTheLedgerForEver) {
  options.retention.max_size = 4U << 20U;
  StoreWriter writer(path, options);
  std::int64_t most = 0;
  unsigned invented = 1'000;
  for (int file = 0; file < 24; ++file) {
    Blocks blocks;
    for (int i = 0; i < 200; ++i) blocks.push_back(make_block(++invented, 1, 1));
    writer.write(blocks);
    close_files(writer, 1);
    most = std::max(most, number("SELECT count(*) FROM ledger"));
  }
  EXPECT_LT(most, 200 * 16);
  EXPECT_GT(most, 200);
}

TEST_F(LedgerBoundTest, AtItsBoundThoseThatCameLastAreLeftOutAndItIsSaid) {
  options.most_streams = 10;
  StoreWriter writer(path, options);
  writer.write(blocks_of(make_block(1, next++, 1)));  // before the file is full, and the next one made
  Blocks blocks;
  for (unsigned i = 0; i < 30; ++i) blocks.push_back(make_block(100 + i, 1, 1));
  writer.write(blocks);
  close_files(writer, 1);
  EXPECT_EQ(last_of(1), next - 1);
  EXPECT_EQ(last_of(108), 1U);
  EXPECT_LE(number("SELECT count(*) FROM ledger"), 11);  // one may have moved while the file was made
  EXPECT_EQ(last_of(129), std::nullopt);
  ASSERT_FALSE(notices.empty());
  EXPECT_THAT(notices[0], HasSubstr("its ledger is at its bound of 10 streams"));
  writer.write(blocks_of(make_block(129, 2, 1)));
  EXPECT_EQ(last_of(129), 2U) << "whoever goes on is there again";
}

TEST_F(LedgerBoundTest, AnOldestFileThatCannotBeReadKeepsAll) {
  StoreWriter writer(path, options);
  writer.write(blocks_of(make_block(7, 1, 5)));
  close_files(writer, 2);
  remove_oldest();
  auto const oldest = list_closed(path).front().path;
  std::ofstream(oldest, std::ios::trunc) << std::string(100'000, 'x');
  close_files(writer, 1);
  EXPECT_EQ(last_of(7), 5U);
}

TEST_F(LedgerBoundTest, OfALongLedgerThosePublishersThatCameLastAreRead) {
  StoreWriter writer(path, options);
  for (unsigned i = 1; i <= 5; ++i) writer.write(blocks_of(make_block(i, 1, 1)));
  auto const ledger = writer.ledger(2);
  ASSERT_THAT(ledger, SizeIs(2));
  EXPECT_EQ(ledger[0].publisher, publisher_id(5));
  EXPECT_EQ(ledger[1].publisher, publisher_id(4));
  EXPECT_THAT(writer.ledger(), SizeIs(5));
}

}  // namespace
}  // namespace logboom::store
