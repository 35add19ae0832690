// Pickles made to harm: they end inert or refused, in bounded time and memory. Each is put together by opcodes.
#include "inputs/python_record.hpp"
#include "record/wire.hpp"

#include <logboom/record.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace logboom::inputs {
namespace {

using namespace std::string_literals;
using ::testing::HasSubstr;
using Json = nlohmann::json;

std::string text(std::string_view of) {
  std::string size(4, '\0');
  for (std::size_t i = 0; i < 4; ++i) size[i] = static_cast<char>(of.size() >> (8 * i));
  return "X" + size + std::string(of);
}

std::string repeated(std::string_view of, std::size_t times) {
  std::string made;
  for (std::size_t i = 0; i < times; ++i) made += of;
  return made;
}

/// A record with one field `x` made by these opcodes.
std::string with_field(std::string const& opcodes) {
  return "}(" + text("msg") + text("m") + text("levelno") + "K\x14" + text("x") + opcodes + "u.";
}

struct Taken {
  Json fields, types;
  std::size_t bytes = 0;
};

class Hostile : public testing::Test {
 protected:
  Taken take(std::string const& pickle) {
    Block block;
    records_.begin(block);
    auto const begin = std::chrono::steady_clock::now();
    records_.take(std::as_bytes(std::span(pickle)), "host", 1);
    // Far above what it takes, far below what unbounded work would.
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20));
    EXPECT_EQ(block.entries.size(), 1U);
    EXPECT_LT(block.bytes(), 16U << 20U);
    auto const& entry = block.entries.front();
    Taken taken;
    taken.bytes = block.bytes();
    taken.fields = entry.fields_json.empty() ? Json::object() : Json::parse(entry.fields_json);
    taken.types = entry.attributes_json.empty()
                      ? Json::object()
                      : Json::parse(entry.attributes_json).value("types", Json::object());
    return taken;
  }
  Json field(std::string const& opcodes) { return take(with_field(opcodes)).fields["x"]; }
  std::string refusal(std::string const& pickle) {
    Block block;
    records_.begin(block);
    auto const begin = std::chrono::steady_clock::now();
    try {
      records_.take(std::as_bytes(std::span(pickle)), "host", 1);
    } catch (wire::FrameError const& error) {
      EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20));
      EXPECT_TRUE(block.entries.empty());
      EXPECT_EQ(std::string_view(error.what()).find('\n'), std::string_view::npos);
      return error.what();
    }
    return "taken";
  }

  PythonRecords records_;
};

TEST_F(Hostile, CommandsAreNamesAndNothingElse) {
  auto const system = take(with_field("cos\nsystem\n(" + text("touch /tmp/pwned") + "tR"));
  EXPECT_EQ(system.fields["x"],
            (Json{{"__class__", "os.system"}, {"args", {"touch /tmp/pwned"}}, {"state", nullptr}}));
  EXPECT_EQ(system.types, (Json{{"/fields/x", "object:os.system"}}));
  EXPECT_EQ(field("cposix\nsystem\n(" + text("id") + "tR")["__class__"], "posix.system");
  EXPECT_EQ(field("c__builtin__\neval\n(" + text("1+1") + "tR")["__class__"], "builtins.eval");
  EXPECT_EQ(field("csubprocess\nPopen\n(" + text("id") + "tR")["__class__"], "subprocess.Popen");
  EXPECT_EQ(field("(S'id'\nios\nsystem\n")["args"], Json::array({"id"}));
  EXPECT_EQ(field("(cos\nsystem\n" + text("id") + "o")["args"], Json::array({"id"}));
  EXPECT_EQ(field("cos\nsystem\n")["args"], nullptr);  // only named
  // a call of what a call made
  EXPECT_EQ(field("c__builtin__\ngetattr\n(cos\nos\n" + text("system") + "tR(" + text("id") + "tR")["args"],
            Json::array({"id"}));
  EXPECT_EQ(field("\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x02id\x85R"s)["__class__"], "os.system");
}

TEST_F(Hostile, WhatOnlyItsSenderCanResolveIsRefused) {
  EXPECT_THAT(refusal(with_field("Pid\n")), HasSubstr("persistent id"));
  EXPECT_THAT(refusal(with_field("NQ")), HasSubstr("persistent id"));
  EXPECT_THAT(refusal(with_field("\x82\x01")), HasSubstr("extension code"));
  EXPECT_THAT(refusal(with_field("\x97")), HasSubstr("buffer"));
  EXPECT_THAT(refusal("\x80\x09."), HasSubstr("protocol"));
}

