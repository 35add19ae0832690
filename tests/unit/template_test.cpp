// Templates against fmt itself: whatever the call would have rendered, the collector renders.
#include "record/template.hpp"

#include "wire_fixture.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <chrono>
#include <cmath>
#include <limits>
#include <map>
#include <random>

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

namespace logboom::wire::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string render(std::string_view text, std::vector<Pack> const& arguments) {
  auto const bytes = packed(array(arguments));
  TokenTape tape;
  tape.read_msgpack(bytes);
  std::vector<Token const*> list;
  Token const* at = &tape.root() + 1;
  for (std::size_t i = 0; i < arguments.size(); ++i, at = after(at)) list.push_back(at);
  TextBuffer out;
  (void)Template(text).render(list, out);
  return {out.data(), out.size()};
}

std::vector<std::string> names(Template const& of) {
  std::vector<std::string> found;
  for (auto const& key : of.keys()) found.push_back(key.name);
  return found;
}

// The same spec on the same value, by fmt at once and by way of the wire.
template <typename T>
void expect_as_fmt(std::string_view spec, T const& of, Pack const& as) {
  std::string const placeholder = fmt::format("{{{}}}", spec.empty() ? "" : fmt::format(":{}", spec));
  EXPECT_EQ(render(placeholder, {as}), fmt::format(fmt::runtime(placeholder), of)) << placeholder;
}
template <typename T>
void expect_as_fmt(std::string_view spec, T const& of) {
  expect_as_fmt(spec, of, value(of));
}

