// The queue and the thread of a sink: order, selection, drops that are counted and said, failures that are tried again, other options amid it.
#include "sink_fixture.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace logboom::sinks {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

SinkOptions plain() {
  SinkOptions options;
  options.name = "probe";
  options.format = "%(message)s";
  return options;
}

TEST(QueuedSink, WritesEveryRecordInOrder) {
  Destination to;
  auto const sink = sink_to(to, plain());
  for (int i = 0; i < 100; ++i) sink->take(block_of(2, std::to_string(i)));
  sink->close();
  std::string expected;
  for (int i = 0; i < 100; ++i) expected += std::to_string(i) + "\n" + std::to_string(i) + "\n";
  EXPECT_EQ(to.text(), expected);
  auto const status = sink->status();
  EXPECT_EQ(status.name, "probe");
  EXPECT_EQ(status.type, "test");
  EXPECT_EQ(status.written, 200U);
  EXPECT_EQ(status.queued, 0U);
  EXPECT_EQ(status.queued_bytes, 0U);
  EXPECT_EQ(status.dropped + status.filtered + status.failures + status.suppressed, 0U);
  EXPECT_FALSE(status.failing);
}

TEST(QueuedSink, WritesWhatItsFilterTakesAndCountsTheRest) {
  Destination to;
  auto options = plain();
  options.filter.level = level::kWarning;
  options.filter.loggers = {"net"};
  options.filter.regex = "wanted";
  auto const sink = sink_to(to, options);
  auto block = std::make_shared<Block>();
  add_record(*block, "wanted 1", {.logger = "net.http", .level = level::kError});
  add_record(*block, "wanted 2", {.logger = "net.http", .level = level::kInfo});
  add_record(*block, "wanted 3", {.logger = "network", .level = level::kError});
  add_record(*block, "other", {.logger = "net", .level = level::kError});
  sink->take(block);
  sink->take(block_of(5, "wanted 4"));
  sink->close();
  EXPECT_EQ(to.text(), "wanted 1\n");
  EXPECT_EQ(sink->status().filtered, 8U);
  EXPECT_EQ(sink->status().written, 1U);
}

