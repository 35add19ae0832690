// What a log call writes, for every kind of argument, field and context: read back as a collector reads it.
#include "publisher_fixture.hpp"

#include <fmt/ranges.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

struct Point {
  int x, y;
};
enum class Colour { kRed = 3 };
enum class Shape { kRound };

template <>
struct fmt::formatter<Point> : fmt::formatter<int> {
  template <class Context>
  auto format(Point p, Context& context) const {
    auto out = fmt::formatter<int>::format(p.x, context);
    *out++ = '/';
    context.advance_to(out);
    return fmt::formatter<int>::format(p.y, context);
  }
};
template <>
struct fmt::formatter<Shape> : fmt::formatter<fmt::string_view> {
  template <class Context>
  auto format(Shape, Context& context) const {
    return fmt::formatter<fmt::string_view>::format("round", context);
  }
};

struct Thrower {};
template <>
struct fmt::formatter<Thrower> {
  constexpr auto parse(format_parse_context& context) { return context.begin(); }
  template <class Context>
  auto format(Thrower, Context& context) const -> decltype(context.out()) {
    throw std::runtime_error("not today");
  }
};

namespace logboom::publisher::test {
namespace {

class LogCall : public testing::Test {
 protected:
  Bus bus;
  Logger log = bus.logger("solver.grid");
  std::string message() { return bus.only().message; }
};

TEST_F(LogCall, WritesTheIssuesExample) {
  int const cells = 42;
  double const ms = 1.25;
  LOGBOOM_INFO(log, "solved {cells} cells in {ms:.1f} ms", cells, ms);
  unsigned const line = __LINE__ - 1;
  Record const record = bus.only();
  EXPECT_EQ(record.message, "solved 42 cells in 1.2 ms");
  EXPECT_EQ(record.template_text, "solved {cells} cells in {ms:.1f} ms");
  EXPECT_EQ(record.level, level::kInfo);
  EXPECT_EQ(record.level_name, "INFO");
  EXPECT_EQ(record.logger, "solver.grid");
  EXPECT_EQ(field_text(record, "cells"), "42");
  EXPECT_EQ(field_text(record, "ms"), "1.25");
  EXPECT_EQ(record.file, __FILE__);
  EXPECT_EQ(record.line, line);
  EXPECT_EQ(record.function, "TestBody");
  EXPECT_EQ(record.process, "front-test");
  EXPECT_EQ(record.pid, static_cast<std::uint64_t>(::getpid()));
  EXPECT_EQ(record.tid, static_cast<std::uint64_t>(::syscall(SYS_gettid)));
  EXPECT_FALSE(record.host.empty());
  EXPECT_EQ(record.sequence, 1U);
}

TEST_F(LogCall, WritesIntegersOfEveryWidth) {
  LOGBOOM_INFO(log, "{} {} {} {} {} {}", std::numeric_limits<std::int64_t>::min(),
               std::numeric_limits<std::uint64_t>::max(), static_cast<signed char>(-3),
               static_cast<unsigned char>(200), static_cast<short>(-300), 7UL);
  EXPECT_EQ(message(), "-9223372036854775808 18446744073709551615 -3 200 -300 7");
}

TEST_F(LogCall, WritesOtherScalars) {
  LOGBOOM_INFO(log, "{} {} {} {} {:d} {}", true, 1.5F, 0.1, 'x', 'x', 2.5L);
  EXPECT_EQ(message(), "true 1.5 0.1 x 120 2.5");
}

TEST_F(LogCall, WritesTextsOfEveryKind) {
  char buffer[8] = "ab";
  char const* null = nullptr;
  std::string_view const view = std::string_view("without end").substr(0, 7);
  LOGBOOM_INFO(log, "{} {} {} {} {} {}", std::string("string"), view, buffer, static_cast<char*>(buffer),
               null, u8"é");
  EXPECT_EQ(message(), "string without ab ab (null) é");
}

TEST_F(LogCall, KeepsBytesThatAreNotUtf8) {
  LOGBOOM_INFO(log, "<{}>", std::string("a\xff\0b", 4));
  EXPECT_EQ(message(), "<a\\xff\\x00b>");
}

TEST_F(LogCall, WritesTextsOfEveryHeader) {
  for (std::size_t const size : {0U, 31U, 32U, 255U, 256U, 60'000U}) {
    LOGBOOM_INFO(log, "{}", std::string(size, 'x'));
    EXPECT_EQ(bus.last().message.size(), size);
  }
}

TEST_F(LogCall, WritesPointers) {
  int const object = 0;
  LOGBOOM_INFO(log, "{} {} {:p}", &object, nullptr, static_cast<void const*>(&object));
  EXPECT_EQ(message(), fmt::format("{0} 0x0 {0}", static_cast<void const*>(&object)));
}

TEST_F(LogCall, WritesEnums) {
  LOGBOOM_INFO(log, "{} {} {}", Colour::kRed, Shape::kRound, std::byte{9});
  EXPECT_EQ(message(), "3 round 9");
}

TEST_F(LogCall, WritesOptionals) {
  LOGBOOM_INFO(log, "{} {} {} {:>8}", std::optional<int>(4), std::optional<int>(),
               std::optional<std::string>("text"), std::optional<Point>(Point{1, 2}));
  Record const record = bus.only();
  EXPECT_TRUE(record.message.starts_with("4 none text ")) << record.message;
  EXPECT_TRUE(record.message.ends_with("1/       2")) << record.message;
}

TEST_F(LogCall, WritesPathsAndErrorCodes) {
  LOGBOOM_INFO(log, "{}: {}", std::filesystem::path("/a b"),
               std::make_error_code(std::errc::no_such_file_or_directory));
  EXPECT_EQ(message(), "/a b: generic:2 No such file or directory");
}

TEST_F(LogCall, WritesDurationsAsNanoseconds) {
  using namespace std::chrono_literals;
  LOGBOOM_INFO(log, "took", field("ms", 3ms),
               field("minutes", std::chrono::duration<double, std::ratio<60>>(0.5)),
               field("years", std::chrono::years(1'000'000)));
  Record const record = bus.only();
  EXPECT_EQ(field_text(record, "ms"), "3000000");
  EXPECT_EQ(field_text(record, "minutes"), "30000000000");
  EXPECT_EQ(field_text(record, "years"), std::to_string(std::numeric_limits<std::int64_t>::max()))
      << "the nearest that fits";
}

TEST_F(LogCall, WritesTimePoints) {
  using namespace std::chrono_literals;
  auto const time = std::chrono::sys_days(2026y / 11 / 20) + 10h + 1ns;
  auto const early = std::chrono::sys_days(1960y / 1 / 1) + 500ms;
  LOGBOOM_INFO(log, "times", field("now", time), field("early", early),
               field("steady", std::chrono::steady_clock::time_point(5s)));
  Record const record = bus.only();
  EXPECT_EQ(field_text(record, "now"), "2026-11-20T10:00:00.000000001Z");
  EXPECT_EQ(field_text(record, "early"), "1960-01-01T00:00:00.5Z");
  EXPECT_EQ(field_text(record, "steady"), "5000000000");
}

TEST_F(LogCall, FormatsTheRestAtTheCallWithItsSpec) {
  LOGBOOM_INFO(log, "at {p:03d} of {v}", Point{1, 20}, std::vector<int>{1, 2});
  Record const record = bus.only();
  EXPECT_EQ(record.message, "at 001/020 of [1, 2]");
  EXPECT_EQ(record.template_text, "at {p} of {v}") << "the spec is used up";
  EXPECT_EQ(field_text(record, "p"), "001/020");
}

TEST_F(LogCall, FormatsLongTextsAtTheCall) {
  std::vector<int> const many(1000, 7);
  LOGBOOM_INFO(log, "{}", many);
  EXPECT_EQ(message(), fmt::format("{}", many));
}

TEST_F(LogCall, SurvivesAFormatterThatThrows) {
  LOGBOOM_INFO(log, "so {}", Thrower{});
  EXPECT_EQ(message(), "so [cannot be formatted: not today]");
}

TEST_F(LogCall, TakesWidthsFromArguments) {
  LOGBOOM_INFO(log, "{:>{w}.{p}f}|{w}", 3.14159, 8, 2);
  EXPECT_EQ(message(), "    3.14|8");
}

TEST_F(LogCall, TakesNumberedArguments) {
  LOGBOOM_INFO(log, "{1} {0} {1}", "a", "b");
  EXPECT_EQ(message(), "b a b");
}

TEST_F(LogCall, TakesAMessageAsItIs) {
  LOGBOOM_INFO(log, "", std::string("100% {not a placeholder}"));
  EXPECT_EQ(message(), "100% {not a placeholder}");
}

TEST_F(LogCall, TakesManyArguments) {
  LOGBOOM_INFO(log, "{}{}{}{}{}{}{}{}{}{}{}{}{}{}{}{}{}", 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
               16, 17);
  EXPECT_EQ(message(), "1234567891011121314151617");
}

TEST_F(LogCall, WritesFields) {
  std::filesystem::path const path = "/data/x";
  LOGBOOM_WARNING(log, "residual {}", 0.5, field("step", 7), field("file", path), field("point", Point{1, 2}),
                  field("none", std::optional<int>()));
  Record const record = bus.only();
  EXPECT_EQ(record.message, "residual 0.5");
  EXPECT_EQ(record.level, level::kWarning);
  EXPECT_EQ(field_text(record, "step"), "7");
  EXPECT_EQ(field_text(record, "file"), "/data/x");
  EXPECT_EQ(field_text(record, "point"), "1/2");
  EXPECT_EQ(field_text(record, "none"), "nil");
}

TEST_F(LogCall, CutsLongNamesOfFields) {
  LOGBOOM_INFO(log, "x", field(std::string(300, 'n'), 1));
  EXPECT_EQ(field_text(bus.only(), std::string(255, 'n')), "1");
}

TEST_F(LogCall, TakesALevelOfTheMoment) {
  for (Level const level : {level::kDebug, 35}) LOGBOOM_LOG(log, level, "level {}", level, field("f", 1));
  auto const records = bus.records();
  ASSERT_EQ(records.size(), 2U);
  EXPECT_EQ(records[0].level, level::kDebug);
  EXPECT_EQ(records[0].level_name, "DEBUG");
  EXPECT_EQ(records[1].level, 35);
  EXPECT_EQ(records[1].level_name, "");
  EXPECT_EQ(field_text(records[1], "f"), "1");
}

TEST_F(LogCall, KeepsAnExceptionApartFromTheMessage) {
  try {
    try {
      throw std::out_of_range("index 7");
    } catch (...) {
      std::throw_with_nested(std::runtime_error("cannot solve"));
    }
  } catch (std::exception const& e) {
    LOGBOOM_EXCEPTION(log, "step {} failed", 3, field("k", 4), e);
  }
  Record const record = bus.only();
  EXPECT_EQ(record.message, "step 3 failed");
  EXPECT_EQ(record.level, level::kError);
  EXPECT_NE(record.exception_type.find("std::runtime_error"), std::string::npos) << record.exception_type;
  EXPECT_EQ(record.exception, "cannot solve\ncaused by std::out_of_range: index 7");
  EXPECT_EQ(field_text(record, "k"), "4");
}

TEST_F(LogCall, TakesAnExceptionPointer) {
  LOGBOOM_EXCEPTION(log, "failed", std::make_exception_ptr(std::invalid_argument("bad")));
  LOGBOOM_EXCEPTION(log, "failed", std::make_exception_ptr(5));
  LOGBOOM_EXCEPTION(log, "failed", std::exception_ptr());
  auto const records = bus.records();
  ASSERT_EQ(records.size(), 3U);
  EXPECT_EQ(records[0].exception_type, "std::invalid_argument");
  EXPECT_EQ(records[0].exception, "bad");
  EXPECT_EQ(records[1].exception_type, "int");
  EXPECT_EQ(records[2].message, "failed");
}

TEST_F(LogCall, CutsTheLongestTextsOfARecordThatIsTooLong) {
  std::string const longest(200'000, 'a'), longer(50'000, 'b'), brief(100, 'c');
  LOGBOOM_INFO(log, "{x} {y} {z}", longest, longer, brief);
  Record const record = bus.only();
  std::string const x = field_text(record, "x"), y = field_text(record, "y");
  EXPECT_EQ(field_text(record, "z"), brief);
  EXPECT_NE(x.find("…[cut "), std::string::npos);
  EXPECT_LT(x.size() + y.size(), 65'528U);
  EXPECT_GT(x.size() + y.size(), 65'000U) << "no more is cut than has to be";
  auto const kept = x.find("…[cut ");
  EXPECT_EQ(x.substr(kept), "…[cut " + std::to_string(longest.size() - kept) + " bytes]");
}

TEST_F(LogCall, CutsBetweenCharacters) {
  std::string text = "x";
  while (text.size() < 100'000) text += "é";
  LOGBOOM_INFO(log, "{}", text);
  EXPECT_EQ(message().find("\\x"), std::string::npos);
}

TEST_F(LogCall, CutsTextsOfFieldsAndExceptionsToo) {
  LOGBOOM_EXCEPTION(log, "{}", std::string(40'000, 'm'), field("f", std::string(40'000, 'f')),
                    std::runtime_error(std::string(70'000, 'e')));
  Record const record = bus.only();
  EXPECT_NE(record.message.find("…[cut "), std::string::npos);
  EXPECT_NE(field_text(record, "f").find("…[cut "), std::string::npos);
  EXPECT_NE(record.exception.find("…[cut "), std::string::npos);
}

TEST_F(LogCall, EvaluatesNothingBelowTheLevel) {
  bus.state().loggers().set_rules(LevelRules::parse("warning"));
  int evaluated = 0;
  LOGBOOM_INFO(log, "{}", ++evaluated);
  EXPECT_EQ(evaluated, 0);
  LOGBOOM_WARNING(log, "{}", ++evaluated);
  EXPECT_EQ(evaluated, 1);
  EXPECT_EQ(message(), "1");
}

TEST_F(LogCall, EvaluatesArgumentsOnce) {
  int arguments = 0, fields = 0;
  LOGBOOM_INFO(log, "{}", ++arguments, field("f", ++fields));
  EXPECT_EQ(arguments, 1);
  EXPECT_EQ(fields, 1);
}

TEST_F(LogCall, IsAStatement) {
  if (log.enabled(level::kInfo))
    LOGBOOM_INFO(log, "yes");
  else
    LOGBOOM_INFO(log, "no");
  EXPECT_EQ(message(), "yes");
}

TEST_F(LogCall, LeavesErrnoAlone) {
  errno = 77;
  LOGBOOM_INFO(bus.logger("new one"), "x");
  EXPECT_EQ(errno, 77);
}

TEST_F(LogCall, DoesNothingWithALoggerMadeByDefault) {
  LOGBOOM_CRITICAL(Logger(), "x");
  LOGBOOM_LOG(Logger(), std::numeric_limits<int>::max(), "x");
  EXPECT_TRUE(bus.records().empty());
}

using ContextFields = LogCall;

TEST_F(ContextFields, AreInEveryRecordOfTheThreadUntilTheContextEnds) {
  {
    Context const outer{field("request", 17), field("user", std::string("ann"))};
    {
      Context const inner{field("step", 2)};
      LOGBOOM_INFO(log, "inner");
    }
    std::thread([this] { LOGBOOM_INFO(log, "another thread"); }).join();
    LOGBOOM_INFO(log, "outer");
  }
  LOGBOOM_INFO(log, "after");
  for (Record const& record : bus.records()) {
    bool const is_inner = record.message == "inner", is_outer = record.message == "outer";
    EXPECT_EQ(field_text(record, "request"), is_inner || is_outer ? "17" : "(absent)") << record.message;
    EXPECT_EQ(field_text(record, "user"), is_inner || is_outer ? "ann" : "(absent)") << record.message;
    EXPECT_EQ(field_text(record, "step"), is_inner ? "2" : "(absent)") << record.message;
  }
}

TEST_F(ContextFields, HideOuterOnesOfTheSameNameAndAreHiddenByTheCalls) {
  Context const outer{field("a", 1), field("b", 1), field("c", 1)};
  {
    Context const inner{field("a", 2)};
    LOGBOOM_INFO(log, "inner", field("b", 3));
  }
  LOGBOOM_INFO(log, "outer");
  auto const records = bus.records();
  ASSERT_EQ(records.size(), 2U);
  EXPECT_EQ(field_text(records[0], "a"), "2");
  EXPECT_EQ(field_text(records[0], "b"), "3");
  EXPECT_EQ(field_text(records[0], "c"), "1");
  EXPECT_EQ(records[0].fields.size(), 3U);
  EXPECT_EQ(field_text(records[1], "a"), "1");
  EXPECT_EQ(records[1].fields.size(), 3U);
}

TEST_F(ContextFields, AreBoundedAndSaySo) {
  {
    Context const cut{field("long", std::string(5000, 'x'))};
    std::vector<std::unique_ptr<Context>> many;
    for (int i = 0; i < 300; ++i)
      many.push_back(std::make_unique<Context>(field("f" + std::to_string(i), i)));
    LOGBOOM_INFO(log, "crowded");
    while (!many.empty()) many.pop_back();
    LOGBOOM_INFO(log, "one");
  }
  LOGBOOM_INFO(log, "none");
  auto const records = bus.records();
  ASSERT_EQ(records.size(), 3U);
  EXPECT_EQ(field_text(records[0], "f0"), "0");
  EXPECT_EQ(field_text(records[0], "f299"), "(absent)");
  EXPECT_EQ(field_text(records[0], "…"), std::to_string(302 - records[0].fields.size()));
  EXPECT_TRUE(field_text(records[0], "long").starts_with(std::string(1024, 'x') + "…[cut 3976 bytes]"));
  EXPECT_EQ(records[1].fields.size(), 1U);
  EXPECT_TRUE(records[2].fields.empty());
}

TEST_F(ContextFields, AreLeftOutWhenTheirBytesAreTooMany) {
  Context const context{field("a", std::string(1000, 'a')), field("b", std::string(1000, 'b')),
                        field("c", std::string(1000, 'c')), field("d", std::string(1020, 'd')),
                        field("e", std::string(1020, 'e')), field("small", 1)};
  LOGBOOM_INFO(log, "x");
  Record const record = bus.only();
  EXPECT_EQ(field_text(record, "e"), "(absent)");
  EXPECT_EQ(field_text(record, "small"), "1");
  EXPECT_NE(field_text(record, "…"), "(absent)");
}

}  // namespace
}  // namespace logboom::publisher::test
