// The control channel's answers, without a socket.
#include "collector/control_server.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace logboom::collector {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;
using namespace delivery;

PublisherId id_of(int number) {
  PublisherId id{};
  id[0] = static_cast<std::byte>(number);
  return id;
}

wire::Publisher publisher(int number) { return {id_of(number), "host", 7, "worker", 1}; }

class ControlServerTest : public testing::Test {
 protected:
  void say(std::string const& route, Control const& message, std::int64_t now = 0) {
    server_.take(route, encode(message), last_id_, now);
  }
  void hello(std::string const& route, int number, std::vector<Hello::Stream> streams = {{0, 1, 1}},
             std::int64_t now = 0) {
    say(route, Hello{wire::kVersion, publisher(number), std::move(streams)}, now);
  }
  /// Records [first, last] arrive and are committed.
  void commit(int number, std::uint64_t stream, std::uint64_t first, std::uint64_t last) {
    ledger_.offer(id_of(number), stream, 1, first, last + 1, 0);
    Block block;
    block.progress.push_back({id_of(number), stream, last});
    ledger_.commit(block.progress);
    server_.committed(block);
  }
  template <class Kind>
  std::vector<Kind> take(std::string const& route) {
    std::vector<Kind> found;
    for (auto const& message : sent_[route]) {
      if (auto const* one = std::get_if<Kind>(&message)) found.push_back(*one);
    }
    sent_[route].clear();
    return found;
  }

  std::map<std::string, std::vector<Control>> sent_;
  std::map<std::string, ControlServer::Sent> outcome_;
  std::int64_t last_id_ = 17;
  std::int64_t wall_ = 1'000'000'000;
  ReceiverLedger ledger_;
  PublisherTable table_;
  OwnLog log_{"host", level::kDebug, {}, [] { return std::int64_t{1}; }};
  ControlServer server_{{42, "hub", 99, "/var/logs.sqlite", "info,etl=debug", ""},
                        ledger_,
                        table_,
                        log_,
                        [this](std::string const& route, std::span<std::byte const> frame) {
                          auto const outcome =
                              outcome_.contains(route) ? outcome_[route] : ControlServer::Sent::kDone;
                          if (outcome == ControlServer::Sent::kDone) sent_[route].push_back(decode(frame));
                          return outcome;
                        },
                        [this] { return wall_; }};
};

TEST_F(ControlServerTest, WelcomeHasEpochWindowLevelsAndTheStateOfEachStream) {
  commit(1, 3, 1, 10);
  hello("r", 1, {{3, 5, 12}, {4, 7, 9}});
  auto const welcomes = take<Welcome>("r");
  ASSERT_THAT(welcomes, SizeIs(1));
  EXPECT_EQ(welcomes[0].version, wire::kVersion);
  EXPECT_EQ(welcomes[0].epoch, 42U);
  EXPECT_EQ(welcomes[0].window, ControlServer::kLargestWindow);
  EXPECT_EQ(welcomes[0].levels, "info,etl=debug");
  EXPECT_THAT(welcomes[0].streams, ElementsAre(StreamState{3, 10, 11}, StreamState{4, 6, 7}));
}

TEST_F(ControlServerTest, AnotherVersionIsToldBothNumbers) {
  say("r", Hello{wire::kVersion + 1, publisher(1), {}});
  auto const errors = take<Error>("r");
  ASSERT_THAT(errors, SizeIs(1));
  EXPECT_THAT(errors[0].text, HasSubstr("version 2"));
  EXPECT_THAT(errors[0].text, HasSubstr("version 1"));
  EXPECT_EQ(table_.size(), 0U);
}

TEST_F(ControlServerTest, AnIdOfZerosIsRefused) {
  hello("r", 0);
  EXPECT_THAT(take<Error>("r"), SizeIs(1));
  EXPECT_EQ(table_.size(), 0U);
}