TEST(TemplateAsFmt, Integers) {
  for (std::string_view const spec : {"", "d", "x", "#x", "X", "b", "#b", "o", "#o", "5", "<8", ">8", "^8",
                                      "*^8", "+", " ", "08", "#010x", "c"}) {
    if (spec != "c") {
      for (std::int64_t const of :
           {std::int64_t{0}, std::int64_t{-1}, std::int64_t{127}, std::int64_t{-32'769},
            std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()})
        expect_as_fmt(spec, of);
      if (spec != "+" && spec != " ") expect_as_fmt(spec, std::numeric_limits<std::uint64_t>::max());
    } else {
      expect_as_fmt(spec, 65);
    }
  }
}

TEST(TemplateAsFmt, FloatingPoint) {
  for (std::string_view const spec : {"", ".1f", ".0f", "f", "e", ".3e", "E", "g", ".4g", "G", "a", ".2a",
                                      "10.2f", "<10.2f", "+.1f", "08.3f", "#.0f", "%"}) {
    if (spec == "%") continue;
    for (double const of : {0.0, -0.0, 0.1, 1.0, -2.5, 1e20, 1e-7, 123456.789, 1.7976931348623157e308, 5e-324,
                            std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity(),
                            std::numeric_limits<double>::quiet_NaN()}) {
      expect_as_fmt(spec, of);
    }
    for (float const of : {0.1F, 1.0F, 3.4028235e38F, 16'777'216.0F}) expect_as_fmt(spec, of);
  }
}

TEST(TemplateAsFmt, BooleansAndTexts) {
  for (std::string_view const spec : {"", "d", "x", ">7", "s"}) {
    expect_as_fmt(spec, true);
    expect_as_fmt(spec, false);
  }
  for (std::string_view const spec : {"", "s", ">12", "^12", "-<12", ".3", "8.2", "?"}) {
    for (std::string const of : {"", "a", "grün", "日本語", "tab\tand \"quotes\""})
      expect_as_fmt(spec, of, text(of));
  }
}

TEST(TemplateAsFmt, CharactersAreTextOrNumber) {
  for (std::string_view const spec : {"", "c", "d", "x", "#x", ">4", "?"})
    expect_as_fmt(spec, 'A', character("A"));
  EXPECT_EQ(render("{}", {character("é")}), "é");
  EXPECT_EQ(render("{:>3}", {character("é")}), "  é");
  EXPECT_EQ(render("{:d} {:x}", {character("é"), character("é")}), "233 e9");
}

TEST(TemplateAsFmt, Pointers) {
  for (std::string_view const spec : {"", "p", ">20", "<20"}) {
    expect_as_fmt(spec, std::bit_cast<void const*>(std::uintptr_t{0x7fff'1234'5678}),
                  pointer(0x7fff'1234'5678));
    expect_as_fmt(spec, static_cast<void const*>(nullptr), pointer(0));
  }
}

TEST(TemplateAsFmt, DurationsInTheLargestExactUnit) {
  using namespace std::chrono_literals;
  EXPECT_EQ(render("{}", {duration(0)}), "0s");
  EXPECT_EQ(render("{}", {duration(90'000'000'000)}), "90s");
  for (std::string_view const spec : {"", ">10", "%H:%M:%S", "%Q%q", "%T"}) {
    expect_as_fmt(spec, 2s, duration(2'000'000'000));
    expect_as_fmt(spec, 1500ms, duration(1'500'000'000));
    expect_as_fmt(spec, -25us, duration(-25'000));
    expect_as_fmt(spec, 7ns, duration(7));
  }
  EXPECT_EQ(render("{}", {duration(std::numeric_limits<std::int64_t>::min())}), "-9223372036854775808ns");
  EXPECT_NE(render("{:%T}", {duration(std::numeric_limits<std::int64_t>::min())}), "");
}

TEST(TemplateAsFmt, RangesAndMaps) {
  std::vector<int> const numbers{1, 2, 3};
  Pack const as = array({value(1), value(2), value(3)});
  for (std::string_view const spec : {"", "n", ":x", "n:>3"}) expect_as_fmt(spec, numbers, as);
  expect_as_fmt("", std::vector<std::string>{"a\"b", "c"}, array({text("a\"b"), text("c")}));
  expect_as_fmt("", std::map<std::string, int>{{"a", 1}, {"b", 2}}, fields({{"a", value(1)}, {"b", value(2)}}));
  expect_as_fmt("", std::vector<std::vector<int>>{{1}, {}}, array({array({value(1)}), array({})}));
  EXPECT_EQ(render("{}", {array({character("x"), nil(), bin("y")})}), "['x', none, \"y\"]");
}

TEST(Template, PointsInTimeAreIsoOrWhatTheSpecSaysInUtc) {
  EXPECT_EQ(render("{}", {timestamp(1'795'203'417, 0)}), "2026-11-20T19:36:57Z");
  EXPECT_EQ(render("{}", {timestamp(1'795'203'417, 120'000)}), "2026-11-20T19:36:57.00012Z");
  EXPECT_EQ(render("{}", {timestamp(-1, 500'000'000)}), "1969-12-31T23:59:59.5Z");
  EXPECT_EQ(render("{:%H:%M:%S}", {timestamp(1'795'203'417, 5)}), "19:36:57");
  EXPECT_EQ(render("{:%Y-%m-%d}", {timestamp(1'795'203'417, 5)}), "2026-11-20");
  EXPECT_EQ(render("{:>22}", {timestamp(1'795'203'417, 0)}), "  2026-11-20T19:36:57Z");
  EXPECT_EQ(render("{}", {ext(-1, std::string("\x6a\xff\x5b\xc9", 4))}), "2026-11-19T20:27:53Z");
}

TEST(Template, AbsentValuesShowWhateverTheSpec) {
  EXPECT_EQ(render("{}", {nil()}), "none");
  EXPECT_EQ(render("{:>6}|{:8.2f}|{:<6x}|{:04d}", {nil(), nil(), nil(), nil()}),
            "  none|none    |none  |none");
}

TEST(Template, NamesIndicesAndOrder) {
  EXPECT_EQ(render("{a} {b} {a}", {value(1), value(2)}), "1 2 1");
  EXPECT_EQ(render("{b} {} {a} {b}", {value(1), value(2), value(3)}), "1 2 3 1");
  EXPECT_EQ(render("{1} {0} {1}", {value(1), value(2)}), "2 1 2");
  EXPECT_EQ(render("{request.id:>4}", {value(1)}), "   1");
  EXPECT_EQ(render("{größe}", {value(1)}), "1");
  Template const mixed("{cells} in {} {ms:.1f} {cells}");
  EXPECT_THAT(names(mixed), ElementsAre("cells", "", "ms"));
  EXPECT_EQ(mixed.arguments(), 3U);
}

TEST(Template, AKeyIsReadyForJsonAndMsgpack) {
  Template const text("{größe} {} {step.of_a_name_of_more_than_31_bytes}");
  auto const keys = text.keys();
  ASSERT_EQ(keys.size(), 3U);
  EXPECT_EQ(keys[0].json, "\"größe\":");
  EXPECT_EQ(keys[0].msgpack, "\xa7größe");
  EXPECT_EQ(keys[1].json + keys[1].msgpack, "");
  EXPECT_EQ(keys[2].json, "\"step.of_a_name_of_more_than_31_bytes\":");
  EXPECT_EQ(keys[2].msgpack, "\xd9\x24step.of_a_name_of_more_than_31_bytes");
}

TEST(Template, NestedSpecs) {
  EXPECT_EQ(render("{:>{width}}|", {value(7), value(4)}), "   7|");
  EXPECT_EQ(render("{:{}.{}f}|", {value(3.14159), value(8), value(2)}), "    3.14|");
  EXPECT_EQ(render("{0:>{1}}|{2}", {value(7), value(4), value(9)}), "   7|9");
  EXPECT_THAT(names(Template("{x:>{width}}")), ElementsAre("x", "width"));
  // a width that is none is left out
  EXPECT_EQ(render("{:>{}}", {value(7), text("wide")}), "7");
  EXPECT_EQ(render("{:>{}}", {value(7), value(1'000'000'000)}), "7");
  EXPECT_EQ(render("{:>{}}", {value(7)}), "7");
}

TEST(Template, BracesAndWhatIsNoPlaceholder) {
  EXPECT_EQ(render("{{}} {} }}{{", {value(1)}), "{} 1 }{");
  EXPECT_EQ(render("{{{}}}", {value(1)}), "{1}");
  EXPECT_EQ(render(R"({"a": 1})", {}), R"({"a": 1})");
  EXPECT_EQ(render("open {", {}), "open {");
  EXPECT_EQ(render("open {name", {}), "open {name");
  EXPECT_EQ(render("open {:>4", {value(1)}), "open {:>4");
  EXPECT_EQ(render("lone } here", {}), "lone } here");
  EXPECT_EQ(render("{a b} {}", {value(1)}), "{a b} 1");
  EXPECT_EQ(render("{999}", {value(1)}), "{999}");
}

TEST(Template, WhatDoesNotSuitIsShownAllTheSame) {
  EXPECT_EQ(render("{} {}", {value(1)}), "1 {?}");
  EXPECT_EQ(render("{:d}", {text("abc")}), "abc");
  EXPECT_EQ(render("{:.1f}", {value(3)}), "3.0");
  EXPECT_EQ(render("{:.1f}", {value(std::numeric_limits<std::uint64_t>::max())}),
            fmt::format("{:.1f}", 18446744073709551615.0));
  EXPECT_EQ(render("{:nonsense}", {value(3)}), "3");
  EXPECT_EQ(render("{:>1000000000}", {value(3)}), "3");
  EXPECT_EQ(render("{:.99999999999999999999f}", {value(0.5)}), "0.5");
  EXPECT_EQ(render("{:x}", {fields({{"a", value(1)}})}), "{\"a\": 1}");
  EXPECT_EQ(render("{::x}", {array({text("a"), value(1)})}), "[\"a\", 1]");
}

TEST(Template, PlaceholdersAndMessagesAreBounded) {
  std::string many;
  for (std::size_t i = 0; i < 2 * Template::kMaxArguments; ++i) many += "{}";
  EXPECT_EQ(Template(many).arguments(), Template::kMaxArguments);

  std::string same;
  for (std::size_t i = 0; i < Template::kMaxArguments; ++i) same += "{0}";
  std::string const large = render(same, {text(std::string(100'000, 'x'))});
  EXPECT_LT(large.size(), Template::kMaxRendered + 100'001);
  EXPECT_EQ(Template("{" + std::string(Template::kMaxName + 1, 'x') + "}").arguments(), 0U);
}

// Any two specs and values that fmt takes, at random.
TEST(TemplateAsFmt, RandomSpecs) {
  auto const seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  auto const pick = [&](std::string_view from) { return std::string(1, from[random() % from.size()]); };
  for (int i = 0; i < 3000; ++i) {
    std::string spec;
    if (random() % 2 == 0) spec += pick("*_.0") + pick("<>^");
    if (random() % 3 == 0) spec += pick("+- ");
    if (random() % 4 == 0) spec += "#";
    if (random() % 4 == 0) spec += "0";
    if (random() % 2 == 0) spec += std::to_string(1 + random() % 30);
    bool const is_float = random() % 2 == 0;
    if (is_float && random() % 2 == 0) spec += "." + std::to_string(random() % 12);
    if (random() % 2 == 0) spec += pick(is_float ? "eEfFgGaA" : "dxXobB");
    auto const whole = static_cast<std::int64_t>(random()) >> (random() % 64);
    auto const number = std::ldexp(static_cast<double>(whole), static_cast<int>(random() % 200) - 100);
    if (is_float)
      expect_as_fmt(spec, number);
    else
      expect_as_fmt(spec, whole);
  }
}

}  // namespace
}  // namespace logboom::wire::test
