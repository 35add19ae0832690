// Forwarded records: what one collector has in a block the other has in a block, whatever it is; ranges, gaps and what was withheld; hostile frames.
#include "wire_fixture.hpp"

#include "record/forward.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <numeric>
#include <optional>

namespace logboom::wire::test {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;

PublisherId id_of(int seed) {
  PublisherId id{};
  id.fill(static_cast<std::byte>(seed));
  return id;
}

std::vector<std::byte> frame_of(ForwardBuilder& builder, std::uint64_t number = 1) {
  std::vector<std::byte> frame;
  write_forward(test_publisher(), 40, 1, number, builder.finish(), frame);
  return frame;
}

/// All that the frame has.
std::vector<ForwardDecoder::Admitted> all_of(ForwardDecoder const& decoder) {
  std::vector<ForwardDecoder::Admitted> admitted;
  for (std::size_t i = 0; i < decoder.spans().size(); ++i)
    admitted.push_back({i, decoder.spans()[i].first, decoder.spans()[i].last});
  return admitted;
}

void expect_equal(Block const& left, std::size_t i, Block const& right, std::size_t j) {
  auto const& a = left.entries.at(i);
  auto const& b = right.entries.at(j);
  EXPECT_EQ(a.time, b.time);
  EXPECT_EQ(a.message, b.message);
  EXPECT_EQ(a.fields_json, b.fields_json);
  EXPECT_EQ(a.fields_msgpack, b.fields_msgpack);
  EXPECT_EQ(a.attributes_json, b.attributes_json);
  EXPECT_EQ(a.attributes_msgpack, b.attributes_msgpack);
  EXPECT_EQ(a.exception, b.exception);
  EXPECT_EQ(a.exception_type, b.exception_type);
  EXPECT_EQ(a.stack, b.stack);
  EXPECT_EQ(a.task, b.task);
  EXPECT_EQ(*left.sites.at(a.site), *right.sites.at(b.site));
}

/// The block there, made of what was forwarded of the block here.
struct Forwarded {
  explicit Forwarded(Block const& block) {
    ForwardBuilder builder;
    std::uint64_t number = 0;
    for (auto const& entry : block.entries) {
      ++number;
      builder.add(block, entry, {id_of(9), 3, number, number});
    }
    frame = frame_of(builder);
    decoder.open(frame);
    decoder.take(all_of(decoder), there);
  }
  std::vector<std::byte> frame;
  ForwardDecoder decoder;
  Block there;
};

Pack rich_fields() {
  return fields({{"nil", nil()},
                 {"yes", value(true)},
                 {"big", value(std::numeric_limits<std::uint64_t>::max())},
                 {"small", value(std::numeric_limits<std::int64_t>::min())},
                 {"one", value(1.0)},
                 {"tenth", value(0.1F)},
                 {"wide", value(16777216.0F)},
                 {"nan", value(std::numeric_limits<double>::quiet_NaN())},
                 {"text", text("grün \"x\"\n\x01")},
                 {"nul", text(std::string("a\0b", 3))},
                 {"broken", text("\xff\xed\xa0\x80")},
                 {"bin", bin("raw\x80")},
                 {"took", duration(1'500'000'000)},
                 {"when", timestamp(5, 1000)},
                 {"sign", character("é")},
                 {"at", pointer(0xabc)},
                 {"other", ext(77, "x\xfe")},
                 {"list", array({value(1), array({}), text("a")})},
                 {"map", map({{value(1), value(2)}, {text("k"), map({})}})}});
}

TEST(Forward, EveryKindOfContentArrivesAsItIsHere) {
  OneRecord const rich("{} of {n}", {text("part"), value(7), value(8)}, rich_fields(),
                       fields({{"exception", text("boom\n\xff")},
                               {"exception_type", text("E")},
                               {"stack", text("here")},
                               {"task", text("job")},
                               {"odd", array({value(1)})},
                               {"pid", text("no number")},
                               {"exception_count", value(3)},
                               {"level", value(35)},
                               {"template", text("%s of %d")},
                               {"types", fields({{"/fields/list", text("tuple")}})}}));
  Forwarded const forwarded(rich.block);
  ASSERT_EQ(forwarded.there.entries.size(), 1U);
  expect_equal(rich.block, 0, forwarded.there, 0);
  auto const& source = *forwarded.there.sources.at(forwarded.there.entries[0].source);
  auto expected = *rich.block.sources.at(rich.block.entries[0].source);
  expected.publisher = id_of(9);
  expected.stream = 3;
  EXPECT_EQ(source, expected);
  EXPECT_EQ(forwarded.there.entries[0].sequence, 1U);
}

TEST(Forward, DeepValuesAndManyFieldsArriveAsTheyAreHere) {
  Pack deep = value(1);
  for (int i = 0; i < 30; ++i) deep = array({deep});
  OneRecord const nested("", {}, fields({{"deep", deep}}));
  expect_equal(nested.block, 0, Forwarded(nested.block).there, 0);
  std::vector<std::pair<std::string, Pack>> many;
  for (int i = 0; i < 300; ++i) many.emplace_back("f" + std::to_string(i), value(i));
  OneRecord const crowded("", {}, fields(many));
  ASSERT_THAT(std::string(crowded.json()), HasSubstr("\"…\":"));
  expect_equal(crowded.block, 0, Forwarded(crowded.block).there, 0);
}

TEST(Forward, PlainRecordsArriveAsTheyAreHere) {
  Block block;
  for (std::string_view const record :
       {R"({"logger": "a", "level": "notice", "message": "ü", "x": [1, 2.50, null], "exception": "e", "host": "h", "pid": 5})",
        R"({"message": {"not": "text"}, "level": 35, "fields": {"y": 1e300}, "task": "t", "types": {"/fields/y": "float"}})",
        R"({})"}) {
    take_plain(as_bytes(record), Form::kPlainJson, 17, "peer", block);
  }
  Forwarded const forwarded(block);
  ASSERT_EQ(forwarded.there.entries.size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) expect_equal(block, i, forwarded.there, i);
}

TEST(Forward, AFrameTakesTheLongestRecordsAndSaysWhatIsCut) {
  Block block;
  auto const long_record = [&](std::string message, std::string field, std::string trace) {
    std::string const json =
        "{\"message\":\"" + message + "\",\"x\":\"" + field + "\",\"exception\":\"" + trace + "\"}";
    take_plain(as_bytes(json), Form::kPlainJson, 17, "peer", block);
  };
  long_record(std::string(500'000, 'm'), std::string(100'000, 'f'), "");
  long_record(std::string(900'000, 'm'), "f", "e");
  long_record("m", std::string(400'000, 'f'), std::string(500'000, 'e'));
  for (std::size_t i = 0; i < 3; ++i) {
    ForwardBuilder builder;
    builder.add(block, block.entries[i], {id_of(9), 3, 1, 1});
    auto const frame = frame_of(builder);
    EXPECT_LE(frame.size(), kMaxMessage);
    ForwardDecoder decoder;
    decoder.open(frame);
    Block there;
    decoder.take(all_of(decoder), there);
    auto const& entry = there.entries.at(0);
    if (i == 0) {
      expect_equal(block, 0, there, 0);
    } else if (i == 1) {
      EXPECT_THAT(std::string(entry.message), EndsWith(" bytes]"));
      EXPECT_GT(entry.message.size(), 600'000U);
    } else {
      EXPECT_THAT(std::string(entry.exception), EndsWith(" bytes]"));
      EXPECT_GT(entry.fields_json.size(), 400'000U);
    }
  }
}

/// Entries with the messages "1", "2" … of one stream.
std::unique_ptr<Block> numbered(std::uint64_t count) {
  auto block = std::make_unique<Block>();
  auto const site = std::make_shared<Site const>();
  auto const source = std::make_shared<Source const>(Source{id_of(1), "h", "p", 1, 2, 5, 6, "t"});
  for (std::uint64_t i = 1; i <= count; ++i) add_entry(*block, site, source, 100, i, std::to_string(i));
  return block;
}

std::vector<std::string> messages(Block const& block) {
  std::vector<std::string> list;
  for (auto const& entry : block.entries) list.emplace_back(entry.message);
  return list;
}

TEST(Forward, OnlyWhatIsAdmittedIsTaken) {
  auto const block = numbered(9);
  ForwardBuilder builder;
  for (auto const& entry : block->entries)
    builder.add(*block, entry, {id_of(1), 5, entry.sequence, entry.sequence});
  ASSERT_EQ(builder.parts().size(), 1U);
  EXPECT_EQ(builder.parts()[0].count, 9U);
  EXPECT_EQ(builder.records(), 9U);
  auto const frame = frame_of(builder, 17);
  ForwardDecoder decoder;
  decoder.open(frame);
  EXPECT_EQ(decoder.number(), 17U);
  EXPECT_EQ(decoder.stream(), 40U);
  EXPECT_EQ(decoder.forwarder().id, test_publisher().id);
  Block there;
  ForwardDecoder::Admitted const admitted[] = {{0, 2, 3}, {0, 7, 7}};
  decoder.take(admitted, there);
  EXPECT_THAT(messages(there), testing::ElementsAre("2", "3", "7"));
  ASSERT_EQ(there.spans.size(), 2U);
  EXPECT_EQ(there.spans[1].first, 7U);
}

TEST(Forward, WhatWasWithheldIsInTheSpansAndNothingElse) {
  auto const block = numbered(9);
  ForwardBuilder builder;
  builder.add(*block, block->entries[3], {id_of(1), 5, 1, 4});
  builder.add(*block, block->entries[5], {id_of(1), 5, 5, 6});
  builder.withhold({id_of(1), 5, 7, 9});
  builder.withhold({id_of(1), 5, 21, 29});
  auto const frame = frame_of(builder);
  ForwardDecoder decoder;
  decoder.open(frame);
  ASSERT_EQ(decoder.spans().size(), 2U);
  EXPECT_EQ(decoder.spans()[0].first, 1U);
  EXPECT_EQ(decoder.spans()[0].last, 9U);
  EXPECT_EQ(decoder.spans()[1].last, 29U);
  Block there;
  decoder.take(all_of(decoder), there);
  EXPECT_THAT(messages(there), testing::ElementsAre("4", "6"));
}

TEST(Forward, GapsKeepTheirPlaceAndTheirOrigin) {
  auto const block = numbered(2);
  auto const source = block->sources[0];
  add_gap(*block, source, {id_of(1), 5, 3, 12, 100, "spool full"});
  ForwardBuilder builder;
  builder.add(*block, block->entries[1], {id_of(1), 5, 2, 2});
  Gap gap = block->gaps[0];
  gap.found = true;
  builder.add_gap(source, gap, 3);
  EXPECT_EQ(builder.parts()[0].count, 11U);
  auto const frame = frame_of(builder);
  ForwardDecoder decoder;
  decoder.open(frame);
  Block there;
  ForwardDecoder::Admitted const admitted[] = {{0, 2, 5}, {0, 11, 12}};
  decoder.take(admitted, there);
  ASSERT_EQ(there.gaps.size(), 2U);
  EXPECT_EQ(there.gaps[0].first, 3U);
  EXPECT_EQ(there.gaps[0].last, 5U);
  EXPECT_EQ(there.gaps[1].first, 11U);
  EXPECT_TRUE(there.gaps[1].found);
  EXPECT_EQ(there.gaps[1].reason, "spool full");
  EXPECT_THAT(messages(there),
              testing::ElementsAre("2", "3 records lost: spool full", "2 records lost: spool full"));
}

TEST(Forward, ANumberIsTakenOnceWhateverTheFrameSays) {
  auto const block = numbered(3);
  ForwardBuilder builder;
  builder.withhold({id_of(1), 5, 1, 3});
  for (std::size_t const i : {0U, 0U, 2U, 1U, 2U})
    builder.add(*block, block->entries[i], {id_of(1), 6, i + 1, i + 1});
  auto frame = frame_of(builder);
  ForwardDecoder decoder;
  // The spans overlap: of one stream they may not.
  EXPECT_THROW(decoder.open(frame), FrameError);
}

TEST(Forward, AnEmptyFrameIsAFrame) {
  std::vector<std::byte> frame;
  write_forward(test_publisher(), 40, 3, 5, ForwardBuilder::nothing(), frame);
  ForwardDecoder decoder;
  decoder.open(frame);
  EXPECT_TRUE(decoder.spans().empty());
  EXPECT_EQ(decoder.base(), 3U);
  EXPECT_EQ(form_of(frame), Form::kForward);
}

// --- hostile

Pack forward(std::function<void(std::vector<Pack>&)> const& change) {
  Pack const publisher = array({bin(std::string(16, 'p')), text("h"), value(1), text("n"), value(2)});
  Pack const site = array({value(20), text("INFO"), text("a"), text(""), text(""), value(0), text("")});
  Pack const source = array(
      {bin(std::string(16, 's')), text("h"), text("p"), value(1), value(2), value(3), value(4), text("t")});
  Pack const span = array({bin(std::string(16, 's')), value(3), value(1), value(9)});
  Pack const record = array({value(0), value(0), value(4), value(5), text("m"), nil(), nil()});
  std::vector<Pack> parts{text("forward"), value(1),      publisher,       value(40),     value(1),
                          value(1),        array({site}), array({source}), array({span}), array({record})};
  change(parts);
  return array(parts);
}

std::string refusal(std::function<void(std::vector<Pack>&)> const& change) {
  auto const frame = packed(forward(change));
  ForwardDecoder decoder;
  try {
    decoder.open(frame);
  } catch (FrameError const& error) {
    EXPECT_TRUE(decoder.spans().empty());
    return error.what();
  }
  return "taken";
}

TEST(ForwardHostile, WhatIsWrongIsNamed) {
  EXPECT_EQ(refusal([](auto&) {}), "taken");
  EXPECT_EQ(refusal([](auto& parts) { parts.push_back(text("of a later version")); }), "taken");
  EXPECT_THAT(refusal([](auto& parts) { parts[0] = text("backward"); }), HasSubstr("neither a batch"));
  EXPECT_THAT(refusal([](auto& parts) { parts[1] = value(0); }), HasSubstr("forward frame is not"));
  EXPECT_THAT(refusal([](auto& parts) { parts.pop_back(); }), HasSubstr("forward frame is not"));
  EXPECT_THAT(refusal([](auto& parts) {
                parts[2] = array({bin(std::string(16, '\0')), text(""), value(1), text(""), value(1)});
              }),
              HasSubstr("it is zero"));
  EXPECT_THAT(refusal([](auto& parts) { parts[5] = value(0); }), HasSubstr("number is not at least 1"));
  EXPECT_THAT(refusal([](auto& parts) { parts[6] = array({}); }),
              HasSubstr("site is not in the frame's table"));
  EXPECT_THAT(refusal([](auto& parts) { parts[7] = array({}); }), HasSubstr("its table is empty"));
  EXPECT_THAT(refusal([](auto& parts) { parts[8] = array({}); }), HasSubstr("none of the frame's spans"));
  auto const span = [](std::uint64_t first, std::uint64_t last) {
    return array({bin(std::string(16, 's')), value(3), value(first), value(last)});
  };
  EXPECT_THAT(refusal([&](auto& parts) {
                parts[8] = array({span(1, 5), span(5, 9)});
              }),
              HasSubstr("overlap at 5"));
  EXPECT_THAT(refusal([&](auto& parts) { parts[8] = array({span(5, 4)}); }), HasSubstr("at least its first"));
  EXPECT_THAT(refusal([&](auto& parts) { parts[8] = array({span(0, 4)}); }), HasSubstr("at least 1"));
  auto const gap = [](std::uint64_t first, std::uint64_t last) {
    return array({array({value(0), nil(), value(first), value(5), value(last), text("r"), value(true)})});
  };
  EXPECT_EQ(refusal([&](auto& parts) { parts[9] = gap(1, 9); }), "taken");
  EXPECT_THAT(refusal([&](auto& parts) { parts[9] = gap(1, 10); }), HasSubstr("none of the frame's spans"));
  EXPECT_THAT(refusal([&](auto& parts) { parts[9] = gap(5, 4); }), HasSubstr("at least its first"));
}

TEST(ForwardHostile, ALaterVersionNamesItsForwarder) {
  auto const frame = packed(forward([](auto& parts) { parts[1] = value(2); }));
  ForwardDecoder decoder;
  try {
    decoder.open(frame);
    FAIL();
  } catch (VersionError const& error) {
    EXPECT_EQ(error.version(), 2U);
    EXPECT_EQ(error.publisher()[0], std::byte{'p'});
  }
}

TEST(ForwardHostile, ARecordThatRepeatsANumberIsTakenOnce) {
  auto const frame = packed(forward([](auto& parts) {
    auto const record = [](std::uint64_t number, char const* message) {
      return array({value(0), value(0), value(number), value(5), text(message), nil(), nil()});
    };
    auto const gap = array({value(0), nil(), value(2), value(5), value(9), text("r"), value(false)});
    parts[9] = array({record(4, "a"), record(4, "b"), record(3, "c"), gap, gap, record(9, "d")});
  }));
  ForwardDecoder decoder;
  decoder.open(frame);
  Block block;
  decoder.take(all_of(decoder), block);
  EXPECT_THAT(messages(block), testing::ElementsAre("a", "5 records lost: r"));
}

TEST(ForwardHostile, ACutFrameIsRefusedWhereverItIsCut) {
  auto const frame = packed(forward([](auto&) {}));
  ForwardDecoder decoder;
  for (std::size_t size = 0; size < frame.size(); ++size)
    EXPECT_THROW(decoder.open({frame.data(), size}), FrameError) << size;
}

}  // namespace
}  // namespace logboom::wire::test
