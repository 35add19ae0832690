// Control messages: every kind survives the way there and back, and whatever else arrives is refused with a reason, in bounded work.
#include "delivery/control.hpp"

#include <gmock/gmock.h>
#include <msgpack.hpp>

#include <cstring>
#include <random>

namespace logboom::delivery {
namespace {

using testing::HasSubstr;

PublisherId id_of(int seed) {
  PublisherId id{};
  id.fill(static_cast<std::byte>(seed));
  return id;
}

template <class Message>
Message round_trip(Message const& message) {
  return std::get<Message>(decode(encode(message)));
}

template <class Pack>
std::vector<std::byte> packed(Pack const& pack) {
  msgpack::sbuffer buffer;
  msgpack::packer<msgpack::sbuffer> packer(buffer);
  pack(packer);
  auto const* data = reinterpret_cast<std::byte const*>(buffer.data());
  return {data, data + buffer.size()};
}

std::string refusal(std::vector<std::byte> const& frame) {
  try {
    decode(frame);
  } catch (wire::FrameError const& error) {
    return error.what();
  }
  return "accepted";
}

TEST(Control, HelloRoundTrip) {
  Hello hello;
  hello.publisher = {id_of(7), "host", 42, "worker", 1'700'000'000'000'000'000};
  hello.streams = {{0, 1, 5}, {3, 1ULL << 40U, 1ULL << 41U}};
  auto const back = round_trip(hello);
  EXPECT_EQ(back.version, wire::kVersion);
  EXPECT_EQ(back.publisher.id, hello.publisher.id);
  EXPECT_EQ(back.publisher.host, "host");
  EXPECT_EQ(back.publisher.pid, 42U);
  EXPECT_EQ(back.publisher.process, "worker");
  EXPECT_EQ(back.publisher.started, hello.publisher.started);
  ASSERT_EQ(back.streams.size(), 2U);
  EXPECT_EQ(back.streams[1].stream, 3U);
  EXPECT_EQ(back.streams[1].base, 1ULL << 40U);
  EXPECT_EQ(back.streams[1].next, 1ULL << 41U);
}

TEST(Control, EveryOtherKindRoundTrips) {
  EXPECT_EQ(round_trip(Flush{9}).token, 9U);
  auto const bye = round_trip(Bye{id_of(1), {{2, 30}, {4, 0}}});
  EXPECT_EQ(bye.id, id_of(1));
  EXPECT_THAT(bye.last, testing::ElementsAre(std::pair(2U, 30U), std::pair(4U, 0U)));
  EXPECT_TRUE(std::holds_alternative<InfoRequest>(decode(encode(InfoRequest{}))));
  Welcome welcome;
  welcome.epoch = UINT64_MAX;
  welcome.window = 1 << 20;
  welcome.levels = "info,db=debug";
  welcome.streams = {{1, 10, 12}};
  auto const back = round_trip(welcome);
  EXPECT_EQ(back.epoch, UINT64_MAX);
  EXPECT_EQ(back.window, 1U << 20U);
  EXPECT_EQ(back.levels, "info,db=debug");
  EXPECT_EQ(back.streams, welcome.streams);
  auto const ack = round_trip(Ack{3, 0, {{0, 1, 2}}});
  EXPECT_EQ(ack.epoch, 3U);
  EXPECT_EQ(ack.streams, (std::vector<StreamState>{{0, 1, 2}}));
  EXPECT_THAT(round_trip(Resend{3, {{1, 2}}}).expected, testing::ElementsAre(std::pair(1U, 2U)));
  EXPECT_EQ(round_trip(Levels{"off"}).rules, "off");
  EXPECT_EQ(round_trip(Flushed{77}).token, 77U);
  EXPECT_EQ(round_trip(Error{"no"}).text, "no");
  Info info;
  info.epoch = 5;
  info.host = "h";
  info.pid = 6;
  info.database = "/x/logs.sqlite";
  info.last_id = -1;
  auto const told = round_trip(info);
  EXPECT_EQ(told.epoch, 5U);
  EXPECT_EQ(told.host, "h");
  EXPECT_EQ(told.pid, 6U);
  EXPECT_EQ(told.database, "/x/logs.sqlite");
  EXPECT_EQ(told.last_id, -1);
}

TEST(Control, QuestionsToACollectorAndTheirAnswersRoundTrip) {
  ChangeRules change{true, false, "info,db=debug", "worker-*", "h?", 600};
  auto const wanted = round_trip(change);
  EXPECT_TRUE(wanted.set);
  EXPECT_FALSE(wanted.reset);
  EXPECT_EQ(wanted.rules, change.rules);
  EXPECT_EQ(wanted.process, change.process);
  EXPECT_EQ(wanted.host, change.host);
  EXPECT_EQ(wanted.seconds, 600U);
  Rules rules{2, 3, 1, "info", "disk full", {{"db", -7, "p", "h", 1, INT64_MAX, UINT64_MAX}}};
  auto const in_force = round_trip(rules);
  EXPECT_EQ(in_force.changed, 2U);
  EXPECT_EQ(in_force.not_kept, "disk full");
  ASSERT_EQ(in_force.rules.size(), 1U);
  EXPECT_EQ(in_force.rules[0].level, -7);
  EXPECT_EQ(in_force.rules[0].until, INT64_MAX);
  EXPECT_EQ(in_force.rules[0].followers, UINT64_MAX);
  auto const asked = round_trip(AskStatus{7, true, id_of(3)});
  EXPECT_EQ(asked.most, 7U);
  EXPECT_TRUE(asked.all);
  EXPECT_EQ(asked.after, id_of(3));
  auto const report = round_trip(Report{id_of(4), {1, 2, 3, 4, "none"}});
  EXPECT_EQ(round_trip(Missed{12}).records, 12U);
  EXPECT_EQ(report.id, id_of(4));
  EXPECT_EQ(report.report, (PublisherReport{1, 2, 3, 4, "none"}));
  Status status;
  status.endpoints = {"ipc:///a", "tcp://b:1"};
  status.rate = 0.5;
  status.doors_shut = true;
  status.store.trouble = "full";
  status.sinks.resize(1);
  status.sinks[0].name = "app.log";
  status.publishers.resize(2);
  status.publishers[1].report.unacked = 9;
  auto const told = round_trip(status);
  EXPECT_EQ(told.endpoints, status.endpoints);
  EXPECT_EQ(told.rate, 0.5);
  EXPECT_TRUE(told.doors_shut);
  EXPECT_EQ(told.store.trouble, "full");
  EXPECT_EQ(told.sinks.at(0).name, "app.log");
  EXPECT_EQ(told.publishers.at(1).report.unacked, 9U);
}

TEST(Control, EntriesOfALaterVersionAreIgnoredAndThoseOfAnEarlierOneMayBeMissing) {
  auto const question = packed([](auto& p) {
    p.pack_array(2).pack("ask-status").pack_map(2).pack("most").pack(5).pack("colour").pack("red");
  });
  EXPECT_EQ(std::get<AskStatus>(decode(question)).most, 5U);
  EXPECT_FALSE(std::get<AskStatus>(decode(question)).all);
  auto const welcome =
      packed([](auto& p) { p.pack_array(6).pack("welcome").pack(1).pack(2).pack(3).pack("").pack_array(0); });
  EXPECT_EQ(std::get<Welcome>(decode(welcome)).report_every, 0U);
  EXPECT_EQ(round_trip(Welcome{1, 2, 3, "", {}, 1, 1'000}).report_every, 1'000U);
  auto const wrong =
      packed([](auto& p) { p.pack_array(2).pack("ask-status").pack_map(1).pack("most").pack("5"); });
  EXPECT_THAT(refusal(wrong), HasSubstr("'most' is not an unsigned integer"));
  EXPECT_THAT(refusal(packed([](auto& p) { p.pack_array(2).pack("rules").pack(1); })),
              HasSubstr("not a map"));
}

TEST(Control, AFullHelloFitsIntoAMessage) {
  Hello hello;
  hello.publisher = {id_of(7), std::string(255, 'h'), 1ULL << 60U, std::string(255, 'p'), INT64_MAX};
  for (std::uint64_t s = 0; s < wire::kMaxStreams; ++s)
    hello.streams.push_back({UINT64_MAX - s, UINT64_MAX, UINT64_MAX});
  auto const frame = encode(hello);
  EXPECT_LE(frame.size(), wire::kMaxControl);
  EXPECT_EQ(std::get<Hello>(decode(frame)).streams.size(), wire::kMaxStreams);
}

TEST(Control, MoreElementsAndUnknownKindsAreLetThrough) {
  auto const longer =
      packed([](auto& p) { p.pack_array(3).pack("flush").pack(4).pack("from a later version"); });
  EXPECT_EQ(std::get<Flush>(decode(longer)).token, 4U);
  auto const unknown = packed([](auto& p) { p.pack_array(1).pack("sing"); });
  EXPECT_EQ(std::get<Unknown>(decode(unknown)).kind, "sing");
  auto const future = packed([](auto& p) { p.pack_array(3).pack("hello").pack(2).pack_nil(); });
  EXPECT_EQ(std::get<Hello>(decode(future)).version, 2U);
}

TEST(Control, RefusalsSayWhat) {
  EXPECT_THAT(refusal({}), HasSubstr("not valid msgpack"));
  EXPECT_THAT(refusal(packed([](auto& p) { p.pack(1); })), HasSubstr("not a msgpack array"));
  EXPECT_THAT(refusal(packed([](auto& p) { p.pack_array(1).pack(1); })), HasSubstr("the kind is not a str"));
  EXPECT_EQ(refusal(packed([](auto& p) { p.pack_array(1).pack("flush"); })),
            "control message 'flush': 'token' is missing");
  EXPECT_EQ(refusal(packed([](auto& p) { p.pack_array(2).pack("flush").pack(-1); })),
            "control message 'flush': 'token' is not an unsigned integer");
  EXPECT_EQ(refusal(packed([](auto& p) { p.pack_array(2).pack("bye").pack("short"); })),
            "control message 'bye': 'id' is not a bin of 16 bytes");
  EXPECT_THAT(refusal(packed([](auto& p) {
                p.pack_array(4).pack("ack").pack(1).pack(1).pack_array(1).pack_array(2).pack(1).pack(1);
              })),
              HasSubstr("is not an array of 3"));
  auto trailing = encode(Flush{1});
  trailing.push_back(std::byte{0});
  EXPECT_THAT(refusal(trailing), HasSubstr("bytes follow"));
  EXPECT_THAT(refusal(std::vector<std::byte>(wire::kMaxControl + 1)), HasSubstr("at most 65536"));
}

TEST(Control, ClaimsOfHugeOrDeepThingsCostNothing) {
  for (unsigned const head : {0xddU, 0xdfU, 0xdbU, 0xc6U}) {  // array 32, map 32, str 32, bin 32, each of 4 Gi
    EXPECT_THAT(refusal({std::byte(head), std::byte{0xff}, std::byte{0xff}, std::byte{0xff}, std::byte{0xff}}),
                HasSubstr("not valid msgpack"));
  }
  EXPECT_THAT(refusal(std::vector<std::byte>(60'000, std::byte{0x91})), HasSubstr("not valid msgpack"));
}

TEST(Control, MutatedMessagesNeverDoAnythingButDecodeOrThrow) {
  auto const seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  std::vector<std::vector<std::byte>> const seeds = {
      encode(Hello{wire::kVersion, {id_of(1), "h", 1, "p", 1}, {{0, 1, 2}}}),
      encode(Welcome{wire::kVersion, 1, 2, "info", {{0, 1, 2}}}), encode(Bye{id_of(2), {{0, 1}}}),
      encode(Info{1, 2, "h", 3, "d", 4}), encode(Resend{1, {{1, 1}}})};
  for (int round = 0; round < 50'000; ++round) {
    auto frame = seeds[random() % seeds.size()];
    for (unsigned n = random() % 4; n > 0 && !frame.empty(); --n) {
      auto const at = random() % frame.size();
      switch (random() % 3) {
        case 0: frame[at] = static_cast<std::byte>(random()); break;
        case 1: frame.resize(at); break;
        default:
          frame.insert(frame.begin() + static_cast<std::ptrdiff_t>(at), static_cast<std::byte>(random()));
      }
    }
    try {
      decode(frame);
    } catch (wire::FrameError const&) {
    }
  }
}

}  // namespace
}  // namespace logboom::delivery
