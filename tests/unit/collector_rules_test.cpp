// Level rules on the fly: which hold for whom, and how they outlive the collector.
#include "collector/rules_file.hpp"
#include "collector/rules_in_force.hpp"

#include "delivery/control.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

namespace logboom::collector {
namespace {

using testing::HasSubstr;
using testing::SizeIs;
using testing::ThrowsMessage;

std::string told(RulesInForce& rules, std::string const& host = "h", std::string const& process = "p") {
  return *rules.for_publisher(host, process).text;
}

TEST(RulesInForce, LieOverTheCollectorsOwnAsThoseLieOverAPublishers) {
  RulesInForce rules("info,etl=warning,etl.db=error,net=off");
  rules.set("etl=debug", {}, 0, 0);
  EXPECT_EQ(told(rules), "info,etl=debug,net=off");
  rules.set("error", {}, 0, 0);
  EXPECT_EQ(told(rules), "error,etl=debug") << "rules set on the fly stand beside each other";
}

TEST(RulesInForce, OfTwoForOneLoggerTheLaterHolds) {
  RulesInForce rules("");
  rules.set("a=debug", {}, 1, 0);
  rules.set("a=error", {"p*", ""}, 2, 0);
  EXPECT_EQ(told(rules), "a=error");
  EXPECT_EQ(told(rules, "h", "q"), "a=debug");
  rules.set("a=info", {}, 3, 0);
  EXPECT_EQ(told(rules), "a=info");
  EXPECT_THAT(rules.list(), SizeIs(2)) << "the one for everybody was replaced";
}

TEST(RulesInForce, ScopesAreGlobsOfHostAndProcess) {
  RulesInForce rules("");
  rules.set("debug", {"worker-*", "node7"}, 0, 0);
  EXPECT_EQ(told(rules, "node7", "worker-3"), "debug");
  EXPECT_EQ(told(rules, "node8", "worker-3"), "");
  EXPECT_EQ(told(rules, "node7", "server"), "");
}

TEST(RulesInForce, WhoIsToldTheSameSharesTheText) {
  RulesInForce rules("info");
  rules.set("debug", {"a*", ""}, 0, 0);
  EXPECT_EQ(rules.for_publisher("h", "a1").text, rules.for_publisher("h", "a2").text);
  EXPECT_NE(rules.for_publisher("h", "a1").text, rules.for_publisher("h", "b").text);
}

TEST(RulesInForce, AreTakenBackByNameByNameAndLevelByScopeOrAll) {
  RulesInForce rules("");
  auto const fill = [&] {
    rules.reset("", {});
    rules.set("debug,a=debug,b=error", {}, 0, 0);
    rules.set("a=info", {"w", ""}, 0, 0);
  };
  fill();
  EXPECT_EQ(rules.reset("a", {}), 2U);
  fill();
  EXPECT_EQ(rules.reset("a=debug", {}), 1U);
  fill();
  EXPECT_EQ(rules.reset("a=error", {}), 0U);
  EXPECT_EQ(rules.reset("debug", {}), 1U) << "the root's";
  fill();
  EXPECT_EQ(rules.reset("a, b=error", {}), 3U);
  fill();
  EXPECT_EQ(rules.reset("", {"w", ""}), 1U);
  EXPECT_EQ(rules.reset("", {}), 3U);
  EXPECT_EQ(told(rules), "");
  EXPECT_THROW(rules.reset("a=loud", {}), std::invalid_argument);
}

TEST(RulesInForce, EndWhenTheirTimeIsOverAndShowWhatWasUnderThem) {
  RulesInForce rules("");
  rules.set("a=info", {"p", ""}, 0, 0);
  rules.set("a=debug", {}, 0, 100);
  EXPECT_EQ(told(rules), "a=debug");
  EXPECT_FALSE(rules.expire(99));
  EXPECT_TRUE(rules.expire(100));
  EXPECT_EQ(told(rules), "a=info");
  EXPECT_FALSE(rules.expire(1'000));
}

TEST(RulesInForce, AreBounded) {
  RulesInForce rules("");
  for (std::size_t i = 0; i < RulesInForce::kMaxRules; ++i)
    rules.set("l" + std::to_string(i) + "=debug", {}, 0, 0);
  auto const before = told(rules);
  EXPECT_THAT([&] { rules.set("one.more=debug", {}, 0, 0); },
              ThrowsMessage<std::invalid_argument>(HasSubstr("logboom level --reset")));
  EXPECT_EQ(told(rules), before);
  rules.set("l0=error", {}, 0, 0);  // replaces one
  EXPECT_THAT(rules.list(), SizeIs(RulesInForce::kMaxRules));

  RulesInForce wide("");
  std::string const name(RulesInForce::kMaxName, 'n');
  EXPECT_THROW(wide.set(name + "n=debug", {}, 0, 0), std::invalid_argument);
  EXPECT_THROW(wide.set("debug", {name + "n", ""}, 0, 0), std::invalid_argument);
  EXPECT_THROW(
      {
        for (int i = 0; i < 1'000; ++i)
          wide.set(name + "=debug", {name, std::to_string(i) + name.substr(3)}, 0, 0);
      },
      std::invalid_argument);
  delivery::Rules full;
  full.rules = wide.list();
  EXPECT_LT(encode(full).size(), wire::kMaxControl - (10U << 10U))
      << "with the collector's own rules beside them";
}

TEST(RulesInForce, LeaveRoomForTheCollectorsOwnInWhatAPublisherCanRead) {
  std::string base;
  while (base.size() < LevelRules::kMaxText - 300)
    base += std::string(250, 'b') + std::to_string(base.size()) + "=info,";
  RulesInForce rules(base);
  std::string const name(200, 'n');
  EXPECT_THROW(
      {
        for (int i = 0; i < 20; ++i) rules.set(name + std::to_string(i) + "=debug", {}, 0, 0);
      },
      std::invalid_argument);
  EXPECT_NO_THROW(LevelRules::parse(told(rules)));
}

TEST(RulesInForce, RestoresWhatWasKept) {
  RulesInForce first("");
  first.set("info,a.b=off,c=17", {"p*", "h"}, 5, 1'000);
  RulesInForce second("");
  second.restore(first.list());
  EXPECT_EQ(told(second), told(first));
  EXPECT_EQ(told(second, "h", "x"), "");
  ASSERT_THAT(second.list(), SizeIs(3));
  EXPECT_EQ(second.list()[0].since, 5);
  EXPECT_TRUE(second.expire(1'000));
}

class RulesFileTest : public testing::Test {
 protected:
  ~RulesFileTest() override { std::filesystem::remove_all(directory_); }

  static std::filesystem::path fresh_directory() {
    std::string name = "/tmp/lb-unit-XXXXXX";
    return ::mkdtemp(name.data());
  }

  std::filesystem::path const directory_ = fresh_directory();
  RulesFile file_{(directory_ / "made" / "logs.sqlite.levels").native()};
  std::vector<delivery::StandingRule> const rules_{{"a.b", 10, "p*", "*", 1, 2, 0}};
};

TEST_F(RulesFileTest, KeepsRulesAndNothingElse) {
  EXPECT_THAT(file_.load().rules, SizeIs(0));
  EXPECT_EQ(file_.load().problem, "");
  EXPECT_EQ(file_.save(rules_), "");
  auto const found = RulesFile(file_.path()).load();
  EXPECT_EQ(found.problem, "");
  ASSERT_THAT(found.rules, SizeIs(1));
  EXPECT_EQ(found.rules[0].logger, "a.b");
  EXPECT_EQ(found.rules[0].process, "p*");
  EXPECT_EQ(found.rules[0].until, 2);
  EXPECT_EQ(file_.save({}), "");
  EXPECT_FALSE(std::filesystem::exists(file_.path()));
  EXPECT_EQ(file_.save({}), "");
}

TEST_F(RulesFileTest, WhatADeathLeftIsNoHindrance) {
  file_.save(rules_);
  std::ofstream(file_.path() + ".new") << "half";
  EXPECT_EQ(file_.save(rules_), "");
  EXPECT_THAT(file_.load().rules, SizeIs(1));
  EXPECT_FALSE(std::filesystem::exists(file_.path() + ".new"));
}

TEST_F(RulesFileTest, WhatCannotBeReadIsSaid) {
  file_.save(rules_);
  for (std::string const content : {"", "damaged",
                                    "\x91\xa4"
                                    "info"}) {
    std::ofstream(file_.path(), std::ios::trunc) << content;
    auto const found = file_.load();
    EXPECT_THAT(found.rules, SizeIs(0));
    EXPECT_THAT(found.problem, HasSubstr(file_.path())) << content;
    EXPECT_THAT(found.problem, HasSubstr("logboom level"));
  }
  std::ofstream(file_.path(), std::ios::trunc) << std::string(1U << 20U, 'x');
  EXPECT_THAT(file_.load().problem, HasSubstr("bytes"));
  std::filesystem::remove(file_.path());
  std::filesystem::create_directory(file_.path());
  EXPECT_THAT(file_.load().problem, HasSubstr("not a file of this user"));
  EXPECT_THAT(file_.save(rules_), HasSubstr(file_.path()));
}

TEST_F(RulesFileTest, ALinkIsNotFollowed) {
  file_.save(rules_);
  auto const target = file_.path() + ".other";
  std::filesystem::rename(file_.path(), target);
  std::filesystem::create_symlink(target, file_.path());
  EXPECT_THAT(file_.load().rules, SizeIs(0));
  EXPECT_NE(file_.load().problem, "");
}

TEST(RulesPath, IsBesideTheStoreOrTheAddress) {
  EXPECT_EQ(rules_path("/var/logs.sqlite", "ipc:///run/bus"), "/var/logs.sqlite.levels");
  EXPECT_EQ(rules_path("", "ipc:///run/bus"), "/run/bus.levels");
  ::setenv("XDG_STATE_HOME", "/state", 1);
  EXPECT_EQ(rules_path("", "tcp://10.0.0.1:7514"), "/state/logboom/tcp___10.0.0.1_7514.levels");
}

}  // namespace
}  // namespace logboom::collector
