// The publisher's sockets: what it hears without asking them more often than it must.
#include "publisher/collector_link.hpp"

#include "spool_fixture.hpp"

#include <gmock/gmock.h>
#include <zmq.hpp>

#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>
#include <string>
#include <variant>

namespace logboom::publisher {
namespace {

constexpr std::chrono::seconds kLong{10};  // nothing here takes so long

class Link : public testing::Test {
 protected:
  void SetUp() override {
    router_.bind(endpoint_.control);
    pull_.bind(endpoint_.push);
    link_.open(endpoint_);
    while (!link_.change()) link_.wait(-1, false, kLong);
    EXPECT_TRUE(link_.say(delivery::Bye{}));
    zmq::message_t frame;
    ASSERT_TRUE(router_.recv(route_));
    ASSERT_TRUE(router_.recv(frame));
  }

  void collector_says(std::uint64_t window) {
    auto const frame = delivery::encode(delivery::Ack{1, window, {}});
    ASSERT_TRUE(router_.send(zmq::const_buffer(route_.data(), route_.size()), zmq::send_flags::sndmore));
    ASSERT_TRUE(router_.send(zmq::const_buffer(frame.data(), frame.size()), zmq::send_flags::none));
  }
  /// Until there is nothing that it does not know of.
  void calm() {
    while (link_.change() || link_.hear()) {
    }
    link_.wait(-1, false, std::chrono::milliseconds(1));
  }
  std::uint64_t hear_window() {
    for (;;) {
      if (auto const message = link_.hear()) return std::get<delivery::Ack>(*message).window;
      link_.wait(-1, false, kLong);
    }
  }

  spool::test::TemporaryDirectory directory_;
  delivery::Endpoint endpoint_{"bus",
                               "ipc://" + directory_.path().string() + "/push",
                               "ipc://" + directory_.path().string() + "/control",
                               {}};
  zmq::context_t context_;
  zmq::socket_t router_{context_, zmq::socket_type::router};
  zmq::socket_t pull_{context_, zmq::socket_type::pull};
  zmq::message_t route_;
  CollectorLink link_{context_, {}, {endpoint_}};
};

TEST_F(Link, WaitsForWhatIsSaid) {
  calm();
  collector_says(1);
  EXPECT_FALSE(link_.wait(-1, false, kLong));
  EXPECT_EQ(hear_window(), 1U);
  collector_says(2);
  collector_says(3);
  EXPECT_EQ(hear_window(), 2U);
  EXPECT_EQ(hear_window(), 3U);
}

TEST_F(Link, WhatCameWhileSomethingWasSaidIsHeard) {
  for (std::uint64_t i = 1; i <= 200; ++i) {
    calm();
    collector_says(i);
    ASSERT_TRUE(link_.say(delivery::Bye{}));  // takes ZeroMQ's own news of it off the descriptor, or does not
    ASSERT_EQ(hear_window(), i);
  }
}

TEST_F(Link, WhatWasCalmIsAskedAgainWithoutAWait) {
  calm();
  EXPECT_EQ(link_.hear(), std::nullopt);
  collector_says(1);
  while (!link_.hear()) {
  }
}

TEST_F(Link, TellsWhenItIsWoken) {
  int const wake = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
  calm();
  EXPECT_TRUE(link_.wait(wake, false, kLong));
  std::uint64_t count = 0;
  EXPECT_EQ(::read(wake, &count, sizeof count), ssize_t{sizeof count});
  EXPECT_FALSE(link_.wait(wake, false, std::chrono::milliseconds(1)));
  ::close(wake);
}

TEST_F(Link, WaitsUntilABatchCanBeSent) {
  std::string const batch(1 << 20, 'x');
  auto const bytes = std::as_bytes(std::span(batch));
  while (!link_.send(bytes)) link_.wait(-1, true, kLong);
  while (link_.send(bytes)) {
  }
  std::size_t taken = 0;
  for (zmq::message_t frame; taken < 4; ++taken) ASSERT_TRUE(pull_.recv(frame));
  while (!link_.send(bytes)) {
    zmq::message_t frame;
    link_.wait(-1, true, std::chrono::milliseconds(10));
    (void)pull_.recv(frame, zmq::recv_flags::dontwait);
  }
}

}  // namespace
}  // namespace logboom::publisher
