// What a decoded record says: fields and attributes in JSON and msgpack, odd contents, texts of any bytes, bounds.
#include "wire_fixture.hpp"

#include "record/entry_writer.hpp"
#include "record/record_codec.hpp"

#include <logboom/record.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include <sqlite3.h>
#include <nlohmann/json.hpp>

namespace logboom::wire::test {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string json_of(Pack const& of) { return std::string(OneRecord("", {}, fields({{"v", of}})).json()); }

// The one value of a field in both its forms, which must be equal; and JSON as SQLite takes it.
void expect_both(Pack const& of, std::string const& json, Value const& expected) {
  OneRecord const one("", {}, fields({{"v", of}}));
  EXPECT_EQ(one.json(), "{\"v\":" + json + "}");
  Fields const decoded = decode_fields(one.entry().fields_msgpack);
  ASSERT_EQ(decoded.size(), 1U);
  EXPECT_EQ(decoded[0].second, expected) << json;
  EXPECT_EQ(parse_fields_json(one.json()), decoded) << json;
}

// Texts are looked at by eights; short ones by pieces that overlap.
TEST(CleanText, WhatIsNotPlainIsSeenAtEveryPlaceOfEveryShortText) {
  for (std::size_t size = 1; size <= 20; ++size) {
    for (std::size_t at = 0; at < size; ++at) {
      std::string text(size, 'x');
      for (char const byte : {'\0', '\x80', '\xff'}) {
        text[at] = byte;
        EXPECT_FALSE(is_clean(text)) << size << " bytes, at " << at;
      }
      for (char const byte : {'"', '\\', '\n', '\x1f'}) {
        text[at] = byte;
        EXPECT_TRUE(is_clean(text)) << size << " bytes, at " << at;
        TextBuffer json;
        append_json_string(json, text);
        EXPECT_EQ(nlohmann::json::parse(json.data(), json.data() + json.size()), text);
      }
    }
  }
}

TEST(Content, EveryKindOfValueIsTheSameInJsonAndMsgpack) {
  expect_both(nil(), "null", Value(nullptr));
  expect_both(value(true), "true", Value(true));
  expect_both(value(-5), "-5", Value(std::int64_t{-5}));
  expect_both(value(std::numeric_limits<std::int64_t>::min()), "-9223372036854775808",
              Value(std::numeric_limits<std::int64_t>::min()));
  expect_both(value(std::numeric_limits<std::uint64_t>::max()), "18446744073709551615",
              Value(std::numeric_limits<std::uint64_t>::max()));
  expect_both(value(1.0), "1.0", Value(1.0));
  expect_both(value(0.1), "0.1", Value(0.1));
  expect_both(value(1e300), "1e+300", Value(1e300));
  expect_both(value(0.1F), "0.1", Value(0.1));
  expect_both(value(std::numeric_limits<double>::quiet_NaN()), "\"nan\"", Value(std::string("nan")));
  expect_both(value(-std::numeric_limits<double>::infinity()), "\"-inf\"", Value(std::string("-inf")));
  expect_both(text("grün \"x\"\n\t\\\x01"), R"("grün \"x\"\n\t\\\u0001")",
              Value(std::string("grün \"x\"\n\t\\\x01")));
  expect_both(text(std::string("a\0b", 3)), R"("a\\x00b")", Value(std::string("a\\x00b")));
  expect_both(text("\xff\xc3\xa9\xed\xa0\x80"), R"("\\xffé\\xed\\xa0\\x80")",
              Value(std::string("\\xffé\\xed\\xa0\\x80")));
  expect_both(bin("raw\x80"), R"("raw\\x80")", Value(std::string("raw\\x80")));
  expect_both(duration(1'500'000'000), "1500000000", Value(std::int64_t{1'500'000'000}));
  expect_both(timestamp(0, 1000), "\"1970-01-01T00:00:00.000001Z\"",
              Value(std::string("1970-01-01T00:00:00.000001Z")));
  expect_both(character("é"), "\"é\"", Value(std::string("é")));
  expect_both(pointer(0xabc), "\"0xabc\"", Value(std::string("0xabc")));
  expect_both(ext(77, "x\xfe"), R"("x\\xfe")", Value(std::string("x\\xfe")));
  expect_both(array({value(1), array({}), text("a")}), R"([1,[],"a"])",
              Value(Value::Array{Value(std::int64_t{1}), Value(Value::Array{}), Value(std::string("a"))}));
  expect_both(map({{value(1), value(2)}, {text("k"), map({})}}), R"({"1":2,"k":{}})",
              Value(Value::Map{{"1", Value(std::int64_t{2})}, {"k", Value(Value::Map{})}}));
}