TEST_F(ControlServerTest, AcksGoOutOnceAfterTheCommitForTheStreamsThatChanged) {
  hello("r", 1, {{0, 1, 1}, {1, 1, 1}});
  server_.settle(0, 0);
  EXPECT_THAT(take<Ack>("r"), SizeIs(0));
  commit(1, 0, 1, 10);
  commit(1, 0, 11, 20);
  server_.settle(2, 2);
  auto const acks = take<Ack>("r");
  ASSERT_THAT(acks, SizeIs(1));
  EXPECT_EQ(acks[0].epoch, 42U);
  EXPECT_THAT(acks[0].streams, ElementsAre(StreamState{0, 20, 21}));
  server_.settle(2, 2);
  EXPECT_THAT(take<Ack>("r"), SizeIs(0));
}

TEST_F(ControlServerTest, AnAnswerThatFindsNoRoomIsGivenLater) {
  hello("r", 1);
  outcome_["r"] = ControlServer::Sent::kBusy;
  commit(1, 0, 1, 10);
  server_.settle(1, 1);
  EXPECT_TRUE(server_.owes());
  outcome_["r"] = ControlServer::Sent::kDone;
  server_.settle(1, 1);
  EXPECT_FALSE(server_.owes());
  EXPECT_THAT(take<Ack>("r"), SizeIs(1));
}

TEST_F(ControlServerTest, AnswersGoWhereTheLastHelloCameFrom) {
  hello("old", 1);
  hello("new", 1);
  commit(1, 0, 1, 1);
  server_.settle(1, 1);
  EXPECT_THAT(take<Ack>("old"), SizeIs(0));
  EXPECT_THAT(take<Ack>("new"), SizeIs(1));
  EXPECT_EQ(table_.size(), 1U);
}

TEST_F(ControlServerTest, AsksToSendAgain) {
  hello("r", 1);
  table_.owe_resend(id_of(1), 0, 5);
  server_.settle(0, 0);
  auto const resends = take<Resend>("r");
  ASSERT_THAT(resends, SizeIs(1));
  EXPECT_THAT(resends[0].expected, ElementsAre(std::pair<std::uint64_t, std::uint64_t>{0, 5}));
}

TEST_F(ControlServerTest, FlushIsAnsweredWhenAllReceivedBeforeIsCommitted) {
  say("r", Flush{7});
  EXPECT_TRUE(server_.wants_commit());
  server_.settle(3, 2);
  EXPECT_THAT(take<Flushed>("r"), SizeIs(0));
  server_.settle(9, 3);  // what came later is not waited for
  auto const answers = take<Flushed>("r");
  ASSERT_THAT(answers, SizeIs(1));
  EXPECT_EQ(answers[0].token, 7U);
}

TEST_F(ControlServerTest, FlushWithNothingPendingIsAnsweredAtOnce) {
  say("r", Flush{1});
  server_.settle(3, 3);
  EXPECT_THAT(take<Flushed>("r"), SizeIs(1));
}

TEST_F(ControlServerTest, WhoDoesNotReadItsAnswersDoesNotTakeTheRoomOfOthers) {
  outcome_["deaf"] = ControlServer::Sent::kBusy;
  for (std::uint64_t i = 0; i < ControlServer::kMaxFlushes; ++i) say("deaf", Flush{i});
  server_.settle(1, 1);
  say("r", Flush{7});
  server_.settle(1, 1);
  EXPECT_THAT(take<Flushed>("r"), SizeIs(1));
}

TEST_F(ControlServerTest, FlushesAreBounded) {
  for (std::uint64_t i = 0; i < ControlServer::kMaxFlushes + 100; ++i) say("r", Flush{i});
  server_.settle(1, 1);
  EXPECT_THAT(take<Flushed>("r"), SizeIs(ControlServer::kMaxFlushes));
}