TEST_F(Hostile, DepthIsCut) {
  // lists within lists
  Json value = field(repeated("]", 100'000) + repeated("a", 99'999));
  int levels = 0;
  for (; value.is_array(); value = Json(value[0])) ++levels;
  EXPECT_EQ(levels, static_cast<int>(wire::kMaxDepth));
  EXPECT_EQ(value, "…");
  // tuples, objects and their states within each other
  EXPECT_TRUE(field("N" + repeated("\x85", 200'000)).is_array());
  EXPECT_EQ(field("cm\nC\nq\x01"
                  "0N" +
                  repeated("\x85q\x02"
                           "0h\x01h\x02R",
                           25'000))["__class__"],
            "m.C");
  EXPECT_EQ(field(repeated("cm\nC\n)R", 25'000) + repeated("b", 24'999))["__class__"], "m.C");
  EXPECT_THAT(refusal(with_field(repeated("(", 300'000))), HasSubstr("nothing to set"));
}

TEST_F(Hostile, SharedPartsAreNotMultiplied) {
  // a list of ten times the list before, thirty levels: 10^30 elements
  std::string laughs = "]q\x01";
  laughs += "(" + repeated(text("ha"), 10) + "e";
  for (int i = 0; i < 15; ++i) laughs += "0](" + repeated("h\x01", 10) + "eq\x01";
  auto const taken = take(with_field(laughs));
  EXPECT_LT(taken.fields.dump().size(), 4U << 20U);
  // and the same of a long text
  std::string long_laughs = text(std::string(500'000, 'x')) +
                            "q\x01"
                            "0](" +
                            repeated("h\x01", 100'000) + "e";
  EXPECT_LT(take(with_field(long_laughs)).bytes, 8U << 20U);
  // of bytes, which grow fourfold as text
  std::string bytes = "B"s + "\x20\xa1\x07\x00"s + std::string(500'000, '\xff') +
                      "q\x01"
                      "0](" +
                      repeated("h\x01", 100'000) + "e";
  EXPECT_LT(take(with_field(bytes)).bytes, 8U << 20U);
  // of one dictionary by fields
  std::string fields = "}(" + text("shared") + "](" + repeated("K\x01", 50'000) + "eq\x01";
  for (int i = 0; i < 10'000; ++i) fields += text("f" + std::to_string(i)) + "h\x01";
  auto const many = take(fields + "u.");
  EXPECT_EQ(many.fields["…"].get<int>() + static_cast<int>(many.fields.size()) - 1, 10'001);
}

TEST_F(Hostile, CyclesAreCut) {
  EXPECT_EQ(field("]q\x01h\x01"
                  "a"),
            Json::array({"[...]"}));
  EXPECT_EQ(field("}q\x01" + text("me") + "h\x01s"), (Json{{"me", "[...]"}}));
  Json const object =
      field("ccopy_reg\n_reconstructor\n(cm\nC\nc__builtin__\nobject\nNtRq\x01}" + text("me") + "h\x01sb");
  EXPECT_EQ(object["state"]["me"], "[...]");
  // an object that is its own argument, class and state
  (void)field(
      "cm\nC\n]q\x01h\x01"
      "aR");
}

TEST_F(Hostile, LengthsThatAreNotThere) {
  for (auto const& of :
       {"X\xff\xff\xff\xff"s, "X\xff\xff\xff\x7f!"s, "B\xff\xff\xff\xff"s, "T\xff\xff\xff\xff"s,
        "\x8b\xff\xff\xff\x7f"s, "\x8b\xff\xff\xff\xff"s, "\x8d\xff\xff\xff\xff\xff\xff\xff\xff"s,
        "\x8e\xff\xff\xff\xff\xff\xff\xff\x7f"s, "\x96\xff\xff\xff\xff\xff\xff\xff\xff"s,
        "\x95\xff\xff\xff\xff\xff\xff\xff\xff"s, "U\xff"s, "C\xff"s})
    EXPECT_THAT(refusal(with_field(of)), HasSubstr("cut short"));
  for (std::size_t size = 0; size < 30; ++size)
    EXPECT_THAT(refusal(with_field("N").substr(0, size)), HasSubstr("cut short")) << size;
}

TEST_F(Hostile, HugeIntegers) {
  EXPECT_EQ(field("L1" + std::string(4'299, '0') + "L\n").get<std::string>().size(), 4'300U);
  EXPECT_EQ(field("L1" + std::string(4'300, '0') + "L\n"), "<int of 14285 bits>");
  EXPECT_EQ(field("L-1" + std::string(4'300, '0') + "L\n"), "<int of 14285 bits>");
  EXPECT_EQ(field("L1" + std::string(900'000, '0') + "L\n"), "<int of 2989736 bits>");
  std::string const million = "\x8b\x40\x42\x0f\x00"s + std::string(1'000'000, '\x7f');
  EXPECT_EQ(field(million), "<int of 7999999 bits>");
  // the same one over and over, and many different ones
  EXPECT_EQ(field("](" + million + "q\x01" + repeated("h\x01", 10'000) + "e").size(), 10'001U);
  std::string many = "](";
  for (int i = 0; i < 500; ++i)
    many += "\x8b\xd0\x07\x00\x00"s + std::string(2'000, static_cast<char>(1 + i % 100));
  EXPECT_EQ(field(many + "e").size(), 500U);
  std::string decimals = "](";
  for (int i = 0; i < 40; ++i) decimals += "L1" + std::string(19'000, '7') + "L\n";
  EXPECT_EQ(field(decimals + "e").size(), 40U);
  EXPECT_THAT(refusal(with_field("L12x\n")), HasSubstr("integer"));
  EXPECT_THAT(refusal(with_field("L\n")), HasSubstr("integer"));
  EXPECT_THAT(refusal(with_field("I-\n")), HasSubstr("integer"));
}

TEST_F(Hostile, MemoAndValuesAreBounded) {
  EXPECT_THAT(refusal(with_field("Nr\xff\xff\xff\x7f")), HasSubstr("memo"));
  EXPECT_THAT(refusal(with_field("Np99999999999999999999\n")), HasSubstr("memo"));
  EXPECT_THAT(refusal(with_field("Np200000\n")), HasSubstr("memo of more than"));
  EXPECT_THAT(refusal(with_field("h\x07")), HasSubstr("never set"));
  EXPECT_THAT(refusal(with_field("N" + repeated("\x94", 200'000))), HasSubstr("memo of more than"));
  EXPECT_THAT(refusal(with_field("](" + repeated("K\x01", 300'000) + "e")),
              HasSubstr("more than 262144 values"));
  // what an earlier pickle remembered is forgotten
  EXPECT_EQ(field("Nq\x09"), nullptr);
  EXPECT_THAT(refusal(with_field("h\x09")), HasSubstr("never set"));
}

TEST_F(Hostile, OneValueMadeOverAndOverIsRefused) {
  std::string const encode =
      "c_codecs\nencode\nq\x01"
      "0" +
      text(std::string(500'000, 'x')) +
      "\x85q\x02"
      "0](";
  EXPECT_THAT(refusal(with_field(encode + repeated("h\x01h\x02R", 50'000) + "e")),
              HasSubstr("over and over"));
  std::string pairs =
      "ccollections\nOrderedDict\nq\x01"
      "0]q\x03(" +
      repeated("K\x01K\x02\x86", 100'000) +
      "e\x85q\x02"
      "0](";
  EXPECT_THAT(refusal(with_field(pairs + repeated("h\x01h\x02R", 50'000) + "e")),
              testing::AnyOf(HasSubstr("over and over"), HasSubstr("more than")));
  // states without the number that a UUID wants
  std::string state = "}(" + repeated(text("k") + "N", 1'000) +
                      "uq\x02"
                      "0";
  std::string uuids =
      "cuuid\nUUID\nq\x01"
      "0" +
      state + "](";
  (void)field(uuids +
              repeated("h\x01)\x81h\x02"
                       "b",
                       30'000) +
              "e");
}

TEST_F(Hostile, TypesAreBounded) {
  auto const taken = take(with_field("](" + repeated(")", 10'000) + "e"));
  EXPECT_EQ(taken.types.size(), pickle::kMaxTypes);
  // pointers of long keys
  std::string deep;
  for (int i = 0; i < 10; ++i) deep += "}" + text(std::string(30'000, '/'));
  auto const pointers = take(with_field(deep + ")" + repeated("s", 10)));
  EXPECT_LE(pointers.types.dump().size(), 2 * pickle::kMaxTypeBytes);
}

TEST_F(Hostile, KeysAreEscapedInPointers) {
  auto const taken = take("}(" + text("") + ")" + text("a/b~") + ")u.");
  EXPECT_EQ(taken.types, (Json{{"/fields/", "tuple"}, {"/fields/a~1b~0", "tuple"}}));
}

TEST_F(Hostile, TemplatesThatShowLittleOfMuch) {
  std::string const head = "}(" + text("levelno") + "K\x14" + text("msg");
  std::string const big = text(std::string(400'000, 'x'));
  auto const begin = std::chrono::steady_clock::now();
  (void)take(head + text(repeated("%(k).0s", 50'000)) + text("args") + "}" + text("k") + big + "su.");
  (void)take(head + text(repeated("%(k)4096s", 50'000)) + text("args") + "}" + text("k") + text("v") + "su.");
  (void)take(head + text(repeated("%s", 50'000)) + text("args") + "(" + repeated("K\x01", 50'000) + "tu.");
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20));
}

TEST_F(Hostile, WhatIsNoRecord) {
  EXPECT_THAT(refusal("N."), HasSubstr("not the dictionary"));
  EXPECT_THAT(refusal("]."), HasSubstr("not the dictionary"));
  EXPECT_THAT(refusal("."), HasSubstr("empty"));
  EXPECT_THAT(refusal(""), HasSubstr("cut short"));
  EXPECT_THAT(refusal("hello"), HasSubstr("pickle"));
  EXPECT_THAT(refusal("}(Nu."), HasSubstr("key without a value"));
  EXPECT_THAT(refusal("NNs."), HasSubstr("empty"));
  EXPECT_THAT(refusal("NNNs."), HasSubstr("no dictionary"));
  EXPECT_THAT(refusal("NNa."), HasSubstr("no list"));
  EXPECT_THAT(refusal("NNR."), HasSubstr("no tuple"));
  EXPECT_THAT(refusal("\xff."), HasSubstr("unknown"));
  EXPECT_EQ(refusal("}."), "taken");
  EXPECT_EQ(refusal("}K\x01Ns."), "taken");  // a key that is no text names nothing
}

}  // namespace
}  // namespace logboom::inputs
