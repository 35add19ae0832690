// Claiming and binding addresses: nobody's socket is stolen, and what is wrong is said in one line.
#include "collector/address_claim.hpp"
#include "collector/bus_sockets.hpp"
#include "delivery/bind_error.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>

namespace logboom::collector {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class AddressTest : public testing::Test {
 protected:
  AddressTest() {
    std::string name = "/tmp/lb-unit-XXXXXX";
    directory_ = ::mkdtemp(name.data());
  }
  ~AddressTest() override { std::filesystem::remove_all(directory_); }
  delivery::Endpoint endpoint(std::string const& name) const {
    return delivery::parse_endpoint("ipc://" + (directory_ / name).native());
  }
  std::string refusal(delivery::Endpoint const& endpoint) {
    try {
      AddressClaim const claim(endpoint, false);
    } catch (delivery::BindError const& error) {
      EXPECT_THAT(error.what(), StartsWith(endpoint.text + ": "));
      EXPECT_THAT(error.what(), HasSubstr("; "));
      EXPECT_THAT(error.what(), Not(HasSubstr("\n")));
      return error.what();
    }
    return "";
  }
  BusSockets bind(delivery::Endpoint const& endpoint, bool live = true) {
    return BusSockets(claim_addresses({&endpoint, 1}, false), {&endpoint, 1}, live, admission_);
  }