TEST(QueuedSink, BlocksOfWhichNothingIsWantedTakeNoRoom) {
  Destination to;
  to.hold();
  auto options = plain();
  options.filter.level = level::kError;
  auto const wanted = block_of(1, "error", {.level = level::kError});
  options.queue_bytes = 3 * wanted->bytes();
  auto const sink = sink_to(to, options);
  sink->take(wanted);
  to.wait([](Destination const& d) { return d.entered(); });
  for (int i = 0; i < 1'000; ++i) sink->take(block_of(10, "info"));
  sink->take(wanted);
  EXPECT_EQ(sink->status().dropped, 0U);
  EXPECT_EQ(sink->status().queued, 2U);
  to.release();
  sink->close();
  EXPECT_EQ(to.text(), "error\nerror\n");
}

TEST(QueuedSink, DropsBeyondItsBoundAndSaysHowManyWhereTheyAreMissing) {
  Destination to;
  to.hold();
  auto options = plain();
  auto const block = block_of(10, "x");
  options.queue_bytes = 2 * block->bytes();
  auto const sink = sink_to(to, options);
  sink->take(block_of(1, "first"));
  to.wait([](Destination const& d) { return d.entered(); });
  sink->take(block);
  for (int i = 0; i < 5; ++i) sink->take(block);
  auto const dropped = sink->status().dropped;
  EXPECT_GE(dropped, 40U);
  EXPECT_EQ(dropped % 10, 0U) << "whole blocks";
  EXPECT_GT(sink->status().queued, 0U);
  to.release();
  to.wait([](Destination const& d) { return d.has("not written"); });
  sink->take(block_of(1, "last"));
  sink->close();
  std::string expected = "first\n";
  for (auto i = dropped; i < 60; ++i) expected += "x\n";
  expected += std::to_string(dropped) +
              " records were not written here: the test is too slow (the store has them)\nlast\n";
  EXPECT_EQ(to.text(), expected);
  EXPECT_EQ(sink->status().written, 62 - dropped) << "the notice is no record";
}

TEST(QueuedSink, OneBlockAlwaysFits) {
  Destination to;
  auto options = plain();
  options.queue_bytes = 1;
  auto const sink = sink_to(to, options);
  sink->take(block_of(1'000, "x"));
  sink->close();
  EXPECT_EQ(sink->status().written, 1'000U);
}

TEST(QueuedSink, TriesAgainUntilItIsWrittenAndSaysSo) {
  Destination to;
  to.fail("no room");
  std::mutex mutex;
  std::vector<std::string> told;
  QueuedSink::Surroundings around;
  around.trouble = [&](QueuedSink::Trouble trouble, std::string const& line) {
    std::lock_guard const lock(mutex);
    told.push_back(std::to_string(static_cast<int>(trouble)) + " " + line);
  };
  auto const sink = sink_to(to, plain(), std::move(around));
  sink->take(block_of(3, "x"));
  to.wait([](Destination const& d) { return d.tries() >= 3; });
  auto const failing = sink->status();
  EXPECT_TRUE(failing.failing);
  EXPECT_GE(failing.failures, 2U);
  EXPECT_EQ(failing.last_error, "no room");
  EXPECT_GT(failing.last_error_time, 0);
  EXPECT_EQ(failing.queued, 3U);
  to.mend();
  to.wait([](Destination const& d) { return d.has("x\nx\nx\n"); });
  sink->close();
  EXPECT_EQ(to.text(), "x\nx\nx\n");
  EXPECT_FALSE(sink->status().failing);
  EXPECT_EQ(sink->status().last_error, "no room") << "kept";
  EXPECT_EQ(sink->status().written, 3U);
  EXPECT_THAT(told, ElementsAre("0 no room", "1 is written again"));
}

TEST(QueuedSink, SaysWhyRecordsWereDroppedWhileItFailed) {
  Destination to;
  to.fail("no room");
  auto options = plain();
  options.queue_bytes = 1;
  auto const sink = sink_to(to, options);
  sink->take(block_of(1, "x"));
  to.wait([](Destination const& d) { return d.tries() >= 2; });  // the first failure is noted
  sink->take(block_of(1, "y"));
  to.mend();
  to.wait([](Destination const& d) { return d.has("not written"); });
  sink->close();
  EXPECT_EQ(to.text(), "x\n1 record was not written here: no room (the store has them)\n");
}

TEST(QueuedSink, GivesUpAtTheEndWhenItFailsAndCountsWhatIsLeft) {
  Destination to;
  to.fail("no room");
  auto const sink = sink_to(to, plain());
  sink->take(block_of(3, "x"));
  to.wait([](Destination const& d) { return d.entered(); });
  sink->take(block_of(4, "y"));
  sink->close();
  EXPECT_EQ(to.text(), "");
  EXPECT_EQ(sink->status().dropped, 7U);
  EXPECT_EQ(sink->status().queued, 0U);
  sink->take(block_of(1, "too late"));
  EXPECT_EQ(sink->status().dropped, 7U);
}

TEST(QueuedSink, WritesAtTheEndWhatHadFailedIfThatIsPossibleByThen) {
  Destination to;
  to.fail("no room");
  auto const sink = sink_to(to, plain());
  sink->take(block_of(1, "x"));
  to.wait([](Destination const& d) { return d.tries() >= 4; });  // the next pause is a long one
  sink->take(block_of(1, "y"));
  to.mend();
  sink->close();
  EXPECT_EQ(to.text(), "x\ny\n");
}

TEST(QueuedSink, EndsThoughTheDestinationIsStuck) {
  Destination to;
  to.hold();
  auto const sink = sink_to(to, plain());
  sink->take(block_of(2, "x"));
  sink->close();
  EXPECT_EQ(sink->status().dropped, 2U);
}

TEST(QueuedSink, GoesOnWithOtherOptionsWithoutLosingWhatIsQueued) {
  Destination to;
  to.hold();
  auto options = plain();
  auto const sink = sink_to(to, options);
  sink->take(block_of(1, "a"));
  to.wait([](Destination const& d) { return d.entered(); });
  sink->take(block_of(1, "b"));
  options.name = "renamed";
  options.format = "[%(message)s]";
  options.filter.level = level::kWarning;
  EXPECT_TRUE(sink->reconfigure(options));
  sink->take(block_of(1, "c"));
  sink->take(block_of(1, "d", {.level = level::kError}));
  to.release();
  sink->close();
  EXPECT_THAT(to.text(), StartsWith("a\n"));
  EXPECT_THAT(to.text(), HasSubstr("[d]\n"));
  EXPECT_EQ(sink->status().name, "renamed");
  EXPECT_EQ(to.opened(), 2);
  EXPECT_EQ(sink->status().dropped, 0U);
}

TEST(QueuedSink, AReloadMendsADestinationThatFails) {
  Destination broken;
  Destination well;
  broken.fail("no such directory");
  QueuedSink::Surroundings around;
  around.replan = [&](SinkOptions const& options) { return plan_for(well, options); };
  auto const sink = sink_to(broken, plain(), std::move(around));
  sink->take(block_of(2, "x"));
  broken.wait([](Destination const& d) { return d.tries() >= 3; });
  EXPECT_TRUE(sink->reconfigure(plain()));
  well.wait([](Destination const& d) { return d.has("x\nx\n"); });
  EXPECT_FALSE(broken.has("x"));
  sink->close();
}

TEST(QueuedSink, ReopensWhileThereIsNothingToWrite) {
  Destination to;
  auto const sink = sink_to(to, plain());
  sink->take(block_of(1, "x"));
  to.wait([](Destination const& d) { return d.has("x"); });
  sink->reopen();
  to.wait([](Destination const& d) { return d.reopenings() == 1; });
  sink->close();
}

TEST(QueuedSink, BeginsWithTheHeaderOfItsFormat) {
  Destination to;
  auto options = plain();
  options.format = "csv";
  QueuedSink::Surroundings around;
  around.header = true;
  auto const sink = sink_to(to, options, std::move(around));
  sink->close();
  EXPECT_THAT(to.text(), StartsWith("time,level_name,"));
  EXPECT_EQ(sink->status().written, 0U);
}

TEST(QueuedSink, TheNextRecordSaysHowManyWereSuppressed) {
  Destination to;
  auto options = plain();
  options.limit.every = 3;
  auto const sink = sink_to(to, options);
  sink->take(block_of(7, "x"));
  sink->close();
  EXPECT_EQ(to.text(), "x\nx (2 suppressed)\nx (2 suppressed)\n");
  EXPECT_EQ(sink->status().suppressed, 4U);
  EXPECT_EQ(sink->status().written, 3U);
}

TEST(QueuedSink, AFormatThatNamesTheFieldHasItThere) {
  Destination to;
  auto options = plain();
  options.limit.every = 3;
  options.format = "%(message)s %(suppressed)s";
  auto const sink = sink_to(to, options);
  sink->take(block_of(4, "x"));
  sink->close();
  EXPECT_THAT(to.text(), HasSubstr("\nx 2\n"));
}

}  // namespace
}  // namespace logboom::sinks
