// Templates and specs as the compiler checks them, compared with what fmt itself takes.
#include <logboom/log.hpp>

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace {

using logboom::detail::Kind;
using logboom::detail::spec_fits;
using logboom::detail::Template;
using logboom::detail::TemplateItem;
using logboom::detail::TemplateParser;

template <class T>
bool fmt_takes(std::string_view spec, T const& value) {
  try {
    static_cast<void>(fmt::vformat("{:" + std::string(spec) + "}", fmt::make_format_args(value)));
    return true;
  } catch (fmt::format_error const&) {
    return false;
  }
}

template <class T>
void expect_as_fmt(Kind kind, T const& value) {
  std::vector<std::string> const begins{"", "<", "*^", "é>", "+", "-", " ", "<+", "*>-", "="};
  std::vector<std::string> const flags{"", "#", "0", "#0"};
  std::vector<std::string> const sizes{"", "7", "12", ".3", "5.2", ".", "99999999999"};
  std::vector<std::string> const types{"",  "d", "x", "X", "o", "O", "b", "B", "c",  "s", "p",  "a", "A",
                                       "e", "E", "f", "F", "g", "G", "?", "q", "dd", "L", "Ld", "%"};
  for (auto const& begin : begins) {
    for (auto const& flag : flags) {
      for (auto const& size : sizes) {
        for (auto const& type : types) {
          std::string const spec = begin + flag + size + type;
          EXPECT_EQ(spec_fits(kind, spec), fmt_takes(spec, value)) << '"' << spec << '"';
        }
      }
    }
  }
}

TEST(SpecFits, JudgesIntegersAsFmtDoes) { expect_as_fmt(Kind::kSigned, 42); }
TEST(SpecFits, JudgesUnsignedAsFmtDoes) { expect_as_fmt(Kind::kUnsigned, 42U); }
TEST(SpecFits, JudgesBoolAsFmtDoes) { expect_as_fmt(Kind::kBool, true); }
TEST(SpecFits, JudgesCharactersAsFmtDoes) { expect_as_fmt(Kind::kCharacter, 'x'); }
TEST(SpecFits, JudgesFloatingPointAsFmtDoes) {
  expect_as_fmt(Kind::kDouble, 1.5);
  expect_as_fmt(Kind::kFloat, 1.5F);
}
TEST(SpecFits, JudgesTextsAsFmtDoes) { expect_as_fmt(Kind::kText, std::string_view("abc")); }
TEST(SpecFits, JudgesPointersAsFmtDoes) { expect_as_fmt(Kind::kPointer, static_cast<void const*>("")); }

TEST(SpecFits, TakesChronoSpecs) {
  EXPECT_TRUE(spec_fits(Kind::kDuration, "%H:%M:%S"));
  EXPECT_TRUE(spec_fits(Kind::kDuration, ">12%Q%q"));
  EXPECT_TRUE(spec_fits(Kind::kTimePoint, "%Y-%m-%d"));
  EXPECT_FALSE(spec_fits(Kind::kDuration, "d"));
  EXPECT_FALSE(spec_fits(Kind::kDuration, "%Y"));
  EXPECT_FALSE(spec_fits(Kind::kTimePoint, "%"));
}

// Arguments in the order in which placeholders name them; a size's own is written with a minus sign.
std::vector<int> arguments_of(std::string_view text) {
  std::vector<int> found;
  TemplateParser parser(text);
  TemplateItem item;
  while (parser.next(item)) {
    int const argument = static_cast<int>(item.argument);
    found.push_back(item.is_size ? -argument : argument);
  }
  return found;
}

TEST(TemplateParser, GivesArgumentsInOrderOfFirstUse) {
  EXPECT_EQ(arguments_of("{a} {b} {a} {}"), (std::vector{0, 1, 0, 2}));
  EXPECT_EQ(arguments_of("{0} {2} {1}"), (std::vector{0, 2, 1}));
  EXPECT_EQ(arguments_of("{:{}.{w}f} {w}"), (std::vector{0, -1, -2, 2}));
  EXPECT_EQ(arguments_of("{{}} {{{}}}"), (std::vector{0}));
  EXPECT_TRUE(arguments_of("plain").empty());
}

TemplateParser::Error error_of(std::string_view text) {
  TemplateParser parser(text);
  TemplateItem item;
  while (parser.next(item)) {
  }
  return parser.error();
}

TEST(TemplateParser, NamesWhatIsWrong) {
  using Error = TemplateParser::Error;
  EXPECT_EQ(error_of("{"), Error::kUnclosed);
  EXPECT_EQ(error_of("{a:"), Error::kUnclosed);
  EXPECT_EQ(error_of("{:{}"), Error::kUnclosed);
  EXPECT_EQ(error_of("}"), Error::kUnopened);
  EXPECT_EQ(error_of("{a b}"), Error::kName);
  EXPECT_EQ(error_of("{0x}"), Error::kName);
  EXPECT_EQ(error_of("{0} {}"), Error::kMixed);
  EXPECT_EQ(error_of("{a} {0}"), Error::kMixed);
  EXPECT_EQ(error_of("{a} {}"), Error::kNone);
}

TEST(TemplateParser, HasABound) {
  std::string text;
  for (std::size_t i = 0; i < logboom::detail::kMaxArguments; ++i) text += "{}";
  EXPECT_EQ(error_of(text), TemplateParser::Error::kNone);
  EXPECT_EQ(error_of(text + "{}"), TemplateParser::Error::kTooMany);
}

struct Celsius {
  double degrees;
};

}  // namespace

template <>
struct fmt::formatter<Celsius> {
  bool long_form = false;
  constexpr auto parse(format_parse_context& context) {
    auto const* at = context.begin();
    if (at != context.end() && *at == 'l') {
      long_form = true;
      ++at;
    }
    return at;
  }
  template <class Context>
  auto format(Celsius value, Context& context) const {
    return fmt::format_to(context.out(), "{:.1f}{}", value.degrees, long_form ? " degrees Celsius" : "C");
  }
};

namespace {

TEST(Template, KeepsTheSpecOfWhatIsFormattedAtTheCall) {
  constexpr Template<int, Celsius> kTemplate("at {step:>4}: {t:l}");
  EXPECT_EQ(kTemplate.spec(1), "l");
  constexpr Template<std::optional<Celsius>> kOptional("{t:l}");
  EXPECT_EQ(kOptional.spec(0), "l");
}

TEST(Template, TakesWhatTheIssueShows) {
  constexpr Template<int, double> kSolved("solved {cells} cells in {ms:.1f} ms");
  constexpr Template<std::string> kMessage("");
  constexpr Template<double, int, int> kSizes("{:{}.{}f}");
  constexpr Template<std::chrono::milliseconds, std::chrono::system_clock::time_point> kTimes("{:%S} {:%F}");
  static_assert(sizeof(kSolved) <= 1 && sizeof(kMessage) <= 1 && sizeof(kSizes) <= 1 && sizeof(kTimes) <= 1,
                "a template without arguments formatted at the call holds nothing");
}

}  // namespace
