// The parts of the inputs that need no Python: frames of a stream, names of hosts, addresses, blocks on their way, exceptions' names, numbers.
#include "inputs/block_exchange.hpp"
#include "inputs/exception_name.hpp"
#include "inputs/frame_stream.hpp"
#include "inputs/host_names.hpp"
#include "inputs/listen_socket.hpp"
#include "inputs/pickle_escapes.hpp"
#include "inputs/pickle_number.hpp"
#include "inputs/python_time_text.hpp"

#include "delivery/bind_error.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace logboom::inputs {
namespace {

using namespace std::string_literals;

std::string framed(std::string const& body) {
  std::string frame(4, '\0');
  for (std::size_t i = 0; i < 4; ++i) frame[3 - i] = static_cast<char>(body.size() >> (8 * i));
  return frame + body;
}

TEST(FrameStreamTest, FramesComeWholeHoweverTheStreamIsCut) {
  std::string const stream = framed("one") + framed("") + framed(std::string(300, 'x')) + framed("four");
  for (std::size_t cut = 1; cut <= stream.size(); ++cut) {
    FrameStream frames(1'000);
    std::vector<std::string> found;
    for (std::size_t at = 0; at < stream.size(); at += cut) {
      auto const part = std::string_view(stream).substr(at, cut);
      frames.feed(std::as_bytes(std::span(part)), [&](std::span<std::byte const> frame) {
        found.emplace_back(reinterpret_cast<char const*>(frame.data()), frame.size());
      });
    }
    EXPECT_EQ(found, (std::vector<std::string>{"one", "", std::string(300, 'x'), "four"})) << cut;
    EXPECT_FALSE(frames.amid_frame());
    EXPECT_EQ(frames.held(), 0U);
  }
}

TEST(FrameStreamTest, HoldsOnlyWhatCameAndRefusesWhatIsTooLong) {
  FrameStream frames(1U << 20U);
  auto const nothing = [](std::span<std::byte const>) { FAIL(); };
  std::string const promised = "\x00\x10\x00\x00"s + "begin";
  frames.feed(std::as_bytes(std::span(promised)), nothing);
  EXPECT_TRUE(frames.amid_frame());
  EXPECT_LT(frames.held(), 100U);
  FrameStream short_ones(100);
  std::string const long_one = "\x00\x00\x00\x65"s;
  EXPECT_THROW(short_ones.feed(std::as_bytes(std::span(long_one)), nothing), wire::FrameError);
  FrameStream bytewise(100);
  EXPECT_THROW(
      {
        for (char const& byte : long_one) bytewise.feed(std::as_bytes(std::span(&byte, 1)), nothing);
        bytewise.feed(std::as_bytes(std::span("x", 1)), nothing);
      },
      wire::FrameError);
}

PeerAddress address(char const* text) {
  PeerAddress made;
  auto* const four = reinterpret_cast<sockaddr_in*>(&made.storage);
  auto* const six = reinterpret_cast<sockaddr_in6*>(&made.storage);
  if (::inet_pton(AF_INET, text, &four->sin_addr) == 1) {
    four->sin_family = AF_INET;
    four->sin_port = htons(9);
    made.size = sizeof *four;
  } else if (::inet_pton(AF_INET6, text, &six->sin6_addr) == 1) {
    six->sin6_family = AF_INET6;
    six->sin6_port = htons(9);
    made.size = sizeof *six;
  }
  return made;
}

TEST(PeerAddressTest, LoopbackAndUnixAreLocal) {
  for (char const* const local : {"127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1", "unix"})
    EXPECT_TRUE(address(local).is_local()) << local;
  for (char const* const far : {"192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1"})
    EXPECT_FALSE(address(far).is_local()) << far;
  EXPECT_EQ(address("::ffff:192.0.2.1").host(), "192.0.2.1");
  EXPECT_EQ(address("192.0.2.1").text(), "192.0.2.1:9");
  EXPECT_EQ(address("2001:db8::1").text(), "[2001:db8::1]:9");
  EXPECT_EQ(address("unix").text(), "a local process");
}

/// A lookup that waits until it is told to go on.
struct Gate {
  std::mutex mutex;
  std::condition_variable changed;
  bool open = false;
  int asked = 0, news = 0;

  std::string lookup(PeerAddress const& of) {
    std::unique_lock lock(mutex);
    ++asked;
    changed.notify_all();
    changed.wait(lock, [&] { return open; });
    return of.host() == "192.0.2.2" ? "" : "name-of-" + of.host();
  }
  template <typename Condition>
  void wait(Condition const& condition) {
    std::unique_lock lock(mutex);
    changed.wait(lock, condition);
  }
};

TEST(HostNamesTest, NobodyWaitsForALookup) {
  auto const gate = std::make_shared<Gate>();
  auto const news = [gate] {
    std::lock_guard const lock(gate->mutex);
    ++gate->news;
    gate->changed.notify_all();
  };
  HostNames names([gate](PeerAddress const& of) { return gate->lookup(of); }, news);
  EXPECT_EQ(names.find(address("192.0.2.1")), std::nullopt);
  EXPECT_EQ(names.find(address("192.0.2.2")), std::nullopt);
  gate->wait([&] { return gate->asked == 1; });
  EXPECT_EQ(names.find(address("192.0.2.1")), std::nullopt);
  {
    std::lock_guard const lock(gate->mutex);
    gate->open = true;
    gate->changed.notify_all();
  }
  gate->wait([&] { return gate->news == 2; });
  EXPECT_EQ(names.find(address("192.0.2.1")), "name-of-192.0.2.1");
  EXPECT_EQ(names.find(address("192.0.2.2")), "192.0.2.2");  // has no name
  std::lock_guard const lock(gate->mutex);
  EXPECT_EQ(gate->asked, 2);  // each once
}

TEST(HostNamesTest, EndsAmidALookupAndIsBounded) {
  auto const gate = std::make_shared<Gate>();
  {
    HostNames names([gate](PeerAddress const& of) { return gate->lookup(of); }, [] {});
    EXPECT_EQ(names.find(address("192.0.2.1")), std::nullopt);
    gate->wait([&] { return gate->asked == 1; });
    std::size_t waiting = 1;
    for (unsigned i = 0; i < 400; ++i) {
      auto const found =
          names.find(address(("10.0." + std::to_string(i / 256) + "." + std::to_string(i % 256)).c_str()));
      if (!found) ++waiting;
    }
    EXPECT_EQ(waiting, HostNames::kMostQuestions);
  }
  std::lock_guard const lock(gate->mutex);
  gate->open = true;
  gate->changed.notify_all();
}

TEST(ListenSocketTest, AddressesAreChecked) {
  for (char const* const good : {"9020", "0", "host:1", "*:9020", "[::1]:9020", "0.0.0.0:65535"})
    EXPECT_NO_THROW(check_listen_address(Transport::kTcp, good)) << good;
  for (char const* const bad : {"", "x", "-1", "65536", ":9020", "::1:9020", "host:", "host:9x", "9020 "})
    EXPECT_THROW(check_listen_address(Transport::kUdp, bad), std::invalid_argument) << bad;
  EXPECT_THROW(check_listen_address(Transport::kUnix, ""), std::invalid_argument);
  EXPECT_THROW(check_listen_address(Transport::kUnix, std::string(108, 'x')), std::invalid_argument);
  ListenSocket const first(Transport::kTcp, "0");
  auto const port = first.text().substr(first.text().rfind(':') + 1);
  EXPECT_EQ(first.text(), "python-tcp 127.0.0.1:" + port);
  EXPECT_THROW(ListenSocket(Transport::kTcp, port), delivery::BindError);
  EXPECT_THROW(ListenSocket(Transport::kTcp, "no-such-host.invalid:1"), delivery::BindError);
}

std::unique_ptr<Block> block_of(std::size_t entries) {
  auto block = std::make_unique<Block>();
  block->entries.resize(entries);
  return block;
}

TEST(BlockExchangeTest, TheLastBlockIsAddedToUntilItIsFullOrTaken) {
  BlockExchange exchange;
  EXPECT_EQ(exchange.reopen(), nullptr);
  exchange.give(block_of(1), false);
  auto again = exchange.reopen();
  ASSERT_NE(again, nullptr);
  EXPECT_EQ(exchange.take(), nullptr);
  exchange.give(std::move(again), true);
  EXPECT_EQ(exchange.reopen(), nullptr);
  exchange.give(block_of(2), false);
  exchange.give(block_of(3), false);
  EXPECT_TRUE(exchange.room());
  exchange.give(block_of(4), false);
  EXPECT_FALSE(exchange.room());
  for (std::size_t i = 1; i <= 4; ++i) EXPECT_EQ(exchange.take()->entries.size(), i);
  EXPECT_EQ(exchange.take(), nullptr);
  EXPECT_TRUE(exchange.room());
}

TEST(ExceptionName, IsThatOfTheLastTraceback) {
  EXPECT_EQ(exception_name("Traceback (most recent call last):\n  File \"x\", line 1, in f\n    "
                           "g()\nValueError: no: good\nmore"),
            "ValueError");
  EXPECT_EQ(
      exception_name(
          "Traceback (most recent call last):\n  File \"x\"\nKeyError: 1\n\nDuring handling of the above "
          "exception, another exception occurred:\n\nTraceback (most recent call last):\n  File \"y\"\n"
          "app.errors.Missing"),
      "app.errors.Missing");
  EXPECT_EQ(exception_name("KeyboardInterrupt"), "KeyboardInterrupt");
  EXPECT_EQ(exception_name("it went wrong"), "");
  EXPECT_EQ(exception_name(""), "");
  EXPECT_EQ(exception_name("Traceback (most recent call last):"), "");
}

TEST(Numbers, OfAnySize) {
  EXPECT_EQ(decimal_digits("", 10), "0");
  EXPECT_EQ(decimal_digits("\xff", 10), "-1");
  EXPECT_EQ(decimal_digits("\x00\x00\x00\x00\x00\x00\x00\x00\x01"s, 30), "18446744073709551616");
  EXPECT_EQ(decimal_digits("\x00\x00\x00\x00\x00\x00\x00\x00\xff"s, 30), "-18446744073709551616");
  EXPECT_EQ(decimal_digits("\xe8\x03"s, 3), std::nullopt);
  EXPECT_EQ(bit_length("\x00\x80"s), 16U);  // of -32768
  EXPECT_EQ(bit_length("\x00\x01"s), 9U);
  EXPECT_EQ(bit_length_of_decimal("-256"), 9U);
  EXPECT_EQ(bit_length_of_decimal("0"), 0U);
  EXPECT_EQ(wide_of_decimal("340282366920938463463374607431768211456"), std::nullopt);  // 2^128
  EXPECT_EQ(wide_of_decimal("340282366920938463463374607431768211455")->front(), 0xff);
  EXPECT_EQ(wide_of_binary("\x05"s)->back(), 5);
  EXPECT_EQ(wide_of_binary("\xff"s), std::nullopt);
}

TEST(Times, ThatAreNone) {
  EXPECT_EQ(iso_date("\x07\xea\x0d\x01"s), std::nullopt);
  EXPECT_EQ(iso_date("\x07\xea\x00\x01"s), std::nullopt);
  EXPECT_EQ(iso_datetime("\x07\xea\x01\x01\x18\x00\x00\x00\x00\x00"s), std::nullopt);
  EXPECT_EQ(iso_time("\x01\x02"s), std::nullopt);
  EXPECT_EQ(offset_text({1, 0, 0}), std::nullopt);
  EXPECT_EQ(offset_text({-1, 86'399, 0}), "-00:00:01");
}

TEST(Escapes, OfProtocolZero) {
  EXPECT_EQ(pickle::unescape_string(R"(a\n\x41\101\\\'\q)"), "a\nAA\\'\\q");
  EXPECT_EQ(pickle::unescape_string("\\"), "\\");
  EXPECT_EQ(pickle::unescape_string("\\x4"), "\\x4");
  EXPECT_EQ(pickle::unescape_unicode("\\u00e9\xe9\\U0001d11e\\u12"), "éé𝄞\\u12");
}

}  // namespace
}  // namespace logboom::inputs
