// Level rules: how they are read, inherited, laid over each other and written.
#include "record/level_rules.hpp"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

namespace logboom {
namespace {

TEST(LevelRules, AreInheritedByDottedName) {
  LevelRules const rules = LevelRules::parse("info,etl.db=debug,net=off,net.http=error");
  EXPECT_EQ(rules.level_for(""), level::kInfo);
  EXPECT_EQ(rules.level_for("app"), level::kInfo);
  EXPECT_EQ(rules.level_for("etl"), level::kInfo);
  EXPECT_EQ(rules.level_for("etl.db"), level::kDebug);
  EXPECT_EQ(rules.level_for("etl.db.pool"), level::kDebug);
  EXPECT_EQ(rules.level_for("etl.dbx"), level::kInfo);
  EXPECT_EQ(rules.level_for("net.dns"), level::kOff);
  EXPECT_EQ(rules.level_for("net.http.client"), level::kError);
  EXPECT_EQ(rules.level_for("network"), level::kInfo);
}

TEST(LevelRules, WithoutARuleThereIsNone) {
  LevelRules const rules = LevelRules::parse("net=debug");
  EXPECT_EQ(rules.rule_for("app"), std::nullopt);
  EXPECT_EQ(rules.rule_for("net.x"), level::kDebug);
  EXPECT_EQ(rules.level_for("app"), level::kInfo);
  EXPECT_TRUE(LevelRules::parse(" , ;").empty());
}

TEST(LevelRules, TakeNumbersCaseBlanksAndSemicolons) {
  LevelRules const rules = LevelRules::parse(" WARN ; a.b = 15 ,c=Off,a.b=TRACE ");
  EXPECT_EQ(rules.level_for("x"), level::kWarning);
  EXPECT_EQ(rules.level_for("a.b"), level::kTrace);
  EXPECT_EQ(rules.level_for("c"), level::kOff);
}

TEST(LevelRules, AreWrittenAsTheyAreRead) {
  LevelRules rules = LevelRules::parse("net=off,info,etl.db=debug,x=35");
  EXPECT_EQ(rules.to_string(), "info,etl.db=debug,net=off,x=35");
  EXPECT_EQ(LevelRules::parse(rules.to_string()), rules);
  rules.set("", level::kError);
  EXPECT_EQ(rules.to_string(), "error,etl.db=debug,net=off,x=35");
  EXPECT_EQ(LevelRules{}.to_string(), "");
}

TEST(LevelRules, LaidOverOthersHideWhatIsBelowThem) {
  LevelRules const below = LevelRules::parse("info,net=debug,net.http=trace,db=error");
  EXPECT_EQ(below.overlaid(LevelRules::parse("net=warning")).to_string(), "info,db=error,net=warning");
  EXPECT_EQ(below.overlaid(LevelRules::parse("critical")).to_string(), "critical");
  EXPECT_EQ(below.overlaid({}).to_string(), below.to_string());
}

TEST(LevelRules, NameTheBadPart) {
  struct Bad {
    char const* text;
    char const* part;
  };
  for (Bad const& bad :
       {Bad{"info,etl=loud", "\"loud\""}, Bad{"verbose", "\"verbose\""}, Bad{"a=", "the level is missing"},
        Bad{"=debug", "the logger is missing"}, Bad{".a=debug", "dot"}, Bad{"a.=debug", "dot"},
        Bad{"a*=debug", "'*'"}, Bad{"a=\x1b[2J", "\\x1b"}}) {
    try {
      (void)LevelRules::parse(bad.text);
      ADD_FAILURE() << bad.text;
    } catch (std::invalid_argument const& error) {
      std::string const text = error.what();
      EXPECT_NE(text.find(bad.part), std::string::npos) << text;
      EXPECT_EQ(text.find_first_of("\n\x1b"), std::string::npos) << text;
    }
  }
}

TEST(LevelRules, AreBounded) {
  EXPECT_THROW((void)LevelRules::parse(std::string(LevelRules::kMaxText + 1, ' ')), std::invalid_argument);
  std::string many;
  for (std::size_t i = 0; i <= LevelRules::kMaxRules; ++i) many += "a" + std::to_string(i) + "=info,";
  EXPECT_THROW((void)LevelRules::parse(many), std::invalid_argument);
}

}  // namespace
}  // namespace logboom
