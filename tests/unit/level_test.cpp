// Levels: their names, and what is read as one.
#include <logboom/level.hpp>

#include <gtest/gtest.h>

namespace logboom {
namespace {

TEST(LevelTest, NamesAreThoseOfPython) {
  EXPECT_EQ(level_name(5), "TRACE");
  EXPECT_EQ(level_name(10), "DEBUG");
  EXPECT_EQ(level_name(20), "INFO");
  EXPECT_EQ(level_name(30), "WARNING");
  EXPECT_EQ(level_name(40), "ERROR");
  EXPECT_EQ(level_name(50), "CRITICAL");
  EXPECT_EQ(level_name(25), "");
}

TEST(LevelTest, ReadsNamesInAnyCaseAndNumbers) {
  EXPECT_EQ(parse_level("WARNING"), 30);
  EXPECT_EQ(parse_level("warning"), 30);
  EXPECT_EQ(parse_level("Warn"), 30);
  EXPECT_EQ(parse_level("fatal"), 50);
  EXPECT_EQ(parse_level("30"), 30);
  EXPECT_EQ(parse_level("-3"), -3);
  EXPECT_EQ(parse_level("off"), level::kOff);
}

TEST(LevelTest, RefusesTheRest) {
  for (char const* const text : {"", "warningx", "loud", "3x", "30 ", "99999999999999999999", "+"}) {
    EXPECT_EQ(parse_level(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace logboom
