// Whether two addresses name one bus: what decides whose a dead publisher's spool is.
#include "publisher/same_bus.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <string>

#include <stdlib.h>

namespace logboom::publisher {
namespace {

namespace fs = std::filesystem;

std::string own_name() {
  std::array<char, 256> name{};
  return gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

TEST(SameBus, TcpNeedsTheSamePort) {
  EXPECT_TRUE(same_bus("tcp://hub:7514", "tcp://hub:7514"));
  EXPECT_TRUE(same_bus("tcp://Hub:7514", "tcp://hub:7514"));
  EXPECT_FALSE(same_bus("tcp://hub:7514", "tcp://hub:7517"));
  EXPECT_FALSE(same_bus("tcp://127.0.0.1:7514", "tcp://*:7517"));
}

TEST(SameBus, WhatIsBoundToAnyAddressIsReachedByEveryNameOfThisMachine) {
  for (std::string const any : {"tcp://*:7514", "tcp://0.0.0.0:7514", "tcp://[::]:7514"}) {
    for (std::string const& host :
         {std::string("localhost"), std::string("127.0.0.1"), std::string("127.0.1.1"), std::string("[::1]"),
          std::string("0.0.0.0"), own_name()})
      EXPECT_TRUE(same_bus("tcp://" + host + ":7514", any)) << host << " at " << any;
    for (std::string const host : {"hub.invalid", "192.0.2.7", "[2001:db8::1]"})
      EXPECT_FALSE(same_bus("tcp://" + host + ":7514", any)) << host << " at " << any;
  }
}

TEST(SameBus, TwoNumbersAreEqualOrBothLoopback) {
  EXPECT_TRUE(same_bus("tcp://localhost:1", "tcp://127.0.0.1:1"));
  EXPECT_TRUE(same_bus("tcp://[::1]:1", "tcp://127.0.0.1:1"));
  EXPECT_TRUE(same_bus("tcp://[2001:db8:0::1]:1", "tcp://[2001:db8::1]:1"));
  EXPECT_FALSE(same_bus("tcp://192.0.2.7:1", "tcp://192.0.2.8:1"));
  EXPECT_FALSE(same_bus("tcp://192.0.2.7:1", "tcp://127.0.0.1:1"));
}

TEST(SameBus, NamesOfOtherMachinesAreTheSameOnlyByTheirText) {
  EXPECT_FALSE(same_bus("tcp://hub-a.invalid:1", "tcp://hub-b.invalid:1"));
  EXPECT_FALSE(same_bus("tcp://hub-a.invalid:1", "tcp://127.0.0.1:1"));
}

TEST(SameBus, IpcIsTheSameFileHoweverItIsWritten) {
  std::string name = "/tmp/logboom-XXXXXX";
  ASSERT_NE(mkdtemp(name.data()), nullptr);
  fs::create_directory(fs::path(name) / "real");
  fs::create_symlink("real", fs::path(name) / "link");
  EXPECT_TRUE(same_bus("ipc://" + name + "/real/bus", "ipc://" + name + "/link/bus"));
  EXPECT_TRUE(same_bus("ipc://" + name + "/real/bus", "ipc://" + name + "/real/../link/./bus"));
  EXPECT_FALSE(same_bus("ipc://" + name + "/real/bus", "ipc://" + name + "/real/bus2"));
  EXPECT_FALSE(same_bus("ipc://" + name + "/bus", "tcp://127.0.0.1:1"));
  fs::remove_all(name);
}

TEST(SameBus, WhatIsRecordedMeansTheSameFromAnotherDirectory) {
  auto const endpoints = {delivery::parse_endpoint("ipc://run/bus"), delivery::parse_endpoint("tcp://hub")};
  auto const texts = anchored(endpoints);
  EXPECT_EQ(texts.at(0), "ipc://" + (fs::current_path() / "run/bus").native());
  EXPECT_EQ(texts.at(1), "tcp://hub:7514");
}

TEST(SameBus, HostileTextsAreNobodys) {
  std::vector<delivery::Endpoint> const own{delivery::parse_endpoint("tcp://127.0.0.1:7514"),
                                            delivery::parse_endpoint("ipc:///run/bus")};
  for (std::string const& text :
       {std::string(), std::string("tcp://"), std::string("tcp://["), std::string("tcp://]:7514"),
        std::string("ipc://"), std::string("ipc://\0/run/bus", 14), std::string(100'000, '/')})
    EXPECT_FALSE(any_of_bus(std::vector{text}, own)) << text.substr(0, 40);
  EXPECT_FALSE(any_of_bus({}, own));
  EXPECT_TRUE(any_of_bus(std::vector<std::string>{"x", "ipc:///run/../run/bus"}, own));
}

}  // namespace
}  // namespace logboom::publisher