TEST_F(ControlServerTest, ByeIsAnsweredWhenEverythingIsCommitted) {
  hello("r", 1, {{0, 1, 11}, {5, 1, 1}});
  say("r", Bye{id_of(1), {{0, 10}, {5, 0}}});
  server_.settle(0, 0);
  EXPECT_THAT(take<Bye>("r"), SizeIs(0));
  commit(1, 0, 1, 10);
  server_.settle(1, 1);
  auto const byes = take<Bye>("r");
  ASSERT_THAT(byes, SizeIs(1));
  EXPECT_EQ(byes[0].id, id_of(1));
  EXPECT_EQ(table_.size(), 0U);
}

TEST_F(ControlServerTest, AByeRepeatedBecauseItsAnswerWasLostIsAnsweredAgain) {
  commit(1, 0, 1, 10);
  say("r", Bye{id_of(1), {{0, 10}}});
  EXPECT_THAT(take<Bye>("r"), SizeIs(1));
  EXPECT_EQ(table_.size(), 0U);
}

TEST_F(ControlServerTest, AByeToANewCollectorIsAnsweredOnceItsRecordsAreIn) {
  say("r", Bye{id_of(1), {{0, 10}}});
  server_.settle(0, 0);
  EXPECT_THAT(take<Bye>("r"), SizeIs(0));
  commit(1, 0, 1, 10);
  server_.settle(1, 1);
  EXPECT_THAT(take<Bye>("r"), SizeIs(1));
}

TEST_F(ControlServerTest, WhileWaitingWindowsAreZeroAndThoseToldSoHearOfItsEnd) {
  hello("before", 1);
  take<Welcome>("before");
  server_.set_waiting(true);
  hello("during", 2);
  EXPECT_EQ(take<Welcome>("during").at(0).window, 0U);
  server_.set_waiting(false);
  server_.settle(0, 0);
  auto const acks = take<Ack>("during");
  ASSERT_THAT(acks, SizeIs(1));
  EXPECT_GT(acks[0].window, 0U);
  EXPECT_THAT(take<Ack>("before"), SizeIs(0)) << "was never told to wait";
}

TEST_F(ControlServerTest, EverybodyCanBeToldToWaitAtOnce) {
  hello("a", 1);
  hello("b", 2);
  server_.set_waiting(true);
  server_.tell_window();
  EXPECT_EQ(take<Ack>("a").at(0).window, 0U);
  EXPECT_EQ(take<Ack>("b").at(0).window, 0U);
}

TEST_F(ControlServerTest, TheWindowIsSharedOut) {
  for (int i = 1; i <= 100; ++i) hello("r", i);
  auto const welcomes = take<Welcome>("r");
  EXPECT_EQ(welcomes.front().window, ControlServer::kLargestWindow);
  EXPECT_LE(welcomes.back().window * 100, ControlServer::kWindowBudget + 100 * ControlServer::kSmallestWindow);
  EXPECT_GE(welcomes.back().window, ControlServer::kSmallestWindow);
}

// Who came when there were few, and has nothing to be acked, would go on with what was told then: of hundreds that begin to log at once many times what there is room for.
TEST_F(ControlServerTest, WhoCameFirstHearsThatTheyAreManyNow) {
  hello("1", 1);
  auto heard = take<Welcome>("1").at(0).window;
  auto const alone = heard;
  int told = 0;
  for (int i = 2; i <= 100; ++i) {
    hello(std::to_string(i), i);
    server_.settle(0, 0);
    for (auto const& ack : take<Ack>("1")) {
      EXPECT_THAT(ack.streams, testing::IsEmpty());
      heard = ack.window;
      ++told;
    }
    EXPECT_LE(heard, take<Welcome>(std::to_string(i)).at(0).window * 3 / 2);
  }
  EXPECT_LT(heard, alone / 20);
  EXPECT_LT(told, 12) << "not with each that comes";
}

