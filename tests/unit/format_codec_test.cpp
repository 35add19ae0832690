// Values, fields, live maps and counters in msgpack and JSON; find_field. What arrives from outside is bounded and never more than an error.
#include "record/record_codec.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <random>
#include <string>

namespace logboom {
namespace {

using namespace std::string_literals;
using wire::FrameError;

std::span<std::byte const> bytes_of(std::string_view text) {
  return {reinterpret_cast<std::byte const*>(text.data()), text.size()};
}

Value text(std::string value) { return Value(std::move(value)); }
Value whole(std::int64_t value) { return Value(value); }

Fields sample_fields() {
  return {{"none", Value(nullptr)},
          {"yes", Value(true)},
          {"low", whole(std::numeric_limits<std::int64_t>::min())},
          {"high", Value(std::numeric_limits<std::uint64_t>::max())},
          {"ratio", Value(0.1)},
          {"text", text("ü\n")},
          {"list", Value(Value::Array{whole(1), Value(Value::Map{{"k", text("v")}}), Value(Value::Array{})})},
          {"map", Value(Value::Map{})}};
}

// A block of one entry with everything set.
Block sample_block() {
  Block block;
  Site site;
  site.level = 35;
  site.level_name = "NOTICE";
  site.logger = "net.http";
  site.template_text = "up {}";
  site.file = "a.cpp";
  site.line = 12;
  site.function = "run";
  Source source;
  source.publisher[15] = std::byte{9};
  source.host = "h";
  source.process = "p";
  source.pid = 4711;
  source.started = 17;
  source.stream = 3;
  source.tid = 4712;
  source.thread = "main";
  block.sites.push_back(std::make_shared<Site const>(site));
  block.sources.push_back(std::make_shared<Source const>(source));
  std::string fields;
  encode_fields(sample_fields(), fields);
  std::string attributes;
  encode_fields({{"unit", text("K")}}, attributes);
  Entry entry;
  entry.time = 1'795'170'605'123'456'789;
  entry.sequence = 8;
  entry.message = "up 5";
  entry.fields_msgpack = block.arena.copy(fields);
  entry.attributes_msgpack = block.arena.copy(attributes);
  entry.exception_type = "E";
  entry.exception = "x";
  entry.stack = "s";
  entry.task = "t";
  block.entries = {Entry{}, entry};
  block.first_id = 100;
  return block;
}

TEST(FormatCodec, FieldsComeBackFromMsgpackAndJson) {
  std::string msgpack;
  encode_fields(sample_fields(), msgpack);
  EXPECT_EQ(decode_fields(msgpack), sample_fields());
  EXPECT_EQ(parse_fields_json(
                R"({"none":null,"yes":true,"low":-9223372036854775808,"high":18446744073709551615,"ratio":0.1,)"
                R"("text":"\u00fc\n","list":[1,{"k":"v"},[]],"map":{}})"),
            sample_fields());
  EXPECT_EQ(parse_fields_json(""), Fields{});
}

TEST(FormatCodec, EveryFormOfMsgpackIsAValue) {
  EXPECT_EQ(decode_value("\xca\x3d\xcc\xcc\xcd"s), Value(0.1));  // float32: the double of its shortest text
  EXPECT_EQ(decode_value("\xd3\xff\xff\xff\xff\xff\xff\xff\xfe"s), whole(-2));
  EXPECT_EQ(decode_value("\xcf\0\0\0\0\0\0\0\x05"s), whole(5));
  EXPECT_EQ(decode_value("\xc4\x02\xff\x01"s), Value(Value::Bytes{std::byte{0xff}, std::byte{1}}));
  EXPECT_EQ(decode_value("\xa4"s + "a\xff" + "b\xc3"s), text("a\\xffb\\xc3"));
  EXPECT_EQ(decode_value("\xd7\x01\xff\xff\xff\xff\xff\xff\xff\xff"s), whole(-1));         // duration
  EXPECT_EQ(decode_value("\xd5\x02\xc3\xbc"s), text("ü"));                                 // character
  EXPECT_EQ(decode_value("\xd4\x07x"s), Value(Value::Bytes{std::byte{'x'}}));              // unknown ext
  EXPECT_EQ(decode_value("\xd6\xff\0\0\0\x01"s), text("1970-01-01T00:00:01.000000000Z"));  // time stamps
  EXPECT_EQ(decode_value("\xd7\xff\0\0\0\x04\0\0\0\x02"s), text("1970-01-01T00:00:02.000000001Z"));
  EXPECT_EQ(decode_value("\xc7\x0c\xff\0\0\0\x05\xff\xff\xff\xff\xff\xff\xff\xff"s),
            text("1969-12-31T23:59:59.000000005Z"));
  EXPECT_EQ(decode_value("\xc7\x0c\xff\xff\xff\xff\xff\x7f\xff\xff\xff\xff\xff\xff\xff"s).data().index(),
            6U);  // out of range: bytes
}

TEST(FormatCodec, AWholeDoubleStaysADouble) {
  for (double const number : {1.0, -0.0, 2.5, 1e300}) {
    std::string msgpack;
    encode_value(Value(number), msgpack);
    EXPECT_EQ(msgpack.size(), 9U);
    EXPECT_EQ(decode_value(msgpack), Value(number));
  }
}

TEST(FormatCodec, KeysThatAreNotTextBecomeText) {
  EXPECT_EQ(decode_fields("\x83\x05\x01\xc3\x02\x92\x01\xa1x\x03"s),
            (Fields{{"5", whole(1)}, {"true", whole(2)}, {"[1,\"x\"]", whole(3)}}));
}

TEST(FormatCodec, EveryWidthOfMapAndTextIsRead) {
  EXPECT_EQ(decode_fields("\xde\0\x01\xd9\x01k\xda\0\x01v"s), (Fields{{"k", text("v")}}));
  EXPECT_EQ(decode_fields("\xdf\0\0\0\x01\xdb\0\0\0\x01k\xdd\0\0\0\0"s),
            (Fields{{"k", Value(Value::Array{})}}));
}

TEST(FormatCodec, WhatIsNotOneWholeValueIsRefused) {
  for (std::string const& bad :
       {""s, "\xa5"s + "ab", "\x81\xa1k"s, "\xc1"s, "\x01\x02"s, "\x92\x01"s, "\xdd\xff\xff\xff\xff"s,
        "\xdb\xff\xff\xff\xff"s + "x", "\xdf\xff\xff\xff\xff\x01"s}) {
    EXPECT_THROW((void)decode_value(bad), FrameError) << testing::PrintToString(bad);
  }
  EXPECT_THROW((void)decode_fields("\x91\x01"s), FrameError);
  EXPECT_THROW((void)parse_fields_json("[1]"), FrameError);
  EXPECT_THROW((void)parse_fields_json("{\"a\":"), FrameError);
  EXPECT_THROW((void)parse_fields_json("{\"a\":1} x"), FrameError);
  EXPECT_THROW((void)parse_fields_json("{\"a\":1e999}"), FrameError);
}

TEST(FormatCodec, DepthNumberAndSizeAreBounded) {
  std::string const deep(kMaxLiveDepth, '\x91');
  EXPECT_NO_THROW((void)decode_value(deep + '\xc0'));
  EXPECT_THROW((void)decode_value(deep + "\x91\xc0"), FrameError);
  EXPECT_THROW((void)decode_value(std::string(1'000'000, '\x91')), FrameError);
  EXPECT_THROW((void)parse_fields_json("{\"a\":" + std::string(1'000'000, '[')), FrameError);
  std::string many = "\xdd\0\x04\0\0"s;
  many.append(kMaxLiveValues, '\xc0');
  EXPECT_THROW((void)decode_value(many), FrameError);
  EXPECT_THROW((void)decode_value(std::string(kMaxLiveFrame + 1, '\xc0')), FrameError);
}

TEST(FormatCodec, ALiveRecordComesBackWhole) {
  Block const block = sample_block();
  std::string frame = "what was in the buffer before";
  encode_live(block, 1, 77, frame);
  std::uint64_t n = 0;
  Record const r = decode_live(bytes_of(frame), &n);
  EXPECT_EQ(n, 77U);
  EXPECT_EQ(r.id, 101);
  EXPECT_EQ(r.time, 1'795'170'605'123'456'789);
  EXPECT_EQ(r.level, 35);
  EXPECT_EQ(r.level_name, "NOTICE");
  EXPECT_EQ(r.logger, "net.http");
  EXPECT_EQ(r.message, "up 5");
  EXPECT_EQ(r.template_text, "up {}");
  EXPECT_EQ(r.fields, sample_fields());
  EXPECT_EQ(r.attributes, (Fields{{"unit", text("K")}}));
  EXPECT_EQ(r.host, "h");
  EXPECT_EQ(r.process, "p");
  EXPECT_EQ(r.pid, 4711U);
  EXPECT_EQ(r.process_started, 17);
  EXPECT_EQ(r.thread, "main");
  EXPECT_EQ(r.tid, 4712U);
  EXPECT_EQ(r.file, "a.cpp");
  EXPECT_EQ(r.line, 12U);
  EXPECT_EQ(r.function, "run");
  EXPECT_EQ(r.exception_type, "E");
  EXPECT_EQ(r.exception, "x");
  EXPECT_EQ(r.stack, "s");
  EXPECT_EQ(r.task, "t");
  EXPECT_EQ(r.publisher, block.sources[0]->publisher);
  EXPECT_EQ(r.stream, 3U);
  EXPECT_EQ(r.sequence, 8U);
}

TEST(FormatCodec, ALiveRecordIsWhatToRecordMakesOfTheEntry) {
  Block const block = sample_block();
  std::string frame;
  encode_live(block, 1, 1, frame);
  Record const live = decode_live(bytes_of(frame));
  Record const direct = to_record(block, 1);
  EXPECT_EQ(live.id, direct.id);
  EXPECT_EQ(live.message, direct.message);
  EXPECT_EQ(live.fields, direct.fields);
  EXPECT_EQ(live.attributes, direct.attributes);
  EXPECT_EQ(live.process_started, direct.process_started);
  EXPECT_EQ(live.publisher, direct.publisher);
}

TEST(FormatCodec, EmptyValuesAreLeftOutOfALiveRecord) {
  Block block = sample_block();
  block.sites[0] = std::make_shared<Site const>();
  block.sources[0] = std::make_shared<Source const>();
  std::string frame;
  encode_live(block, 0, 0, frame);
  Fields const keys = decode_fields(frame);
  EXPECT_EQ(keys, (Fields{{"id", whole(100)}, {"time", whole(0)}, {"level", whole(level::kInfo)}}));
  Record const r = decode_live(bytes_of(frame));
  EXPECT_EQ(r.level, level::kInfo);
  EXPECT_TRUE(r.fields.empty());
}

TEST(FormatCodec, ALiveRecordFromANewerCollectorIsRead) {
  std::string frame;
  encode_fields({{"id", whole(1)}, {"level", whole(30)}, {"colour", text("red")}, {"message", text("m")}},
                frame);
  Record const r = decode_live(bytes_of(frame));
  EXPECT_EQ(r.message, "m");
  EXPECT_EQ(r.level, 30);
}

TEST(FormatCodec, ALiveRecordsKeysMayHaveAnyOrderAndAnyCompany) {
  std::string frame;
  Fields const inner{{"message", text("not this one")}, {"id", whole(9)}};
  encode_fields({{"sequence", whole(3)},
                 {"colour", Value(Value::Map(inner))},
                 {"fields", Value(Value::Map(inner))},
                 {"message", text("m \xff")},
                 {"list", Value(Value::Array{Value(Value::Map(inner)), whole(1)})},
                 {"id", whole(1)},
                 {"id", whole(2)}},
                frame);
  Record const r = decode_live(bytes_of(frame));
  EXPECT_EQ(r.id, 2) << "the last one";
  EXPECT_EQ(r.sequence, 3U);
  EXPECT_EQ(r.message, "m \\xff");
  EXPECT_EQ(r.fields, inner);
  // Keys that are no texts: a map, a list, a number.
  std::string odd = "\x84\x81\xa2id\x07\x01\x91\x05\x02\x07\x03\xa2id\x05"s;
  EXPECT_EQ(decode_live(bytes_of(odd)).id, 5);
  for (std::string const& no_map : {"\x91\x01"s, "\x01"s, "\xa1x"s, ""s, "\x80\x80"s, "\x81\xa2id"s})
    EXPECT_THROW((void)decode_live(bytes_of(no_map)), FrameError);
}

TEST(FormatCodec, ALiveKeyOfTheWrongTypeIsRefusedByName) {
  for (Fields const& bad :
       {Fields{{"message", whole(1)}}, Fields{{"pid", whole(-1)}}, Fields{{"level", whole(1LL << 40)}},
        Fields{{"line", whole(1LL << 40)}}, Fields{{"fields", text("x")}}, Fields{{"publisher", text("x")}},
        Fields{{"time", Value(1.5)}}, Fields{{"n", text("1")}}}) {
    std::string frame;
    encode_fields(bad, frame);
    try {
      (void)decode_live(bytes_of(frame));
      ADD_FAILURE() << bad[0].first;
    } catch (FrameError const& error) {
      EXPECT_NE(std::string_view(error.what()).find(bad[0].first), std::string_view::npos) << error.what();
    }
  }
}

TEST(FormatCodec, BytesFromNowhereAreAnErrorAtMost) {
  std::uint64_t const seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  std::string good;
  encode_live(sample_block(), 1, 5, good);
  std::size_t refused = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string frame = good;
    for (std::size_t n = 1 + random() % 4; n > 0; --n)
      frame[random() % frame.size()] = static_cast<char>(random());
    if (i % 3 == 0) frame.resize(random() % frame.size());
    try {
      (void)decode_live(bytes_of(frame));
    } catch (FrameError const&) {
      ++refused;
    }
  }
  EXPECT_GT(refused, 6000U);
}

TEST(FormatCodec, TopicsAreLevelLoggerAndDot) {
  auto const topic = [](Level level, std::string_view logger) {
    std::string out;
    live_topic(level, logger, out);
    return out;
  };
  EXPECT_EQ(topic(30, "net"), "3net.");
  EXPECT_EQ(topic(5, ""), "0.");
  EXPECT_EQ(topic(99, "a.b"), "5a.b.");
  EXPECT_EQ(topic(-20, "a"), "0a.");
}

TEST(FormatCodec, CountersComeBack) {
  LiveCounters counters;
  counters.epoch = 1ULL << 63U;
  counters.id = 12;
  counters.since = 9;
  counters.counters = {{"3net.", 5}, {"2.", 1ULL << 40U}};
  std::string frame;
  encode_counters(counters, frame);
  LiveCounters const back = decode_counters(bytes_of(frame));
  EXPECT_EQ(back.epoch, counters.epoch);
  EXPECT_EQ(back.id, counters.id);
  EXPECT_EQ(back.since, counters.since);
  EXPECT_EQ(back.counters, counters.counters);
  EXPECT_THROW((void)decode_counters(bytes_of("\x81\xa8"s + "counters\x81\xa1x\xff")), FrameError);

  counters.counters.assign(kMaxSyncCounters + 1, {"t", 1});
  encode_counters(counters, frame);
  EXPECT_THROW((void)decode_counters(bytes_of(frame)), FrameError);
}

TEST(FormatCodec, AFieldIsFoundByName) {
  Record r;
  r.fields = {{"a", whole(1)}};
  r.attributes = {{"a", whole(2)}, {"b", whole(3)}};
  ASSERT_NE(find_field(r, "a"), nullptr);
  EXPECT_EQ(*find_field(r, "a"), whole(1));
  EXPECT_EQ(*find_field(r, "b"), whole(3));
  EXPECT_EQ(find_field(r, "c"), nullptr);
}

}  // namespace
}  // namespace logboom
