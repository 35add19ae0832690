// When a store begins a new file, what goes by age and size, and what cannot be meant.
#include "store/retention_plan.hpp"

#include <gmock/gmock.h>

#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

namespace logboom::store {
namespace {

using std::chrono::seconds;
using testing::HasSubstr;

constexpr std::int64_t kDay = 86'400;

TEST(RetentionPlanTest, SizeAndPeriodOfAFileFollowFromWhatIsKept) {
  auto const plan = [](RetentionOptions const& options) {
    RetentionPlan const made(options);
    return std::pair(made.file_size(), made.file_period());
  };
  EXPECT_EQ(plan({}), std::pair(std::uint64_t{0}, std::int64_t{0}));
  EXPECT_EQ(plan({.keep = seconds(30 * kDay)}), std::pair(std::uint64_t{0}, kDay));
  EXPECT_EQ(plan({.keep = seconds(80)}), std::pair(std::uint64_t{0}, std::int64_t{10}));
  EXPECT_EQ(plan({.keep = seconds(3)}), std::pair(std::uint64_t{0}, std::int64_t{1}));
  EXPECT_EQ(plan({.max_size = 64U << 20U}).first, 4U << 20U);
  EXPECT_EQ(plan({.max_size = 1ULL << 40U}).first, 1U << 30U);
  EXPECT_EQ(plan({.max_size = 64U << 20U, .file_size = 1U << 20U, .file_period = seconds(7)}),
            std::pair(std::uint64_t{1U << 20U}, std::int64_t{7}));
}

TEST(RetentionPlanTest, WhatCannotBeMeantIsRefusedWithTheMend) {
  auto const refusal = [](RetentionOptions const& options) -> std::string {
    try {
      check_retention(options);
    } catch (std::invalid_argument const& error) {
      return error.what();
    }
    return "accepted";
  };
  EXPECT_EQ(refusal({.keep = seconds(1), .max_size = 4U << 20U, .file_size = 2U << 20U}), "accepted");
  EXPECT_THAT(refusal({.max_size = 1000}),
              testing::AllOf(HasSubstr("max_size 1000"), HasSubstr("4 MiB or more")));
  EXPECT_THAT(refusal({.file_size = 1000}), HasSubstr("256 KiB or more"));
  EXPECT_THAT(refusal({.max_size = 4U << 20U, .file_size = 3U << 20U}), HasSubstr("half of it or less"));
  EXPECT_THAT(refusal({.keep = seconds(10), .file_period = seconds(11)}), HasSubstr("below keep"));
  EXPECT_THAT(refusal({.keep = seconds(-1)}), HasSubstr("none below 0"));
}

TEST(RetentionPlanTest, AFileHasHadItsTimeBySizeOrWhenThePeriodChanges) {
  RetentionPlan const plan({.file_size = 1U << 20U, .file_period = seconds(kDay)});
  EXPECT_FALSE(plan.full(kDay, (1 << 20) - 1, 2 * kDay - 1));
  EXPECT_TRUE(plan.full(kDay, 1 << 20, kDay));
  EXPECT_TRUE(plan.full(2 * kDay - 1, 0, 2 * kDay));
  EXPECT_FALSE(plan.full(2 * kDay, 0, kDay)) << "a clock that goes back";
  EXPECT_FALSE(RetentionPlan({.compress = true}).full(0, 1LL << 40, kDay));
}

TEST(RetentionPlanTest, TheOldestGoByAgeOfTheirEndAndBySizeOfAll) {
  std::vector<RetentionPlan::File> const files{{100, 10}, {200, 10}, {300, 10}};
  EXPECT_EQ(RetentionPlan({}).to_remove(files, 1'000, 10'000), 0U);
  RetentionPlan const aged({.keep = seconds(50)});
  EXPECT_EQ(aged.to_remove(files, 0, 150), 0U) << "exactly so old";
  EXPECT_EQ(aged.to_remove(files, 0, 151), 1U);
  EXPECT_EQ(aged.to_remove(files, 0, 10'000), 3U);
  RetentionPlan const sized({.max_size = 4U << 20U});
  std::uint64_t const most = 4U << 20U;
  EXPECT_EQ(sized.to_remove(files, most - 30, 10'000), 0U);
  EXPECT_EQ(sized.to_remove(files, most - 29, 10'000), 1U);
  EXPECT_EQ(sized.to_remove(files, most + 1, 10'000), 2U) << "all but the newest";
}

// However large the current one is on disk: one without a record has a dozen pages, which are a file's size where files are small.
TEST(RetentionPlanTest, AFileLargerThanAllMayBeStaysUntilAnotherIsClosed) {
  std::uint64_t const most = 4U << 20U;
  RetentionPlan const sized({.max_size = most});
  std::vector<RetentionPlan::File> files{{100, 10}, {200, 2 * most}};
  EXPECT_EQ(sized.to_remove(files, most / 16, 10'000), 1U);
  EXPECT_EQ(RetentionPlan({.keep = seconds(50), .max_size = most}).to_remove(files, 0, 10'000), 2U) << "age";
  files.push_back({300, 10});
  EXPECT_EQ(sized.to_remove(files, most / 16, 10'000), 2U);
}

}  // namespace
}  // namespace logboom::store
