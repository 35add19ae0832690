// What becomes of a connection: a socket with keys, and a listener that hangs up on it.
#include "curve/client_keys.hpp"
#include "curve/handshake_monitor.hpp"

#include "posix/descriptor.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <array>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>

namespace logboom::curve {
namespace {

using Change = HandshakeMonitor::Change;
using testing::HasSubstr;

constexpr std::chrono::seconds kPatience{60};

class HandshakeTest : public testing::Test {
 protected:
  HandshakeTest() {
    std::string pattern = std::filesystem::temp_directory_path() / "handshake-XXXXXX";
    directory_ = ::mkdtemp(pattern.data());
    client_ = zmq::socket_t(context_, zmq::socket_type::dealer);
    client_.set(zmq::sockopt::linger, 0);
    client_.set(zmq::sockopt::reconnect_ivl, 5);
  }
  ~HandshakeTest() override {
    monitor_.close();
    client_.close();
    std::filesystem::remove_all(directory_);
  }

  void connect(bool with_keys) {
    if (with_keys) {
      auto const own = make_pair();
      apply({make_pair().public_key, "", own}, 0, client_);
    }
    monitor_.open(context_, client_, with_keys);
    client_.connect("ipc://" + path());
  }
  std::string path() const { return (directory_ / "socket").native(); }
  void listen() {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path().copy(address.sun_path, sizeof address.sun_path - 1);
    listener_.reset(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(::bind(listener_.get(), reinterpret_cast<sockaddr const*>(&address), sizeof address), 0);
    ASSERT_EQ(::listen(listener_.get(), 16), 0);
  }
  void listen_no_more() {
    std::filesystem::remove(path());
    listener_.reset();
  }
  posix::Descriptor accept() const {
    return posix::Descriptor(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  }
  /// As a collector does that cannot open the first box.
  void hang_up() const { ASSERT_TRUE(accept()); }
  bool something_happens() {
    std::array<zmq::pollitem_t, 1> item{{{monitor_.handle(), 0, ZMQ_POLLIN, 0}}};
    return zmq::poll(item, std::chrono::milliseconds(kPatience)) > 0;
  }
  Change next_change() {
    for (;;) {
      if (auto const change = monitor_.next()) return *change;
      if (!something_happens()) throw std::runtime_error("nothing happens");
    }
  }

  std::filesystem::path directory_;
  zmq::context_t context_{1};
  zmq::socket_t client_;
  HandshakeMonitor monitor_;
  posix::Descriptor listener_;
};

TEST_F(HandshakeTest, WhoHangsUpTwiceHasAnotherKey) {
  listen();
  connect(true);
  hang_up();
  EXPECT_EQ(next_change(), Change::kDisconnected);
  EXPECT_TRUE(monitor_.met());
  hang_up();
  EXPECT_EQ(next_change(), Change::kRefused);
  EXPECT_EQ(monitor_.refusal(), HandshakeMonitor::Refusal::kHangsUp);
  EXPECT_THAT(monitor_.reason(), HasSubstr("LOGBOOM_CURVE_SERVER_KEY is likely not its public key"));
}

TEST_F(HandshakeTest, WhoHangsUpAndListensNoMoreWasEnding) {
  listen();
  connect(true);
  for (int restart = 0; restart < 4; ++restart) {
    auto peer = accept();
    ASSERT_TRUE(peer);
    listen_no_more();
    peer.reset();
    EXPECT_EQ(next_change(), Change::kDisconnected) << "of start " << restart;
    ASSERT_TRUE(something_happens()) << "an attempt that found nobody";
    listen();
  }
}

TEST_F(HandshakeTest, WhoHangsUpOnSomebodyWithoutKeysTimeAndAgainAsksForOne) {
  listen();
  connect(false);
  for (int i = 0; i < 4; ++i) {
    hang_up();
    EXPECT_EQ(next_change(), Change::kDisconnected);
  }
  hang_up();
  EXPECT_EQ(next_change(), Change::kRefused);
  EXPECT_THAT(monitor_.reason(), HasSubstr("likely asks for a key (CURVE); set LOGBOOM_CURVE_SERVER_KEY"));
}

TEST_F(HandshakeTest, NobodyIsMetWhereNobodyListens) {
  connect(true);
  ASSERT_TRUE(something_happens());
  EXPECT_FALSE(monitor_.next().has_value());
  EXPECT_FALSE(monitor_.met());
}

}  // namespace
}  // namespace logboom::curve