// A collector that runs for months would have a crowd of those that died before it.
TEST_F(ControlServerTest, TheWindowIsSharedAmongThosePresentOnly) {
  for (int i = 1; i <= 100; ++i) hello("dead", i);
  outcome_["dead"] = ControlServer::Sent::kGone;
  server_.probe(ControlServer::kSilence);
  EXPECT_EQ(table_.size(), 100U);
  EXPECT_EQ(table_.connected(), 0U);
  hello("r", 101);
  EXPECT_EQ(take<Welcome>("r").at(0).window, ControlServer::kLargestWindow);
  table_.remove(id_of(101));
  EXPECT_EQ(table_.connected(), 0U);
}

TEST_F(ControlServerTest, APublisherThatIsGoneIsFoundOutAndStaysOnTheListUntilItsBye) {
  hello("r", 1);
  outcome_["r"] = ControlServer::Sent::kGone;
  server_.probe(ControlServer::kSilence - 1);
  EXPECT_EQ(table_.connected(), 1U) << "not silent long enough to be asked";
  server_.probe(ControlServer::kSilence);
  EXPECT_EQ(table_.connected(), 0U);
  EXPECT_EQ(table_.size(), 1U);
  say("adopter", Bye{id_of(1), {}});
  server_.settle(0, 0);
  EXPECT_THAT(take<Bye>("adopter"), SizeIs(1));
  EXPECT_EQ(table_.size(), 0U);
}

TEST_F(ControlServerTest, InfoTellsAnybodyWhatThereIsToKnow) {
  say("r", InfoRequest{});
  auto const answers = take<Info>("r");
  ASSERT_THAT(answers, SizeIs(1));
  EXPECT_EQ(answers[0].epoch, 42U);
  EXPECT_EQ(answers[0].host, "hub");
  EXPECT_EQ(answers[0].pid, 99U);
  EXPECT_EQ(answers[0].database, "/var/logs.sqlite");
  EXPECT_EQ(answers[0].last_id, 17);
}

TEST_F(ControlServerTest, BadMessagesAreCountedAndAnsweredByNobody) {
  std::vector<std::byte> const garbage(100, std::byte{0xff});
  server_.take("r", garbage, 0, 0);
  server_.take("r", {}, 0, 0);
  say("r", Welcome{});  // only collectors say that
  say("r", Bye{id_of(1), std::vector<std::pair<std::uint64_t, std::uint64_t>>(wire::kMaxStreams + 1)});
  EXPECT_EQ(server_.bad_frames(), 4U);
  EXPECT_THAT(sent_["r"], SizeIs(0));
  EXPECT_EQ(table_.size(), 0U);
}

TEST_F(ControlServerTest, TheTableIsBoundedAndForgetsTheLongestSilentFirst) {
  PublisherTable table(3);
  for (int i = 1; i <= 3; ++i) table.reach(table.enter(publisher(i), i), "r");
  table.lose(*table.find(id_of(2)));
  table.reach(table.enter(publisher(4), 4), "r");
  EXPECT_EQ(table.size(), 3U);
  EXPECT_EQ(table.find(id_of(2)), nullptr) << "gone ones make room first";
  table.reach(table.enter(publisher(5), 5), "r");
  EXPECT_EQ(table.find(id_of(1)), nullptr);
  EXPECT_NE(table.find(id_of(3)), nullptr);
}

