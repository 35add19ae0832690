// The sinks of a collector, and how a reload changes them: what stays goes on, what is wrong changes nothing.
#include "collector/sink_set.hpp"

#include "sink_fixture.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

namespace logboom::collector {
namespace {

using sinks::block_of;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

SinkOptions null_sink(std::string name) {
  SinkOptions options;
  options.type = SinkOptions::Type::kNull;
  options.name = std::move(name);
  return options;
}

class SinkSetTest : public testing::Test {
 protected:
  SinkSetTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "logboom-sinks-XXXXXX").native();
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp " + pattern);
    directory_ = pattern;
  }
  ~SinkSetTest() override { std::filesystem::remove_all(directory_); }

  SinkOptions file_sink(std::string const& name) const {
    SinkOptions options;
    options.type = SinkOptions::Type::kFile;
    options.path = (directory_ / name).native();
    options.format = "%(message)s";
    return options;
  }
  std::string content(std::string const& name) const {
    std::ifstream in(directory_ / name);
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
  }
  static std::vector<std::string> names(SinkSet const& set) {
    std::vector<std::string> all;
    for (auto const& status : set.status()) all.push_back(status.name);
    return all;
  }

  std::filesystem::path directory_;
  OwnLog log_{"here", level::kInfo, {}, [] { return std::int64_t{1}; }};
  SinkSurroundings around_{.log = log_, .host = "here"};
};

TEST_F(SinkSetTest, EachSinkTakesWhatItWants) {
  auto errors = null_sink("errors");
  errors.filter.level = level::kError;
  SinkSet set({null_sink("all"), errors}, around_);
  set.take(block_of(3, "x"));
  set.take(block_of(2, "x", {.level = level::kError}));
  set.close();
  auto const status = set.status();
  EXPECT_EQ(status.at(0).written, 5U);
  EXPECT_EQ(status.at(1).written, 2U);
  EXPECT_EQ(status.at(1).filtered, 3U);
  EXPECT_EQ(status.at(0).type, "null");
}

TEST_F(SinkSetTest, AReloadKeepsWhatStaysAndDropsAndAddsTheRest) {
  SinkSet set({null_sink("a"), null_sink("b")}, around_);
  set.take(block_of(1, "x"));
  set.replace({null_sink("c"), null_sink("a")});
  EXPECT_THAT(names(set), ElementsAre("c", "a"));
  set.take(block_of(1, "x"));
  set.close();
  EXPECT_EQ(set.status().at(0).written, 1U);
  EXPECT_EQ(set.status().at(1).written, 2U) << "goes on";
}

TEST_F(SinkSetTest, AReloadThatIsWrongChangesNothing) {
  SinkSet set({null_sink("a")}, around_);
  auto bad = null_sink("b");
  bad.limit.every = 0;
  EXPECT_THROW(set.replace({null_sink("a"), bad}), std::invalid_argument);
  EXPECT_THROW(set.replace({null_sink("a"), null_sink("a")}), std::invalid_argument);
  auto unopened = file_sink("a-file/x.log");
  std::ofstream(directory_ / "a-file") << "in the way";
  EXPECT_THROW(set.replace({null_sink("b"), unopened}), std::system_error);
  EXPECT_THAT(names(set), ElementsAre("a"));
  set.take(block_of(1, "x"));
  set.close();
  EXPECT_EQ(set.status().at(0).written, 1U);
}

TEST_F(SinkSetTest, AFileSinkWritesLines) {
  auto csv = file_sink("x.csv");
  csv.format = "csv";
  csv.columns = {"logger", "message"};
  SinkSet set({file_sink("x.log"), csv}, around_);
  set.take(block_of(2, "hello"));
  set.close();
  EXPECT_EQ(content("x.log"), "hello\nhello\n");
  EXPECT_EQ(content("x.csv"), "logger,message\r\napp,hello\r\napp,hello\r\n");
}

TEST_F(SinkSetTest, EachFileOfARotationBeginsWithTheHeader) {
  auto csv = file_sink("x.csv");
  csv.format = "csv";
  csv.columns = {"logger", "message"};
  csv.rotate.size = 40;
  SinkSet set({csv}, around_);
  set.take(block_of(4, "hello"));
  set.take(block_of(1, std::string(100, 'x')));
  set.close();
  EXPECT_EQ(content("x.csv.2"), "logger,message\r\napp,hello\r\napp,hello\r\n") << content("x.csv.1");
  EXPECT_EQ(content("x.csv.1"), content("x.csv.2"));
  EXPECT_EQ(content("x.csv"), "logger,message\r\napp," + std::string(100, 'x') + "\r\n");
  EXPECT_EQ(set.status().at(0).written, 5U);
}

TEST_F(SinkSetTest, AFileSinkGoesOnInOtherForm) {
  SinkSet set({file_sink("x.log")}, around_);
  set.take(block_of(1, "a"));
  auto other = file_sink("x.log");
  other.name = "renamed";
  other.format = "[%(message)s]";
  other.rotate.size = 1U << 20U;
  set.replace({other});
  set.take(block_of(1, "b"));
  set.close();
  EXPECT_THAT(content("x.log"), HasSubstr("a"));
  EXPECT_TRUE(content("x.log").ends_with("[b]\n")) << content("x.log");
  EXPECT_THAT(names(set), ElementsAre("renamed"));
  EXPECT_EQ(set.status().at(0).written, 2U);
}

TEST_F(SinkSetTest, ARemovedSinkWritesWhatItHad) {
  SinkSet set({file_sink("x.log")}, around_);
  for (int i = 0; i < 100; ++i) set.take(block_of(10, "x"));
  set.replace({});
  EXPECT_EQ(content("x.log").size(), 2'000U);
}

TEST_F(SinkSetTest, ReopensItsFiles) {
  SinkSet set({file_sink("x.log")}, around_);
  set.take(block_of(1, "a"));
  set.replace({file_sink("x.log")});  // nothing changes
  set.close();
  EXPECT_EQ(content("x.log"), "a\n");
}

TEST_F(SinkSetTest, AFileSinkThatFailsIsToldOnce) {
  std::vector<std::string> told;
  std::mutex mutex;
  OwnLog log(
      "here", level::kInfo,
      [&](std::string_view line) {
        std::lock_guard const lock(mutex);
        told.emplace_back(line);
      },
      [] { return std::int64_t{1}; });
  auto full = file_sink("x");
  full.path = "/dev/full";
  full.name = "full";
  SinkSet set({full}, {.log = log, .host = "here"});
  set.take(block_of(1, "x"));
  set.close();
  EXPECT_EQ(set.status().at(0).dropped, 1U);
  EXPECT_GE(set.status().at(0).failures, 1U);
  ASSERT_EQ(told.size(), 1U);
  EXPECT_THAT(told[0], StartsWith("sink full: "));
  EXPECT_THAT(told[0], HasSubstr("No space left on device"));
}

}  // namespace
}  // namespace logboom::collector