TEST(Content, NestingBeyondTheBoundIsShownAsCutOff) {
  Pack deep = value(1);
  for (int i = 0; i < 20; ++i) deep = array({deep});
  std::string const json = json_of(deep);
  EXPECT_EQ(json, "{\"v\":" + std::string(16, '[') + "\"…\"" + std::string(16, ']') + "}");
  EXPECT_EQ(OneRecord("{}", {deep}).message(), std::string(16, '[') + "…" + std::string(16, ']'));
}

TEST(Content, NamedArgumentsComeFirstAndExplicitFieldsWin) {
  OneRecord const one("{a} {b} {a}", {value(1), value(2)},
                      fields({{"c", value(3)}, {"a", value(4)}, {"c", value(5)}}));
  EXPECT_EQ(one.message(), "1 2 1");
  EXPECT_EQ(one.json(), R"({"b":2,"c":3,"a":4})");
}

TEST(Content, NoFieldsAreNoJson) {
  OneRecord const one("text", {}, nil());
  EXPECT_TRUE(one.entry().fields_json.empty());
  EXPECT_TRUE(one.entry().fields_msgpack.empty());
  EXPECT_TRUE(one.entry().attributes_json.empty());
}

TEST(Content, EmptyTemplateMeansTheFirstArgumentAsItIs) {
  EXPECT_EQ(OneRecord("", {text("50% {of} it")}).message(), "50% {of} it");
  EXPECT_EQ(OneRecord("", {value(17)}).message(), "17");
  EXPECT_EQ(OneRecord("", {}).message(), "");
}

TEST(Content, ArgumentsThatTheMessageDoesNotShowAreKept) {
  EXPECT_EQ(OneRecord("{}", {value(1), text("two")}).entry().attributes_json, R"({"arguments":[1,"two"]})");
  EXPECT_EQ(OneRecord("{1}", {value(1), value(2)}).entry().attributes_json, R"({"arguments":[1,2]})");
  EXPECT_EQ(OneRecord("", {text("m"), value(2)}).entry().attributes_json, R"({"arguments":["m",2]})");
  EXPECT_EQ(OneRecord("{} {}", {value(1)}).message(), "1 {?}");
  EXPECT_TRUE(OneRecord("{} {}", {value(1)}).entry().attributes_json.empty());
}

TEST(Content, TextsOfAnyBytesBecomeClean) {
  OneRecord const one("a\xff{}", {text(std::string("b\0\xc3", 3))}, {}, fields({{"stack", text("s\xfe")}}));
  EXPECT_EQ(one.message(), "a\\xffb\\x00\\xc3");
  EXPECT_EQ(one.entry().stack, "s\\xfe");
  EXPECT_EQ(one.block.sites[one.entry().site]->template_text, "a\\xff{}");
}

TEST(Content, FieldsBeyondTheBoundAreCounted) {
  std::vector<std::pair<std::string, Pack>> many;
  for (std::size_t i = 0; i < kMaxFields + 10; ++i) many.emplace_back("f" + std::to_string(i), value(1));
  OneRecord const one("", {}, fields(many));
  Fields const decoded = decode_fields(one.entry().fields_msgpack);
  ASSERT_EQ(decoded.size(), kMaxFields + 1);
  EXPECT_EQ(decoded.back().first, "…");
  EXPECT_EQ(decoded.back().second, Value(std::int64_t{10}));
}