TEST_F(ControlServerTest, NamesInTheTableAreCut) {
  auto who = publisher(1);
  who.process = std::string(60'000, 'x');
  EXPECT_EQ(table_.enter(who, 0).who.process.size(), PublisherTable::kMaxName);
}

TEST_F(ControlServerTest, APublisherIsListedOnceHoweverOftenItSaysHello) {
  for (int i = 0; i < 100; ++i) {
    hello("r", 1);
    table_.owe_ack(id_of(1), 0);
    table_.owe_resend(id_of(1), 0, 1);
  }
  EXPECT_THAT(table_.take_owed(), SizeIs(1));
  table_.owe_ack(id_of(1), 0);
  EXPECT_THAT(table_.take_owed(), SizeIs(1)) << "and again once it was taken";
}

TEST_F(ControlServerTest, WhatIsOwedIsBounded) {
  hello("r", 1);
  for (std::uint64_t stream = 0; stream < 3 * PublisherTable::kMaxOwed; ++stream) {
    table_.owe_ack(id_of(1), stream);
    table_.owe_resend(id_of(1), stream, 1);
  }
  EXPECT_LE(table_.find(id_of(1))->acks_owed.size(), PublisherTable::kMaxOwed);
  EXPECT_LE(table_.find(id_of(1))->resends_owed.size(), PublisherTable::kMaxOwed);
}

// --- level rules on the fly

ChangeRules set_rules(std::string rules, std::string process = "", std::uint64_t seconds = 0) {
  ChangeRules change;
  change.set = true;
  change.rules = std::move(rules);
  change.process = std::move(process);
  change.seconds = seconds;
  return change;
}

TEST_F(ControlServerTest, RulesReachWhoIsThereAndWhoComes) {
  hello("r", 1);
  take<Welcome>("r");
  say("asker", set_rules("net=off"));
  EXPECT_EQ(take<Levels>("r").at(0).rules, "info,etl=debug,net=off");
  auto const state = take<Rules>("asker").at(0);
  EXPECT_EQ(state.changed, 1U);
  EXPECT_EQ(state.publishers, 1U);
  EXPECT_EQ(state.base, "info,etl=debug");
  EXPECT_THAT(state.not_kept, HasSubstr("no place"));
  ASSERT_THAT(state.rules, SizeIs(1));
  EXPECT_EQ(state.rules[0].followers, 1U);
  hello("late", 2);
  EXPECT_EQ(take<Welcome>("late").at(0).levels, "info,etl=debug,net=off");
  server_.settle(0, 0);
  EXPECT_THAT(take<Levels>("r"), SizeIs(0)) << "it knows";
}

TEST_F(ControlServerTest, OnlyThoseInTheScopeHearOfRules) {
  hello("r", 1);
  say("asker", set_rules("debug", "other-*"));
  EXPECT_THAT(take<Levels>("r"), SizeIs(0));
  EXPECT_EQ(take<Rules>("asker").at(0).rules.at(0).followers, 0U);
  say("asker", set_rules("debug", "work*"));
  EXPECT_EQ(take<Levels>("r").at(0).rules, "debug");
}

TEST_F(ControlServerTest, RulesEndWhenTheirTimeIsOver) {
  hello("r", 1);
  say("asker", set_rules("net=off", "", 10));
  take<Levels>("r");
  wall_ += 9'999'999'999;
  server_.settle(0, 0);
  EXPECT_THAT(take<Levels>("r"), SizeIs(0));
  wall_ += 1;
  server_.settle(0, 0);
  EXPECT_EQ(take<Levels>("r").at(0).rules, "info,etl=debug");
}

TEST_F(ControlServerTest, WhoHasNoRoomHearsOfRulesLater) {
  hello("r", 1);
  outcome_["r"] = ControlServer::Sent::kBusy;
  say("asker", set_rules("net=off"));
  EXPECT_EQ(take<Rules>("asker").at(0).rules.at(0).followers, 0U);
  server_.settle(0, 0);
  EXPECT_TRUE(server_.owes());
  outcome_["r"] = ControlServer::Sent::kDone;
  server_.settle(0, 0);
  EXPECT_FALSE(server_.owes());
  EXPECT_EQ(take<Levels>("r").at(0).rules, "info,etl=debug,net=off");
  say("asker", ChangeRules{});
  EXPECT_EQ(take<Rules>("asker").at(0).rules.at(0).followers, 1U);
}

TEST_F(ControlServerTest, RulesThatCannotBeReadChangeNothing) {
  hello("r", 1);
  say("asker", set_rules("net=loud"));
  EXPECT_THAT(take<Error>("asker").at(0).text, HasSubstr("net=loud"));
  EXPECT_THAT(take<Levels>("r"), SizeIs(0));
}

TEST_F(ControlServerTest, TheCollectorsOwnRulesMayChangeUnderThem) {
  hello("r", 1);
  say("asker", set_rules("net=off"));
  take<Levels>("r");
  server_.set_levels("error");
  server_.settle(0, 0);
  EXPECT_EQ(take<Levels>("r").at(0).rules, "error,net=off");
}

// --- status

TEST_F(ControlServerTest, StatusHasPublishersAndWhatTheySaid) {
  hello("r", 1);
  hello("q", 2);
  table_.count(id_of(1), 100, 3);
  say("r", Report{id_of(1), {7, 700, 1 << 20, 2, "spool: full"}});
  say("q", Report{id_of(1), {1, 1, 1, 1, "forged"}});
  say("asker", AskStatus{10, true, {}});
  auto const status = take<Status>("asker").at(0);
  EXPECT_EQ(status.epoch, 42U);
  EXPECT_EQ(status.host, "hub");
  EXPECT_EQ(status.publishers_known, 2U);
  EXPECT_EQ(status.publishers_connected, 2U);
  EXPECT_EQ(status.unacked, 7U);
  ASSERT_THAT(status.publishers, SizeIs(2));
  auto const& one = status.publishers[0];
  EXPECT_EQ(one.id, id_of(1));
  EXPECT_EQ(one.received, 100U);
  EXPECT_EQ(one.gaps, 3U);
  EXPECT_EQ(one.reported, wall_);
  EXPECT_EQ(one.report, (PublisherReport{7, 700, 1 << 20, 2, "spool: full"}));
  EXPECT_EQ(status.publishers[1].reported, 0);
}

TEST_F(ControlServerTest, AStatusOfManyPublishersFitsIntoAMessageAndGoesOnWithTheNextPage) {
  constexpr int kMany = 1'000;
  for (int i = 1; i <= kMany; ++i) {
    wire::Publisher who{{}, std::string(255, 'h'), 1, std::string(255, '\xff'), INT64_MAX};
    who.id[0] = static_cast<std::byte>(i / 256);
    who.id[1] = static_cast<std::byte>(i % 256);
    auto& publisher = table_.enter(who, 0);
    table_.reach(publisher, "r");
    publisher.report = {UINT64_MAX / kMany, UINT64_MAX, 1, UINT64_MAX, std::string(255, 'p')};
    publisher.received = static_cast<std::uint64_t>(i);
  }
  std::size_t seen = 0;
  AskStatus question{kMany, true, {}};
  for (;;) {
    say("asker", question);
    auto const page = take<Status>("asker").at(0);
    ASSERT_FALSE(page.publishers.empty());
    seen += page.publishers.size();
    EXPECT_EQ(page.publishers_known, 1'000U);
    ASSERT_EQ(seen + page.not_listed, 1'000U);
    EXPECT_LE(encode(page).size(), wire::kMaxControl);
    question.after = page.publishers.back().id;
    if (page.not_listed == 0) break;
  }
  EXPECT_EQ(seen, 1'000U);
  say("asker", AskStatus{3, false, {}});
  auto const top = take<Status>("asker").at(0);
  ASSERT_THAT(top.publishers, SizeIs(3));
  EXPECT_EQ(top.publishers[0].received, 1'000U) << "the one with the most first";
  EXPECT_EQ(top.not_listed, 997U);
}

TEST_F(ControlServerTest, PublishersAreToldHowOftenToReport) {
  hello("r", 1);
  EXPECT_EQ(take<Welcome>("r").at(0).report_every, ControlServer::kReportEvery);
}

}  // namespace
}  // namespace logboom::collector
