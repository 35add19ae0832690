// Plain records in both forms, and how the first bytes tell the forms apart.
#include "wire_fixture.hpp"

#include "record/record_codec.hpp"

#include <logboom/record.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>

#include <nlohmann/json.hpp>

namespace logboom::wire::test {
namespace {

using ::testing::HasSubstr;

constexpr std::int64_t kArrival = 1'795'203'417'000'000'000;

Record json_record(std::string_view json) {
  Block block;
  EXPECT_EQ(form_of(as_bytes(json)), Form::kPlainJson);
  take_plain(as_bytes(json), Form::kPlainJson, kArrival, "peer", block);
  EXPECT_EQ(block.entries.size(), 1U);
  return to_record(block, 0);
}

// Everything once as JSON and once as the same in msgpack.
Record plain(std::string const& json) {
  auto const document = nlohmann::json::to_msgpack(nlohmann::json::parse(json));
  std::string_view const bytes(reinterpret_cast<char const*>(document.data()), document.size());
  EXPECT_EQ(form_of(as_bytes(bytes)), Form::kPlainMsgpack) << json;
  Block block;
  take_plain(as_bytes(bytes), Form::kPlainMsgpack, kArrival, "peer", block);
  Record const packed_record = to_record(block, 0);
  Record const record = json_record(json);
  EXPECT_EQ(record.message, packed_record.message);
  EXPECT_EQ(record.level, packed_record.level);
  EXPECT_EQ(record.time, packed_record.time);
  EXPECT_EQ(record.logger, packed_record.logger);
  EXPECT_EQ(record.fields.size(), packed_record.fields.size());
  return record;
}

TEST(Plain, AbsentKeysHaveDefaults) {
  Record const record = plain("{}");
  EXPECT_EQ(record.message, "");
  EXPECT_EQ(record.level, level::kInfo);
  EXPECT_EQ(record.level_name, "INFO");
  EXPECT_EQ(record.logger, "");
  EXPECT_EQ(record.time, kArrival);
  EXPECT_EQ(record.host, "peer");
  EXPECT_EQ(record.sequence, 0U);
  EXPECT_TRUE(record.fields.empty());
  EXPECT_EQ(record.publisher, (std::array<std::byte, 16>{}));
}

TEST(Plain, KeysWithAMeaning) {
  Record const record = plain(
      R"({"message": "m", "level": 40, "logger": "app.net", "time": 1700000000123456789, "host": "h", "process": "p",
    "thread": "t", "pid": 1, "tid": 2, "line": 3, "file": "f", "function": "g", "template": "{x}", "exception": "e", "exception_type": "et",
    "stack": "s", "task": "k", "fields": {"a": 1}, "b": 2})");
  EXPECT_EQ(record.message, "m");
  EXPECT_EQ(record.level, 40);
  EXPECT_EQ(record.level_name, "ERROR");
  EXPECT_EQ(record.logger, "app.net");
  EXPECT_EQ(record.time, 1'700'000'000'123'456'789);
  EXPECT_EQ(record.host, "h");
  EXPECT_EQ(record.process, "p");
  EXPECT_EQ(record.thread, "t");
  EXPECT_EQ(record.pid, 1U);
  EXPECT_EQ(record.tid, 2U);
  EXPECT_EQ(record.line, 3U);
  EXPECT_EQ(record.file, "f");
  EXPECT_EQ(record.function, "g");
  EXPECT_EQ(record.template_text, "{x}");
  EXPECT_EQ(record.exception, "e");
  EXPECT_EQ(record.exception_type, "et");
  EXPECT_EQ(record.stack, "s");
  EXPECT_EQ(record.task, "k");
  ASSERT_NE(find_field(record, "a"), nullptr);
  EXPECT_EQ(*find_field(record, "b"), Value(std::int64_t{2}));
}

TEST(Plain, PythonsAttributesAreAttributes) {
  Record const record = plain(
      R"({"template": "%d of %s", "arguments": [5, "7"], "types": {"/arguments/1": "Decimal"}, "process_name": "Worker-1", "relative_created": 1.5})");
  EXPECT_EQ(record.template_text, "%d of %s");
  EXPECT_TRUE(record.fields.empty());
  ASSERT_EQ(record.attributes.size(), 4U);
  EXPECT_EQ(record.attributes[0].first, "arguments");
  EXPECT_EQ(record.attributes[2], (Fields::value_type{"process_name", Value(std::string("Worker-1"))}));
  EXPECT_EQ(record.attributes[3], (Fields::value_type{"relative_created", Value(1.5)}));
  Record const odd = plain(R"({"arguments": 1, "types": [2], "process_name": 3, "relative_created": "x"})");
  EXPECT_TRUE(odd.attributes.empty());
  EXPECT_EQ(odd.fields.size(), 4U);
}

TEST(Plain, ShortNamesAndLevelNames) {
  EXPECT_EQ(plain(R"({"msg": "m", "name": "l"})").message, "m");
  EXPECT_EQ(plain(R"({"msg": "m", "name": "l"})").logger, "l");
  EXPECT_EQ(plain(R"({"level": "warn"})").level, 30);
  EXPECT_EQ(plain(R"({"level": "warn"})").level_name, "WARNING");
  EXPECT_EQ(plain(R"({"level": 25, "level_name": "NOTICE"})").level_name, "NOTICE");
  Record const unknown = plain(R"({"level": "notice"})");
  EXPECT_EQ(unknown.level, 20);
  EXPECT_EQ(unknown.level_name, "notice");
}

TEST(Plain, TimesInEveryForm) {
  auto const time = [](std::string const& of) { return plain(R"({"time": )" + of + "}").time; };
  EXPECT_EQ(time("1700000000"), 1'700'000'000'000'000'000);
  EXPECT_EQ(time("1700000000.25"), 1'700'000'000'250'000'000);
  EXPECT_EQ(time("1700000000000000001"), 1'700'000'000'000'000'001);
  EXPECT_EQ(time("-1"), -1'000'000'000);
  EXPECT_EQ(time(R"("2026-11-20T19:36:57Z")"), kArrival);
  EXPECT_EQ(time(R"("2026-11-20T20:36:57.123456789+01:00")"), kArrival + 123'456'789);
  EXPECT_EQ(time(R"("2026-11-20 14:36:57,5-0500")"), kArrival + 500'000'000);
  EXPECT_EQ(time(R"("2026-11-20T19:36Z")"), kArrival - 57'000'000'000);
  std::tm local{};
  local.tm_year = 126;
  local.tm_mon = 10;
  local.tm_mday = 20;
  local.tm_hour = 19;
  local.tm_isdst = -1;
  EXPECT_EQ(time(R"("2026-11-20T19:00:00")"), std::int64_t{std::mktime(&local)} * 1'000'000'000);
}

TEST(Plain, ValuesOfTheWrongKindAreFields) {
  for (std::string const of : {R"("yesterday")", R"("2026-13-20T19:36:57Z")", R"("2026-02-30T19:36:57Z")",
                               "1e300", "true", "null", "[1]"}) {
    Record const record = plain(R"({"time": )" + of + "}");
    EXPECT_EQ(record.time, kArrival) << of;
    EXPECT_NE(find_field(record, "time"), nullptr) << of;
  }
  Record const record = plain(
      R"({"pid": -1, "line": 5000000000, "host": 5, "level": [1], "fields": 7, "stack": 1, "logger": null})");
  EXPECT_EQ(record.pid, 0U);
  EXPECT_EQ(record.line, 0U);
  EXPECT_EQ(record.host, "peer");
  EXPECT_EQ(record.level, 20);
  for (char const* const key : {"pid", "line", "host", "level", "fields", "stack", "logger"})
    EXPECT_NE(find_field(record, key), nullptr) << key;
}

TEST(Plain, MessageMayBeAnyValueAndSecondOnesAreFields) {
  EXPECT_EQ(plain(R"({"message": 5})").message, "5");
  EXPECT_EQ(plain(R"({"message": [1, "a"]})").message, "[1, \"a\"]");
  Record const both = plain(R"({"message": "one", "msg": "two"})");
  EXPECT_EQ(both.message, "one");
  EXPECT_EQ(*find_field(both, "msg"), Value(std::string("two")));
}

TEST(Plain, JsonThatParsersRefuseIsMended) {
  EXPECT_EQ(json_record("{\"message\": \"a\xff\"}").message, "a\\xff");
  EXPECT_EQ(json_record(R"({"message": "a\udc80b"})").message, R"(a\udc80b)");
  EXPECT_EQ(json_record(R"({"message": "\ud83d\ude00 \\udc80"})").message, "😀 \\udc80");
  EXPECT_EQ(json_record(R"({"message": "\ud83d"})").message, R"(\ud83d)");
  EXPECT_EQ(json_record(R"({"message": "a\u0000b"})").message, R"(a\x00b)");
  EXPECT_EQ(json_record(" \t\r\n{}").message, "");
}

TEST(Plain, RecordsOfOneSenderShareSiteAndSource) {
  Block block;
  for (int i = 0; i < 10; ++i)
    take_plain(as_bytes(R"({"logger": "a", "message": "m"})"), Form::kPlainJson, kArrival, "peer", block);
  take_plain(as_bytes(R"({"logger": "b", "message": "m"})"), Form::kPlainJson, kArrival, "peer", block);
  EXPECT_EQ(block.entries.size(), 11U);
  EXPECT_EQ(block.sites.size(), 2U);
  EXPECT_EQ(block.sources.size(), 1U);
}

std::string refusal(std::string_view frame, Form form) {
  Block block;
  try {
    take_plain(as_bytes(frame), form, kArrival, "peer", block);
  } catch (FrameError const& error) {
    EXPECT_TRUE(block.entries.empty() && block.sites.empty() && block.sources.empty());
    return error.what();
  }
  return "taken";
}

TEST(PlainRefused, WhatIsNoRecord) {
  EXPECT_THAT(refusal("{\"a\": }", Form::kPlainJson), HasSubstr("not JSON at byte 7"));
  EXPECT_THAT(refusal("{} x", Form::kPlainJson), HasSubstr("not JSON"));
  EXPECT_THAT(refusal("{\"a\"", Form::kPlainJson), HasSubstr("not JSON"));
  EXPECT_THAT(refusal("\x81\xa1", Form::kPlainMsgpack), HasSubstr("cut short"));
  EXPECT_THAT(refusal("\x80x", Form::kPlainMsgpack), HasSubstr("left over"));
  EXPECT_THAT(refusal("\xc1", Form::kPlainMsgpack), HasSubstr("not msgpack"));
  EXPECT_THAT(refusal("\x05", Form::kPlainMsgpack), HasSubstr("not a map"));
  EXPECT_THAT(refusal("hello", Form::kUnknown), HasSubstr("neither"));
}

// A key that is a container is its JSON text; keys within keys would double its backslashes with each level.
TEST(Plain, KeysWithinKeysDoNotGrow) {
  std::string nested =
      "\xa1"
      "a";
  for (int depth = 0; depth < 12; ++depth) nested = "\x81" + nested + "\x01";
  std::string const record =
      "\x81\xa1"
      "k"
      "\x81" +
      nested + "\x02";
  Block block;
  take_plain(as_bytes(record), Form::kPlainMsgpack, kArrival, "peer", block);
  EXPECT_EQ(block.entries[0].fields_json, R"({"k":{"{\"…\":1}":2}})");
  EXPECT_EQ(to_record(block, 0).fields, decode_fields("\x81\xa1"
                                                      "k"
                                                      "\x81" +
                                                      nested + "\x02"));
}

TEST(PlainRefused, DeepNestingAndLargeFrames) {
  std::string const deep = "{\"a\":" + std::string(200'000, '[') + std::string(200'000, ']') + "}";
  EXPECT_THAT(refusal(deep, Form::kPlainJson), HasSubstr("nested deeper"));
  EXPECT_THAT(refusal("\x81\xa1"
                      "a" +
                          std::string(100'000, '\x91') + "\x01",
                      Form::kPlainMsgpack),
              HasSubstr("nested deeper"));
  EXPECT_THAT(refusal("{\"a\":\"" + std::string(kMaxMessage, 'x') + "\"}", Form::kPlainJson),
              HasSubstr("bytes, more than"));
}

TEST(FormOf, FirstBytes) {
  auto const form = [](std::string_view frame) { return form_of(as_bytes(frame)); };
  EXPECT_EQ(form(""), Form::kUnknown);
  EXPECT_EQ(form("\x96\x01"), Form::kBatch);
  EXPECT_EQ(form("\xdc\x01"), Form::kBatch);
  EXPECT_EQ(form("\xdd\x01"), Form::kBatch);
  EXPECT_EQ(form("\x80"), Form::kPlainMsgpack);
  for (char const* const pickle : {"\x80\x02}q", "\x80\x03}q", "\x80\x04\x95", "\x80\x05\x95"})
    EXPECT_EQ(form(pickle), Form::kUnknown);
  EXPECT_EQ(form("\x81\xa1"), Form::kPlainMsgpack);
  EXPECT_EQ(form("\xde\x01"), Form::kPlainMsgpack);
  EXPECT_EQ(form("\xdf\x01"), Form::kPlainMsgpack);
  EXPECT_EQ(form("  {"), Form::kPlainJson);
  EXPECT_EQ(form("  x{"), Form::kUnknown);
  EXPECT_EQ(form("hello"), Form::kUnknown);
  EXPECT_EQ(form("\x00\x00\x01"), Form::kUnknown);
}

}  // namespace
}  // namespace logboom::wire::test
