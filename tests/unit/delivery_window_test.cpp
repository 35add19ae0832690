// The sender's window, statement by statement: when to say hello, what may be sent, when to go back and how far, and when to leave things alone.
#include "delivery/sender_window.hpp"

#include <gmock/gmock.h>

namespace logboom::delivery {
namespace {

constexpr std::uint64_t kWindow = 1 << 20;
constexpr std::uint64_t kEpoch = 77;

class Window : public testing::Test {
 protected:
  Window() {
    EXPECT_TRUE(window.open_stream(0, 1));
    EXPECT_TRUE(window.open_stream(1, 1));
  }

  void welcome(std::vector<StreamState> states, std::uint64_t bytes = kWindow, std::uint64_t epoch = kEpoch) {
    Welcome message;
    message.epoch = epoch;
    message.window = bytes;
    message.streams = std::move(states);
    window.welcome(message, now);
  }
  void ack(std::vector<StreamState> states, std::uint64_t bytes = kWindow) {
    window.ack({kEpoch, bytes, std::move(states)}, now);
  }
  void resend(std::uint64_t stream, std::uint64_t from) { window.resend({kEpoch, {{stream, from}}}, now); }
  void send(std::uint64_t stream, std::uint64_t records, std::size_t bytes = 1000) {
    auto const first = window.cursor(stream);
    SenderWindow::Range const range[] = {{stream, first, first + records}};
    window.sent(range, bytes, now);
  }
  void start() {
    window.connected(now);
    window.said_hello(now);
    welcome({{0, 0, 1}, {1, 0, 1}});
    now += SenderWindow::kGrace;
  }
  /// The next hello that a stall brings about.
  void stall() {
    for (int i = 0; i < 20'000 && !window.hello_due(now); ++i) ++now;
    ASSERT_TRUE(window.hello_due(now));
    window.said_hello(now);
  }

  SenderWindow window;
  std::int64_t now = 1000;
};

TEST_F(Window, SaysHelloOnConnectionAndUntilAWelcomeComes) {
  EXPECT_FALSE(window.hello_due(now));
  window.connected(now);
  EXPECT_TRUE(window.hello_due(now));
  window.said_hello(now);
  EXPECT_FALSE(window.hello_due(now + SenderWindow::kHelloEvery - 1));
  EXPECT_TRUE(window.hello_due(now + SenderWindow::kHelloEvery));
  EXPECT_FALSE(window.may_send());
  welcome({{0, 0, 1}});
  EXPECT_FALSE(window.hello_due(now + 100'000));
  EXPECT_TRUE(window.may_send());
}

// Found by simulation: a collector that had forgotten where the streams began never answered.
TEST_F(Window, AByeWithoutAnAnswerIsRepeatedAfterAHello) {
  start();
  EXPECT_TRUE(window.bye_due(now));
  window.said_bye(now);
  EXPECT_FALSE(window.hello_due(now + SenderWindow::kHelloEvery - 1));
  EXPECT_TRUE(window.hello_due(now + SenderWindow::kHelloEvery));
  EXPECT_TRUE(window.bye_due(now + SenderWindow::kHelloEvery));
  window.bye_answered();
  EXPECT_FALSE(window.hello_due(now + 100'000))
      << "or the collector would take it for one that has come back";
}

// Found by simulation: what a dead publisher had sent arrives late, while who speaks for it waits to send the same.
TEST_F(Window, WhatIsCommittedBeforeItIsSentIsNotWaitedFor) {
  start();
  ack({{0, 5, 6}});
  SenderWindow::Range const range[] = {{0, 1, 6}};
  window.sent(range, 1000, now);
  EXPECT_TRUE(window.outdated(range));
  EXPECT_TRUE(window.settled());
  EXPECT_EQ(window.in_flight_bytes(), 0U);
  ASSERT_TRUE(window.close_stream(0));
  EXPECT_TRUE(window.outdated(range));
}

TEST_F(Window, UnansweredHellosBecomeRarer) {
  window.connected(now);
  window.said_hello(now);
  window.said_hello(now);
  EXPECT_FALSE(window.hello_due(now + 2 * SenderWindow::kHelloEvery - 1));
  for (int i = 0; i < 20; ++i) window.said_hello(now);
  EXPECT_FALSE(window.hello_due(now + SenderWindow::kHelloAtMost - 1));
  EXPECT_TRUE(window.hello_due(now + SenderWindow::kHelloAtMost));
}

TEST_F(Window, GoesOnWhereTheCollectorExpectsAndNeverBelowItsBase) {
  window.open_stream(5, 40);
  window.connected(now);
  welcome({{0, 10, 15}, {1, 0, 1}, {5, 7, 8}});
  EXPECT_EQ(window.cursor(0), 15U);
  EXPECT_EQ(window.committed(0), 10U);
  EXPECT_EQ(window.cursor(1), 1U);
  EXPECT_EQ(window.cursor(5), 40U);
  EXPECT_FALSE(window.rewound()) << "nothing was sent: the PUSH socket is as good as new";
  EXPECT_TRUE(window.moved());
}

TEST_F(Window, HelloNamesBaseAndNextOfEveryStream) {
  start();
  send(0, 30);
  ack({{0, 10, 31}});
  auto const streams = window.hello_streams();
  ASSERT_EQ(streams.size(), 2U);
  EXPECT_EQ(streams[0].base, 11U);
  EXPECT_EQ(streams[0].next, 31U);
}

TEST_F(Window, SixtyFourBatchesAreInFlightAtMost) {
  start();
  for (std::size_t i = 0; i < SenderWindow::kMaxBatches; ++i) {
    ASSERT_TRUE(window.may_send());
    send(0, 10);
  }
  EXPECT_FALSE(window.may_send());
  ack({{0, 9, 11}});
  EXPECT_FALSE(window.may_send()) << "a batch is done when all of it is committed";
  ack({{0, 10, 11}});
  EXPECT_TRUE(window.may_send());
}

TEST_F(Window, BytesInFlightStayWithinTheWindow) {
  start();
  ack({}, 2500);
  send(0, 10);
  send(1, 10);
  EXPECT_TRUE(window.may_send());
  send(0, 10);
  EXPECT_FALSE(window.may_send());
  ack({{0, 20, 21}}, 2500);
  EXPECT_TRUE(window.may_send());
  EXPECT_EQ(window.in_flight_bytes(), 1000U);
  EXPECT_EQ(window.bytes(), 2500U);
  ack({}, 0);
  EXPECT_FALSE(window.may_send());
}

TEST_F(Window, AResendGoesBackToWhatIsAskedAndOtherStreamsToWhatIsKnown) {
  start();
  send(0, 100);
  send(1, 100);
  send(1, 100);
  ack({{1, 50, 101}});
  resend(0, 1);
  EXPECT_TRUE(window.rewound());
  EXPECT_FALSE(window.rewound());
  EXPECT_EQ(window.cursor(0), 1U);
  EXPECT_EQ(window.cursor(1), 101U);
  EXPECT_EQ(window.in_flight(), 1U) << "what is taken and not yet committed";
  EXPECT_FALSE(window.settled());
  send(0, 100);
  EXPECT_EQ(window.resent(), 100U);
}

TEST_F(Window, EchoesOfOneLossBringOneRewind) {
  start();
  send(0, 100);
  resend(0, 1);
  EXPECT_TRUE(window.rewound());
  send(0, 100);
  resend(0, 1);
  now += SenderWindow::kGrace - 1;
  resend(0, 1);
  EXPECT_FALSE(window.rewound());
  now += 1;
  resend(0, 1);
  EXPECT_TRUE(window.rewound());
  EXPECT_EQ(window.rewinds(), 2U);
}

TEST_F(Window, RequestsForWhatWasNotSentAreIgnored) {
  start();
  send(0, 10);
  resend(0, 11);
  resend(0, 0);
  resend(9, 1);
  window.resend({kEpoch + 1, {{0, 1}}}, now);
  EXPECT_FALSE(window.rewound());
}

TEST_F(Window, ANewEpochSendsAgainWhatWasNotCommitted) {
  start();
  send(0, 100);
  ack({{0, 40, 101}});
  welcome({{0, 40, 41}, {1, 0, 1}}, kWindow, kEpoch + 1);
  EXPECT_TRUE(window.rewound());
  EXPECT_EQ(window.cursor(0), 41U);
}

TEST_F(Window, AnAckOfAnotherEpochCallsForAHelloAndReleasesNothing) {
  start();
  send(0, 100);
  window.ack({kEpoch + 1, kWindow, {{0, 100, 101}}}, now);
  EXPECT_EQ(window.committed(0), 0U);
  EXPECT_TRUE(window.hello_due(now));
}

TEST_F(Window, ANewConnectionIsNotTrustedWithWhatWasUnderWay) {
  start();
  send(0, 100);
  window.disconnected();
  EXPECT_FALSE(window.may_send());
  EXPECT_FALSE(window.hello_due(now + 100'000));
  window.connected(now);
  EXPECT_TRUE(window.hello_due(now));
  welcome({{0, 0, 31}, {1, 0, 1}});
  EXPECT_TRUE(window.rewound());
  EXPECT_EQ(window.cursor(0), 31U);
}

TEST_F(Window, AStallIsAskedAboutTwiceBeforeItIsBelieved) {
  start();
  send(0, 100);
  EXPECT_FALSE(window.hello_due(now + SenderWindow::kStall - 1));
  EXPECT_TRUE(window.hello_due(now + SenderWindow::kStall));
  stall();
  welcome({{0, 0, 51}, {1, 0, 1}});
  EXPECT_FALSE(window.rewound()) << "that was progress";
  now += SenderWindow::kPatience * SenderWindow::kStall;
  stall();
  welcome({{0, 0, 51}, {1, 0, 1}});
  EXPECT_FALSE(window.rewound());
  now += SenderWindow::kPatience * SenderWindow::kStall;
  stall();
  welcome({{0, 0, 51}, {1, 0, 1}});
  EXPECT_TRUE(window.rewound());
  EXPECT_EQ(window.cursor(0), 51U);
}

// 500 publishers at full speed: a third of all records was sent again, though nothing was lost.
TEST_F(Window, WhoIsServedSlowlyWaitsLonger) {
  constexpr std::int64_t kSlow = 1500;  // ms from one progress to the next: a collector with hundreds of others
  start();
  send(0, 100);
  now += SenderWindow::kStall - 1;
  ack({{0, 0, 11}});
  std::uint64_t expected = 11;
  std::int64_t turn = SenderWindow::kStall;
  for (auto served = now; expected < 100; ++now) {
    if (window.hello_due(now)) {
      window.said_hello(now);
      welcome({{0, 0, expected}, {1, 0, 1}});
    }
    if (now - served < turn) continue;
    served = now;
    turn = std::min(turn * 3 / 2, kSlow);
    ack({{0, 0, expected += 10}});
  }
  EXPECT_EQ(window.rewinds(), 0U);
  now += kSlow;
  ack({{0, 100, 101}});
  send(0, 1);
  EXPECT_FALSE(window.hello_due(now + SenderWindow::kStall));
  ack({{0, 101, 102}});
  send(0, 1);
  EXPECT_TRUE(window.hello_due(now + SenderWindow::kStall))
      << "and is impatient again when it is served at once";
}

TEST_F(Window, ACollectorThatWasAwayIsNotTakenForABusyOne) {
  start();
  send(0, 100);
  window.disconnected();
  now += 60'000;
  window.connected(now);
  window.said_hello(now);
  welcome({{0, 0, 51}, {1, 0, 1}}, kWindow, kEpoch + 1);
  ASSERT_TRUE(window.rewound());
  send(0, 50);
  EXPECT_TRUE(window.hello_due(now + SenderWindow::kStall));
}

TEST_F(Window, ManyWelcomesAtOnceAreOne) {
  start();
  send(0, 100);
  stall();
  for (int i = 0; i < 20; ++i)
    welcome({{0, 0, 1}, {1, 0, 1}});  // a collector that was stopped answers all hellos at once
  EXPECT_FALSE(window.rewound());
}

TEST_F(Window, ABusyCollectorIsLeftAlone) {
  start();
  send(0, 100);
  for (int i = 0; i < 20; ++i) {
    stall();
    welcome({{0, 0, 1}, {1, 0, 1}}, 0);
  }
  EXPECT_EQ(window.rewinds(), 0U);
  // Nor is one that took everything and does not commit.
  for (int i = 0; i < 20; ++i) {
    stall();
    welcome({{0, 0, 101}, {1, 0, 1}});
  }
  EXPECT_EQ(window.rewinds(), 0U);
}

TEST_F(Window, ASilentCollectorIsLeftAlone) {
  start();
  send(0, 100);
  int hellos = 0;
  for (auto const end = now + 60'000; now < end; ++now) {
    if (!window.hello_due(now)) continue;
    window.said_hello(now);
    ++hellos;
  }
  EXPECT_EQ(window.rewinds(), 0U);
  EXPECT_LT(hellos, 40);
}

TEST_F(Window, ResendsInVainBecomeRarer) {
  start();
  send(0, 100);
  std::int64_t last = now;
  std::vector<std::int64_t> between;
  for (auto const end = now + 60'000; now < end; ++now) {
    if (window.hello_due(now)) {
      window.said_hello(now);
      welcome({{0, 0, 1}, {1, 0, 1}});
    }
    if (!window.rewound()) continue;
    between.push_back(now - last);
    last = now;
    send(0, 100);
  }
  ASSERT_GT(between.size(), 3U);
  EXPECT_LT(between.front(), 1000);
  EXPECT_GT(between.back(), SenderWindow::kStallAtMost);
  EXPECT_LT(window.resent(), 100U * 20U);
}

TEST_F(Window, OneStreamStandsStillWhileOthersGoOn) {
  start();
  send(0, 10);
  std::uint64_t other = 0;
  for (auto const end = now + 3000; now < end && window.rewinds() == 0; ++now) {
    if (now % 10 == 0) {
      send(1, 1);
      ++other;
      ack({{1, other, other + 1}});
    }
    if (!window.hello_due(now)) continue;
    window.said_hello(now);
    welcome({{0, 0, 1}, {1, other, other + 1}});
  }
  EXPECT_EQ(window.rewinds(), 1U);
}

TEST_F(Window, ARefusedStreamWaitsAndIsAskedFor) {
  window.connected(now);
  welcome({{0, 0, 0}, {1, 0, 1}});
  EXPECT_TRUE(window.refused(0));
  EXPECT_FALSE(window.refused(1));
  window.said_hello(now);
  EXPECT_TRUE(window.hello_due(now + SenderWindow::kHelloEvery));
  welcome({{0, 0, 1}, {1, 0, 1}});
  EXPECT_FALSE(window.refused(0));
  EXPECT_EQ(window.cursor(0), 1U);
}

TEST_F(Window, AClosedWindowIsAskedAboutWhateverIsInFlight) {
  start();
  ack({}, 0);
  EXPECT_TRUE(window.hello_due(now + SenderWindow::kHelloEvery));
}

TEST_F(Window, WhatADeadCollectorHadTakenFromAnotherOwnerIsNotWaitedFor) {
  window.connected(now);
  window.said_hello(now);
  welcome({{0, 3, 13},
           {1, 0, 1}});  // a predecessor sent up to 12, of which a power cut left no more than 9 in the spool
  EXPECT_EQ(window.cursor(0), 13U);
  EXPECT_FALSE(window.settled()) << "4 to 12 may still be committed";
  EXPECT_FALSE(window.close_stream(0));
  window.disconnected();
  window.connected(now);
  welcome({{0, 9, 10}, {1, 0, 1}}, kWindow, kEpoch + 1);
  EXPECT_EQ(window.cursor(0), 10U);
  EXPECT_TRUE(window.settled());
  EXPECT_EQ(window.last()[0], std::pair(std::uint64_t{0}, std::uint64_t{9}))
      << "a bye for 12 would never be answered";
  EXPECT_TRUE(window.close_stream(0));
}

TEST_F(Window, WhatThisOwnerHasSentIsWaitedForWhateverACollectorForgets) {
  start();
  send(0, 5);
  ack({{0, 2, 6}});
  window.disconnected();
  window.connected(now);
  welcome({{0, 3, 4}, {1, 0, 1}}, kWindow, kEpoch + 1);
  EXPECT_EQ(window.cursor(0), 4U);
  EXPECT_FALSE(window.settled());
  EXPECT_FALSE(window.close_stream(0));
  EXPECT_EQ(window.last()[0].second, 5U);
}

TEST_F(Window, AnotherCollectorStartsFromItsOwnLedger) {
  start();
  send(0, 100);
  ack({{0, 40, 101}});
  window.change_collector();
  EXPECT_FALSE(window.may_send());
  window.connected(now);
  welcome({{0, 0, 41}, {1, 0, 1}}, kWindow, 1);
  EXPECT_EQ(window.cursor(0), 41U);
  EXPECT_TRUE(window.rewound());
}

TEST_F(Window, ByeWaitsForAWelcomeAndIsRepeated) {
  EXPECT_FALSE(window.bye_due(now));
  start();
  send(0, 10);
  EXPECT_FALSE(window.settled());
  ack({{0, 10, 11}});
  EXPECT_TRUE(window.settled());
  EXPECT_THAT(window.last(), testing::ElementsAre(std::pair(0U, 10U), std::pair(1U, 0U)));
  EXPECT_TRUE(window.bye_due(now));
  window.said_bye(now);
  EXPECT_FALSE(window.bye_due(now));
  EXPECT_TRUE(window.bye_due(now + SenderWindow::kHelloEvery));
}

TEST_F(Window, StreamsAreBounded) {
  for (std::uint64_t stream = 2; stream < wire::kMaxStreams; ++stream)
    ASSERT_TRUE(window.open_stream(stream, 1));
  EXPECT_FALSE(window.open_stream(99'999, 1));
  EXPECT_TRUE(window.open_stream(0, 500));
  EXPECT_EQ(window.cursor(0), 1U) << "a known stream stays as it is";
}

TEST_F(Window, StatesOfUnknownStreamsAreIgnored) {
  start();
  ack({{999, 5, 6}});
  EXPECT_TRUE(window.settled());
}

}  // namespace
}  // namespace logboom::delivery