TEST(Content, LongMessagesAreCutAndSayByHowMuch) {
  std::string repeated;
  for (int i = 0; i < 10; ++i) repeated += "{0}";
  OneRecord const one(repeated, {text(std::string(60'000, 'x'))});
  EXPECT_LT(one.message().size(), Template::kMaxRendered + 40);
  EXPECT_THAT(std::string(one.message()),
              EndsWith(fmt::format("…[cut {} bytes]", 5 * 60'000 - Template::kMaxRendered)));
  EXPECT_THAT(std::string(one.entry().attributes_json), HasSubstr("arguments"));
}

// A frame of less than 1 MiB whose messages would be of gigabytes.
TEST(Content, FramesThatGrowWhenRenderedStayBounded) {
  TestCatalogue catalogue;
  std::string text;
  for (int i = 0; i < 250; ++i) text += "{0:>1000}";
  catalogue.sites[1] = {level::kInfo, "INFO", text};
  BatchBuilder builder(test_publisher(), catalogue);
  builder.begin_stream(0, 1, 1, 1, "main");
  constexpr std::size_t kRecords = 10'000;
  for (std::size_t i = 0; i < kRecords; ++i) builder.add(ring_record(1, 1, {value(5)}), 1);
  BatchDecoder decoder;
  decoder.open(builder.finish());
  Block block;
  decoder.take(decoder.streams()[0], 1, block);
  ASSERT_EQ(block.entries.size(), kRecords);
  EXPECT_LT(block.bytes(), 2 * RenderBudget::kBytes);
  EXPECT_EQ(block.entries.back().attributes_json, R"({"arguments":[5]})");
  EXPECT_EQ(block.entries.back().message,
            std::string_view(text).substr(0, block.entries.back().message.size()));
}

TEST(Content, SqliteTakesTheJson) {
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open(":memory:", &database), SQLITE_OK);
  sqlite3_stmt* statement = nullptr;
  ASSERT_EQ(sqlite3_prepare_v2(database, "SELECT json_valid(?1), ?1 ->> 'v'", -1, &statement, nullptr),
            SQLITE_OK);
  std::string every;
  for (int i = 0; i < 256; ++i) every += static_cast<char>(i);
  for (Pack const& of :
       {value(std::numeric_limits<std::uint64_t>::max()), value(std::numeric_limits<double>::quiet_NaN()),
        value(1e300), value(5e-324), text(every), bin(every), character(std::string(1, '\0')),
        array({text(every), nil()})}) {
    std::string const json = json_of(of);
    sqlite3_bind_text(statement, 1, json.data(), static_cast<int>(json.size()), SQLITE_STATIC);
    ASSERT_EQ(sqlite3_step(statement), SQLITE_ROW);
    EXPECT_EQ(sqlite3_column_int(statement, 0), 1) << json;
    EXPECT_EQ(nlohmann::json::parse(json).dump().find('\0'), std::string::npos);
    sqlite3_reset(statement);
  }
  sqlite3_finalize(statement);
  sqlite3_close(database);
}

TEST(Content, OwnEntriesStandAlone) {
  Block block;
  auto const site =
      std::make_shared<Site const>(Site{level::kInfo, "INFO", "logboom.collector", "", "", 0, ""});
  auto const source = std::make_shared<Source const>();
  add_entry(block, site, source, 5, 0, "started\xff");
  add_entry(block, site, source, 6, 0, "stopped");
  ASSERT_EQ(block.entries.size(), 2U);
  EXPECT_EQ(block.sites.size(), 1U);
  EXPECT_EQ(block.sources.size(), 1U);
  block.first_id = 100;
  Record const record = to_record(block, 1);
  EXPECT_EQ(record.id, 101);
  EXPECT_EQ(record.message, "stopped");
  EXPECT_EQ(record.logger, "logboom.collector");
  EXPECT_EQ(block.entries[0].message, "started\\xff");
}

TEST(Content, BlocksKnowTheirSize) {
  Block block;
  std::size_t const empty = block.bytes();
  block.arena.copy(std::string(100'000, 'x'));
  block.entries.resize(10);
  EXPECT_GE(block.bytes(), empty + 100'000 + 10 * sizeof(Entry));
}

TEST(ArenaTest, NeverMovesWhatItGaveOut) {
  Arena arena;
  std::vector<std::string_view> given;
  for (int i = 0; i < 10'000; ++i) given.push_back(arena.copy(std::to_string(i)));
  for (int i = 0; i < 10'000; ++i) EXPECT_EQ(given[static_cast<std::size_t>(i)], std::to_string(i));
}

}  // namespace
}  // namespace logboom::wire::test