  std::filesystem::path directory_;
  OwnLog log_{"host", level::kInfo, {}, [] { return std::int64_t{1}; }};
  Admission admission_{{}, log_};
};

TEST_F(AddressTest, MakesAPrivateDirectory) {
  AddressClaim const claim(endpoint("a/b/bus"), false);
  struct stat status {};
  ASSERT_EQ(::stat((directory_ / "a/b").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0700U);
}

TEST_F(AddressTest, OneHolderAtATimeNamedByItsPid) {
  std::optional<AddressClaim> claim(std::in_place, endpoint("bus"), false);
  EXPECT_THAT(refusal(endpoint("bus")),
              HasSubstr("in use by another collector (pid " + std::to_string(::getpid()) + ")"));
  claim.reset();
  EXPECT_EQ(refusal(endpoint("bus")), "");
}

TEST_F(AddressTest, RemovesTheSocketsOfADeadCollectorOnly) {
  std::ofstream(directory_ / "bus.ctl") << "precious";
  EXPECT_THAT(refusal(endpoint("bus")), HasSubstr("bus.ctl exists and is not a socket"));
  EXPECT_TRUE(std::filesystem::exists(directory_ / "bus.ctl"));
}

TEST_F(AddressTest, ADirectoryThatEverybodyMayWriteToIsRefused) {
  std::filesystem::create_directory(directory_ / "open");
  ASSERT_EQ(::chmod((directory_ / "open").c_str(), 0777), 0);
  EXPECT_THAT(refusal(endpoint("open/bus")), HasSubstr("everybody may write"));
}

TEST_F(AddressTest, ADirectoryThatCannotBeMadeIsNamed) {
  std::ofstream(directory_ / "file") << "";
  EXPECT_THAT(refusal(endpoint("file/bus")), HasSubstr((directory_ / "file").native()));
}

TEST_F(AddressTest, BindsThreeSocketsAndLeavesNoneBehind) {
  {
    auto const bus = bind(endpoint("bus"));
    for (auto const* ending : {"push", "ctl", "pub"})
      EXPECT_TRUE(std::filesystem::is_socket(directory_ / (std::string("bus.") + ending))) << ending;
    EXPECT_EQ(bus.addresses, std::vector{endpoint("bus").text});
  }
  EXPECT_FALSE(std::filesystem::exists(directory_ / "bus.push"));
}

TEST_F(AddressTest, WithoutViewersThereIsNoLiveSocket) {
  auto const bus = bind(endpoint("bus"), false);
  EXPECT_FALSE(std::filesystem::exists(directory_ / "bus.pub"));
}

TEST_F(AddressTest, PortZeroBecomesThreePortsInARow) {
  auto const bus = bind(delivery::parse_endpoint("tcp://127.0.0.1:0"));
  ASSERT_EQ(bus.addresses.size(), 1U);
  auto const chosen = delivery::parse_endpoint(bus.addresses[0]);
  EXPECT_THAT(chosen.text, Not(testing::EndsWith(":0")));
  zmq::context_t context;
  zmq::socket_t rival(context, zmq::socket_type::pull);
  for (auto const& address : {chosen.push, chosen.control, chosen.live})
    EXPECT_NE(zmq_bind(rival.handle(), address.c_str()), 0) << address << " should be taken";
}

TEST_F(AddressTest, APortInUseIsSaidSo) {
  auto const bus = bind(delivery::parse_endpoint("tcp://127.0.0.1:0"));
  try {
    bind(delivery::parse_endpoint(bus.addresses[0]));
    FAIL() << "bound twice";
  } catch (delivery::BindError const& error) {
    EXPECT_THAT(error.what(), StartsWith(bus.addresses[0] + ": the port is in use; "));
    EXPECT_EQ(error.code(), std::errc::address_in_use);
  }
}

TEST_F(AddressTest, AnAddressOfAnotherMachineIsSaidSo) {
  for (auto const* text : {"tcp://192.0.2.1:7514", "tcp://no-such-interface0:7514"}) {
    try {
      bind(delivery::parse_endpoint(text));
      FAIL() << text;
    } catch (delivery::BindError const& error) {
      EXPECT_THAT(error.what(), HasSubstr("not an address of this machine; "));
    }
  }
}

TEST_F(AddressTest, LocalhostIsThisMachine) {
  auto const bus = bind(delivery::parse_endpoint("tcp://localhost:0"));
  EXPECT_THAT(bus.addresses.at(0), StartsWith("tcp://localhost:"));
}

TEST_F(AddressTest, AForkedChildDoesNotKeepItsParentsAddress) {
  // A process that holds the address, and a child of its that outlives it.
  int pipe[2];
  ASSERT_EQ(::pipe(pipe), 0);
  pid_t const parent = ::fork();
  if (parent == 0) {
    AddressClaim const claim(endpoint("bus"), false);
    if (::fork() == 0) {
      ::close(pipe[0]);
      pid_t const self = ::getpid();
      if (::write(pipe[1], &self, sizeof self) != sizeof self) ::_exit(1);
      ::pause();
    }
    ::pause();
  }
  pid_t child = 0;
  ASSERT_EQ(::read(pipe[0], &child, sizeof child), static_cast<ssize_t>(sizeof child));
  EXPECT_THAT(refusal(endpoint("bus")), HasSubstr(std::to_string(parent)));
  ::kill(parent, SIGKILL);
  ::waitpid(parent, nullptr, 0);
  EXPECT_EQ(refusal(endpoint("bus")), "");
  ::kill(child, SIGKILL);
  ::close(pipe[0]);
  ::close(pipe[1]);
}

TEST_F(AddressTest, ASecondCollectorOfOneProcessIsRefusedAndTakesNothingAway) {
  std::optional<AddressClaim> claim(std::in_place, endpoint("bus"), false);
  for (int i = 0; i < 3; ++i) EXPECT_THAT(refusal(endpoint("bus")), HasSubstr(std::to_string(::getpid())));
  pid_t const other = ::fork();
  if (other == 0) ::_exit(refusal(endpoint("bus")).empty() ? 1 : 0);
  int status = 0;
  ::waitpid(other, &status, 0);
  EXPECT_EQ(status, 0) << "still locked for others";
  claim.reset();
  EXPECT_EQ(refusal(endpoint("bus")), "");
}

TEST_F(AddressTest, ADirectoryOfAnotherUserIsRefusedWhateverItsMode) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give a directory away";
  std::filesystem::create_directory(directory_ / "theirs");
  ASSERT_EQ(::chown((directory_ / "theirs").c_str(), 1234, 1234), 0);
  ASSERT_EQ(::chmod((directory_ / "theirs").c_str(), 01777), 0);
  EXPECT_THAT(refusal(endpoint("theirs/bus")), HasSubstr("belongs to user 1234"));
}

}  // namespace
}  // namespace logboom::collector
