// Batches: built, opened, taken; gaps, trimming, sharing of sites and sources, what is refused.
#include "wire_fixture.hpp"

#include "record/record_codec.hpp"

#include <logboom/record.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace logboom::wire::test {
namespace {

using ::testing::HasSubstr;

class Batch : public ::testing::Test {
 protected:
  Batch() {
    catalogue.sites[1] = {level::kInfo, "INFO", "solved {cells} cells in {ms:.1f} ms"};
    catalogue.sites[2] = {25, "NOTICE", "residual {}"};
    catalogue.sites[3] = {level::kError, "ERROR", ""};
    catalogue.loggers[2] = "solver.io";
  }

  void add(std::uint32_t site, std::uint16_t logger, std::vector<Pack> const& arguments,
           std::int64_t time = 1000) {
    builder.add(ring_record(site, logger, arguments), time);
  }
  // Takes every part of a frame.
  void take_all(std::span<std::byte const> frame) {
    decoder.open(frame);
    for (auto const& part : decoder.streams()) decoder.take(part, part.first, block);
  }

  TestCatalogue catalogue;
  BatchBuilder builder{test_publisher(), catalogue};
  BatchDecoder decoder;
  Block block;
};

TEST_F(Batch, CarriesRecordsOfSeveralStreamsWithTheirOrigin) {
  builder.begin_stream(0, 1, 5, 4711, "main");
  add(1, 1, {value(1000), value(2.5)}, 123);
  add(2, 2, {value(0.25)}, 124);
  builder.begin_stream(4, 2, 9, 4712, "worker-1");
  add(3, 1, {text("plain")}, 125);
  take_all(builder.finish());

  EXPECT_EQ(decoder.publisher().host, "hub");
  ASSERT_EQ(decoder.streams().size(), 2U);
  EXPECT_EQ(decoder.streams()[0].stream, 0U);
  EXPECT_EQ(decoder.streams()[0].base, 1U);
  EXPECT_EQ(decoder.streams()[0].first, 5U);
  EXPECT_EQ(decoder.streams()[0].end, 7U);
  EXPECT_EQ(decoder.streams()[1].stream, 4U);
  EXPECT_EQ(decoder.streams()[1].base, 2U);
  EXPECT_EQ(decoder.streams()[1].end, 10U);

  ASSERT_EQ(block.entries.size(), 3U);
  Record const first = to_record(block, 0);
  EXPECT_EQ(first.time, 123);
  EXPECT_EQ(first.level, level::kInfo);
  EXPECT_EQ(first.level_name, "INFO");
  EXPECT_EQ(first.logger, "solver.grid");
  EXPECT_EQ(first.message, "solved 1000 cells in 2.5 ms");
  EXPECT_EQ(first.template_text, "solved {cells} cells in {ms:.1f} ms");
  EXPECT_EQ(first.fields, (Fields{{"cells", Value(std::int64_t{1000})}, {"ms", Value(2.5)}}));
  EXPECT_EQ(first.host, "hub");
  EXPECT_EQ(first.process, "solver");
  EXPECT_EQ(first.pid, 4711U);
  EXPECT_EQ(first.process_started, 1'700'000'000'000'000'000);
  EXPECT_EQ(first.thread, "main");
  EXPECT_EQ(first.tid, 4711U);
  EXPECT_EQ(first.file, "src/grid.cpp");
  EXPECT_EQ(first.line, 42U);
  EXPECT_EQ(first.function, "solve");
  EXPECT_EQ(first.publisher, test_publisher().id);
  EXPECT_EQ(first.stream, 0U);
  EXPECT_EQ(first.sequence, 5U);
  Record const second = to_record(block, 1);
  EXPECT_EQ(second.level, 25);
  EXPECT_EQ(second.level_name, "NOTICE");
  EXPECT_EQ(second.logger, "solver.io");
  EXPECT_EQ(second.message, "residual 0.25");
  EXPECT_EQ(second.sequence, 6U);
  Record const third = to_record(block, 2);
  EXPECT_EQ(third.message, "plain");
  EXPECT_EQ(third.thread, "worker-1");
  EXPECT_EQ(third.stream, 4U);
  EXPECT_EQ(third.sequence, 9U);

  ASSERT_EQ(block.progress.size(), 2U);
  EXPECT_EQ(block.progress[0].last, 6U);
  EXPECT_EQ(block.progress[1].stream, 4U);
  EXPECT_EQ(block.progress[1].last, 9U);
}

TEST_F(Batch, NamesEachSiteAndLoggerOnceHoweverManyRecordsUseThem) {
  builder.begin_stream(0, 1, 1, 1, "main");
  for (int i = 0; i < 100; ++i) add(1, 1, {value(i), value(1.0)});
  EXPECT_EQ(catalogue.asked, 2);
  take_all(builder.finish());
  EXPECT_EQ(block.entries.size(), 100U);
  EXPECT_EQ(block.sites.size(), 1U);
  EXPECT_EQ(block.sources.size(), 1U);
  // the next batch stands alone again
  builder.begin_stream(0, 1, 101, 1, "main");
  add(1, 1, {value(1), value(1.0)});
  EXPECT_EQ(catalogue.asked, 4);
  take_all(builder.finish());
  EXPECT_EQ(block.entries.size(), 101U);
}

TEST_F(Batch, SizeIsKnownBeforeItIsFinished) {
  EXPECT_TRUE(builder.empty());
  builder.begin_stream(0, 1, 1, 1, "main");
  EXPECT_TRUE(builder.empty());
  add(1, 1, {value(1), value(1.0)});
  EXPECT_FALSE(builder.empty());
  EXPECT_FALSE(builder.full());
  std::size_t const bytes = builder.bytes();
  EXPECT_EQ(builder.finish().size(), bytes);
  EXPECT_TRUE(builder.empty());
  EXPECT_LT(builder.bytes(), bytes);

  builder.begin_stream(0, 1, 2, 1, "main");
  while (!builder.full()) add(1, 1, {value(1), value(1.0)});
  EXPECT_LT(builder.finish().size(), kBatchTarget + 100);
}

TEST_F(Batch, EqualSitesAndSourcesOfDifferentBatchesAreOneObject) {
  for (std::uint64_t number : {1U, 2U}) {
    builder.begin_stream(0, 1, number, 1, "main");
    add(1, 1, {value(1), value(1.0)});
    take_all(builder.finish());
  }
  ASSERT_EQ(block.entries.size(), 2U);
  EXPECT_EQ(block.sites[block.entries[0].site], block.sites[block.entries[1].site]);
  EXPECT_EQ(block.sources[block.entries[0].source], block.sources[block.entries[1].source]);
}

TEST_F(Batch, TakesFromTheNumberAskedFor) {
  builder.begin_stream(0, 1, 10, 1, "main");
  for (int i = 0; i < 5; ++i) add(2, 1, {value(i)});
  decoder.open(builder.finish());
  decoder.take(decoder.streams()[0], 13, block);
  ASSERT_EQ(block.entries.size(), 2U);
  EXPECT_EQ(block.entries[0].sequence, 13U);
  EXPECT_EQ(block.entries[0].message, "residual 3");
  EXPECT_EQ(block.progress.at(0).last, 14U);

  Block nothing;
  decoder.take(decoder.streams()[0], 15, nothing);
  EXPECT_TRUE(nothing.entries.empty());
  EXPECT_TRUE(nothing.progress.empty());
}

TEST_F(Batch, GapsTakeTheirNumbersAndAreSeen) {
  builder.begin_stream(6, 1, 10, 1, "main");
  add(2, 1, {value(1)});
  builder.add_gap(777, 12, "spool full");
  add(2, 1, {value(2)});
  take_all(builder.finish());
  EXPECT_EQ(decoder.streams()[0].end, 24U);
  ASSERT_EQ(block.gaps.size(), 1U);
  EXPECT_EQ(block.gaps[0].publisher, test_publisher().id);
  EXPECT_EQ(block.gaps[0].stream, 6U);
  EXPECT_EQ(block.gaps[0].first, 11U);
  EXPECT_EQ(block.gaps[0].last, 22U);
  EXPECT_EQ(block.gaps[0].time, 777);
  EXPECT_EQ(block.gaps[0].reason, "spool full");
  ASSERT_EQ(block.entries.size(), 3U);
  Record const seen = to_record(block, 1);
  EXPECT_EQ(seen.logger, "logboom.gap");
  EXPECT_EQ(seen.level, level::kWarning);
  EXPECT_EQ(seen.message, "12 records lost: spool full");
  EXPECT_EQ(seen.sequence, 11U);
  EXPECT_EQ(seen.host, "hub");
  ASSERT_NE(find_field(seen, "count"), nullptr);
  EXPECT_EQ(*find_field(seen, "count"), Value(std::int64_t{12}));
  EXPECT_EQ(*find_field(seen, "stream"), Value(std::int64_t{6}));
  EXPECT_EQ(block.entries[2].sequence, 23U);
}

TEST_F(Batch, GapThatIsPartlyTakenCountsTheRest) {
  builder.begin_stream(6, 1, 10, 1, "main");
  builder.add_gap(777, 10, "spool full");
  decoder.open(builder.finish());
  decoder.take(decoder.streams()[0], 15, block);
  ASSERT_EQ(block.gaps.size(), 1U);
  EXPECT_EQ(block.gaps[0].first, 15U);
  EXPECT_EQ(block.gaps[0].last, 19U);
  EXPECT_EQ(block.entries.at(0).message, "5 records lost: spool full");
}

TEST_F(Batch, DeclaresLostWhatTheLedgerFound) {
  builder.begin_stream(6, 30, 30, 1, "main");
  add(2, 1, {value(1)});
  decoder.open(builder.finish());
  decoder.declare_lost(decoder.streams()[0], 29, 29, 55, "forgotten", block);
  ASSERT_EQ(block.gaps.size(), 1U);
  EXPECT_EQ(block.gaps[0].first, 29U);
  EXPECT_EQ(block.entries.at(0).message, "1 record lost: forgotten");
  EXPECT_EQ(to_record(block, 0).stream, 6U);
}

TEST_F(Batch, DamagedRecordBecomesAGapOfOne) {
  builder.begin_stream(0, 1, 1, 1, "main");
  auto record = ring_record(2, 1, {value(1)});
  record[10] = std::byte{0xc1};
  builder.add(record, 5);
  builder.add(std::span(record).first(7), 6);
  add(2, 1, {value(2)});
  take_all(builder.finish());
  EXPECT_EQ(block.gaps.size(), 2U);
  EXPECT_EQ(block.entries.at(2).message, "residual 2");
  EXPECT_EQ(block.entries.at(2).sequence, 3U);
}

TEST_F(Batch, EmptyBatchAndEmptyStreamAreRead) {
  take_all(builder.finish());
  EXPECT_TRUE(decoder.streams().empty());
  builder.begin_stream(0, 4, 4, 1, "main");
  take_all(builder.finish());
  ASSERT_EQ(decoder.streams().size(), 1U);
  EXPECT_EQ(decoder.streams()[0].end, 4U);
  EXPECT_TRUE(block.entries.empty());
  EXPECT_TRUE(block.progress.empty());
}

TEST_F(Batch, RecordMayOverrideTheLevelOfItsSite) {
  builder.begin_stream(0, 1, 1, 1, "main");
  builder.add(ring_record(2, 1, {value(1)}, {}, fields({{"level", value(40)}})), 1);
  builder.add(
      ring_record(2, 1, {value(2)}, {}, fields({{"level", value(35)}, {"level_name", text("SEVERE")}})), 1);
  builder.add(ring_record(2, 1, {value(3)}, {}, fields({{"level", value(40)}})), 1);
  add(2, 1, {value(4)});
  take_all(builder.finish());
  EXPECT_EQ(to_record(block, 0).level, 40);
  EXPECT_EQ(to_record(block, 0).level_name, "ERROR");
  EXPECT_EQ(to_record(block, 1).level, 35);
  EXPECT_EQ(to_record(block, 1).level_name, "SEVERE");
  EXPECT_EQ(block.entries[2].site, block.entries[0].site);
  EXPECT_EQ(to_record(block, 3).level, 25);
  EXPECT_TRUE(to_record(block, 0).attributes.empty());
}

TEST_F(Batch, RecordMayOverrideTheRestOfItsOriginToo) {
  builder.begin_stream(0, 1, 1, 1, "main");
  builder.add(ring_record(2, 1, {value(1)}, {},
                          fields({{"time", value(777)},
                                  {"file", text("script.py")},
                                  {"function", text("load")},
                                  {"line", value(9)}})),
              1);
  builder.add(ring_record(2, 1, {value(1)}, {},
                          fields({{"time", text("now")}, {"line", value(-1)}, {"file", value(3)}})),
              2);
  take_all(builder.finish());
  Record const overridden = to_record(block, 0);
  EXPECT_EQ(overridden.time, 777);
  EXPECT_EQ(overridden.file, "script.py");
  EXPECT_EQ(overridden.function, "load");
  EXPECT_EQ(overridden.line, 9U);
  EXPECT_EQ(overridden.level, 25);
  EXPECT_EQ(overridden.logger, "solver.grid");
  Record const odd = to_record(block, 1);
  EXPECT_EQ(odd.time, 2);
  EXPECT_EQ(odd.file, "src/grid.cpp");
  EXPECT_EQ(odd.line, 42U);
  EXPECT_EQ(odd.attributes.size(), 3U);
}

TEST_F(Batch, RecordMaySayAnotherProcessAndThread) {
  builder.begin_stream(0, 1, 1, 1, "main");
  auto const add = [&](auto const& attributes) {
    builder.add(ring_record(2, 1, {value(1)}, {}, attributes), 0);
  };
  auto const another = fields({{"pid", value(77)}, {"tid", value(78)}, {"thread", text("other")}});
  add(another);
  add(another);
  add(fields({{"thread", text("third")}}));
  add(fields({{"pid", value(-1)}, {"tid", text("x")}, {"thread", value(3)}}));
  take_all(builder.finish());
  Record const first = to_record(block, 0);
  EXPECT_EQ(first.pid, 77U);
  EXPECT_EQ(first.tid, 78U);
  EXPECT_EQ(first.thread, "other");
  EXPECT_EQ(block.entries[0].source, block.entries[1].source);
  EXPECT_TRUE(first.attributes.empty());
  Record const third = to_record(block, 2);
  Record const odd = to_record(block, 3);
  EXPECT_EQ(third.thread, "third");
  EXPECT_EQ(third.tid, 1U);
  EXPECT_EQ(third.pid, odd.pid);
  EXPECT_EQ(third.publisher, first.publisher);
  EXPECT_EQ(odd.thread, "main");
  EXPECT_EQ(odd.attributes.size(), 3U);
  EXPECT_EQ(block.sources.size(), 3U);
}

TEST_F(Batch, RecordMayBringTheTemplateOfAnotherLanguage) {
  auto const with = [](std::string of) { return fields({{"template", text(std::move(of))}}); };
  EXPECT_EQ(to_record(OneRecord("", {text("5 of 7")}, {}, with("%d of %s")).block, 0).template_text,
            "%d of %s");
  EXPECT_EQ(to_record(OneRecord("", {text("5 of 7")}, {}, with("%d of %s")).block, 0).message, "5 of 7");
  EXPECT_EQ(to_record(OneRecord("{}", {value(5)}, {}, with("")).block, 0).template_text, "");
  EXPECT_EQ(to_record(OneRecord("{}", {value(5)}, {}, fields({{"template", value(1)}})).block, 0).template_text,
            "{}");
}

TEST_F(Batch, ExplicitArgumentsReplaceThoseThatTheMessageDoesNotShow) {
  auto const attributes = fields(
      {{"arguments", array({value(5), text("7")})}, {"types", fields({{"/arguments/1", text("Decimal")}})}});
  EXPECT_EQ(OneRecord("", {text("5 of 7")}, {}, attributes).entry().attributes_json,
            R"({"arguments":[5,"7"],"types":{"/arguments/1":"Decimal"}})");
  EXPECT_EQ(OneRecord("", {text("5 of 7"), value(8)}, {}, attributes).entry().attributes_json,
            R"({"arguments":[5,"7"],"types":{"/arguments/1":"Decimal"}})");
}

TEST_F(Batch, AttributesWithAMeaningAreMembersAndOthersAreKept) {
  OneRecord const one("failed", {}, {},
                      fields({{"exception_type", text("std::runtime_error")},
                              {"exception", text("boom\nwhile testing")},
                              {"stack", text("#0 main")},
                              {"task", text("reader")},
                              {"severity", value(3)}}));
  Record const record = to_record(one.block, 0);
  EXPECT_EQ(record.exception_type, "std::runtime_error");
  EXPECT_EQ(record.exception, "boom\nwhile testing");
  EXPECT_EQ(record.stack, "#0 main");
  EXPECT_EQ(record.task, "reader");
  EXPECT_EQ(record.attributes, (Fields{{"severity", Value(std::int64_t{3})}}));
  EXPECT_EQ(one.entry().attributes_json, R"({"severity":3})");
}

// A batch written by hand, each part of which may be replaced.
struct HandMade {
  Pack version = value(1);
  Pack publisher = array({bin("0123456789abcdef"), text("h"), value(1), text("p"), value(5)});
  Pack sites = array({array({value(1), value(20), text("INFO"), text("t"), text("f"), value(1), text("g")})});
  Pack loggers = array({array({value(1), text("l")})});
  Pack threads = array({array({value(1), value(2), text("n")})});
  Pack record = array({value(9), value(1), value(1), array({})});
  Pack stream(Pack const& with_record) const {
    return array({value(0), value(1), value(1), value(1), array({with_record})});
  }
  std::vector<std::byte> frame() const { return frame(array({stream(record)})); }
  std::vector<std::byte> frame(Pack const& streams) const {
    return packed(array({version, publisher, sites, loggers, threads, streams}));
  }
};

std::string refusal(std::vector<std::byte> const& frame) {
  BatchDecoder decoder;
  try {
    decoder.open(frame);
  } catch (FrameError const& error) {
    EXPECT_TRUE(decoder.streams().empty());
    return error.what();
  }
  return "taken";
}

TEST(BatchRefused, WhatIsMisshapenIsNamed) {
  HandMade good;
  EXPECT_EQ(refusal(good.frame()), "taken");
  auto const with = [](auto member, Pack const& pack) {
    HandMade bad;
    bad.*member = pack;
    return refusal(bad.frame());
  };
  EXPECT_THAT(refusal({}), HasSubstr("cut short"));
  EXPECT_THAT(refusal(packed(array({value(1)}))), HasSubstr("batch has 1 elements"));
  EXPECT_THAT(with(&HandMade::version, text("1")), HasSubstr("version"));
  EXPECT_THAT(with(&HandMade::publisher, array({bin("short"), text("h"), value(1), text("p"), value(5)})),
              HasSubstr("16 bytes"));
  EXPECT_THAT(
      with(&HandMade::publisher, array({bin("0123456789abcdef"), text("h"), value(-1), text("p"), value(5)})),
      HasSubstr("pid"));
  EXPECT_THAT(with(&HandMade::sites,
                   array({array({value(1), text("20"), text(""), text(""), text(""), value(1), text("")})})),
              HasSubstr("level"));
  EXPECT_THAT(with(&HandMade::sites, nil()), HasSubstr("sites is not an array"));
  EXPECT_THAT(with(&HandMade::loggers, array({array({value(1)})})), HasSubstr("logger has 1 elements"));
  EXPECT_THAT(with(&HandMade::record, array({text("now"), value(1), value(1), array({})})),
              HasSubstr("time"));
  EXPECT_THAT(with(&HandMade::record, array({value(9), value(2), value(1), array({})})),
              HasSubstr("site 2 is not in"));
  EXPECT_THAT(with(&HandMade::record, array({value(9), value(1), value(2), array({})})),
              HasSubstr("logger 2 is not in"));
  EXPECT_THAT(with(&HandMade::record, array({value(9), value(1), value(1), value(3)})),
              HasSubstr("arguments"));
  EXPECT_THAT(with(&HandMade::record, array({value(9), value(1), value(1), array({}), value(3)})),
              HasSubstr("fields"));
  EXPECT_THAT(with(&HandMade::record, array({value(9), value(1), value(1), array({}), nil(), value(3)})),
              HasSubstr("attributes"));
  EXPECT_THAT(with(&HandMade::record, array({value(9), nil(), value(0), text("x")})), HasSubstr("count"));
  EXPECT_THAT(with(&HandMade::record, array({value(9), nil(), value(2), value(1)})), HasSubstr("reason"));
}

TEST(BatchRefused, StreamsThatCannotBe) {
  HandMade const good;
  auto const stream = [&](int number, int base, int first, int thread, std::vector<Pack> records) {
    return array({value(number), value(base), value(first), value(thread), array(std::move(records))});
  };
  EXPECT_THAT(refusal(good.frame(array({stream(0, 1, 1, 2, {good.record})}))), HasSubstr("thread 2"));
  EXPECT_THAT(refusal(good.frame(array({stream(0, 0, 1, 1, {good.record})}))), HasSubstr("at least 1"));
  EXPECT_THAT(refusal(good.frame(array({stream(0, 1, 0, 1, {good.record})}))), HasSubstr("at least 1"));
  EXPECT_THAT(
      refusal(good.frame(array({stream(4, 1, 1, 1, {good.record}), stream(4, 1, 2, 1, {good.record})}))),
      HasSubstr("stream 4 comes twice"));
  Pack const endless = array({value(9), nil(), value(std::numeric_limits<std::int64_t>::max()), text("x")});
  EXPECT_THAT(refusal(good.frame(array({stream(0, 1, 1, 1, {endless, endless})}))), HasSubstr("2^63"));
  EXPECT_THAT(
      refusal(good.frame(array({stream(0, 1, 1, 1, std::vector<Pack>(kMaxBatchRecords + 1, good.record))}))),
      HasSubstr("records in one batch"));
  std::vector<Pack> streams;
  for (int i = 0; i <= static_cast<int>(kMaxStreams); ++i) streams.push_back(stream(i, 1, 1, 1, {}));
  EXPECT_THAT(refusal(good.frame(array(streams))), HasSubstr("1025 streams"));
}

TEST(BatchRefused, DeepNestingAndBytesLeftOver) {
  HandMade bad;
  Pack deep = nil();
  for (int i = 0; i < 100; ++i) deep = array({deep});
  bad.record = array({value(9), value(1), value(1), array({deep})});
  EXPECT_THAT(refusal(bad.frame()), HasSubstr("nested deeper"));
  auto frame = HandMade().frame();
  frame.push_back(std::byte{0});
  EXPECT_THAT(refusal(frame), HasSubstr("1 bytes left over"));
  // ten thousand open arrays, each said to have 2^32 - 1 elements
  std::vector<std::byte> bomb;
  for (int i = 0; i < 10'000; ++i)
    bomb.insert(bomb.end(),
                {std::byte{0xdd}, std::byte{0xff}, std::byte{0xff}, std::byte{0xff}, std::byte{0xff}});
  EXPECT_THAT(refusal(bomb), HasSubstr("nested deeper"));
}

TEST(BatchRefused, HigherVersionNamesBothNumbersAndThePublisher) {
  HandMade later;
  later.version = value(2);
  later.sites = text("quite different");
  BatchDecoder decoder;
  auto const frame = later.frame();
  try {
    decoder.open(frame);
    FAIL();
  } catch (VersionError const& error) {
    EXPECT_EQ(error.version(), 2U);
    EXPECT_EQ(std::to_integer<char>(error.publisher()[0]), '0');
    EXPECT_THAT(error.what(), HasSubstr("version 2"));
    EXPECT_THAT(error.what(), HasSubstr("up to 1"));
  }
}

TEST(BatchTaken, ElementsOfLaterVersionsAreIgnored) {
  HandMade later;
  later.publisher = array({bin("0123456789abcdef"), text("h"), value(1), text("p"), value(5), text("new")});
  later.sites =
      array({array({value(1), value(20), text("INFO"), text("t"), text("f"), value(1), text("g"), nil()})});
  later.record = array({value(9), value(1), value(1), array({}), nil(), nil(), map({})});
  auto const frame = packed(array({later.version, later.publisher, later.sites, later.loggers, later.threads,
                                   array({later.stream(later.record)}), text("new")}));
  EXPECT_EQ(refusal(frame), "taken");
}

TEST(BatchTaken, AnyWidthOfIntegersAndReferences) {
  HandMade wide;
  wide.sites = array({array({value(std::numeric_limits<std::uint64_t>::max()), value(20), text("INFO"),
                             text("wide"), text(""), value(0), text("")})});
  wide.record =
      array({value(std::uint8_t{9}), value(std::numeric_limits<std::uint64_t>::max()), value(1), array({})});
  auto const frame = wide.frame();
  BatchDecoder decoder;
  decoder.open(frame);
  Block block;
  decoder.take(decoder.streams()[0], 1, block);
  EXPECT_EQ(block.entries.at(0).message, "wide");
  EXPECT_EQ(block.entries.at(0).time, 9);
}

TEST(WholeRecord, IsOneRecordToTheEnd) {
  auto const good = ring_record(1, 1, {value(1), text("abc")}, fields({{"a", value(1)}}));
  EXPECT_TRUE(whole_record(good));
  for (std::size_t size = 0; size < good.size(); ++size)
    EXPECT_FALSE(whole_record(std::span(good).first(size))) << size;
  auto longer = good;
  longer.push_back(std::byte{0});
  EXPECT_FALSE(whole_record(longer));
  EXPECT_FALSE(whole_record(packed(array({value(1), value(2), value(3), array({})}))));
}

}  // namespace
}  // namespace logboom::wire::test
