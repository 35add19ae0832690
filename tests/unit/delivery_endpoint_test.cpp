// Addresses of a bus: what is accepted, what each becomes, and what a refusal says.
#include "delivery/endpoint.hpp"

#include <gmock/gmock.h>

#include <unistd.h>
#include <cstdlib>
#include <optional>
#include <stdexcept>

namespace logboom::delivery {
namespace {

using testing::HasSubstr;

class Variable {
 public:
  Variable(char const* name, char const* value) : name_(name) {
    if (char const* old = std::getenv(name)) old_ = old;
    if (value != nullptr)
      ::setenv(name, value, 1);
    else
      ::unsetenv(name);
  }
  ~Variable() {
    if (old_)
      ::setenv(name_, old_->c_str(), 1);
    else
      ::unsetenv(name_);
  }
  Variable(Variable const&) = delete;
  Variable& operator=(Variable const&) = delete;

 private:
  char const* name_;
  std::optional<std::string> old_;
};

std::string refusal(std::string_view text) {
  try {
    parse_endpoint(text);
  } catch (std::invalid_argument const& error) {
    return error.what();
  }
  return "accepted";
}

TEST(Endpoint, TcpTakesThreePorts) {
  auto const e = parse_endpoint("tcp://hub:9000");
  EXPECT_EQ(e.text, "tcp://hub:9000");
  EXPECT_EQ(e.push, "tcp://hub:9000");
  EXPECT_EQ(e.control, "tcp://hub:9001");
  EXPECT_EQ(e.live, "tcp://hub:9002");
  EXPECT_FALSE(e.is_ipc());
}

TEST(Endpoint, TcpDefaultsAndForms) {
  EXPECT_EQ(parse_endpoint(" tcp://hub ").text, "tcp://hub:7514");
  EXPECT_EQ(parse_endpoint("tcp://[::1]").live, "tcp://[::1]:7516");
  EXPECT_EQ(parse_endpoint("tcp://[fe80::1]:80").control, "tcp://[fe80::1]:81");
  EXPECT_EQ(parse_endpoint("tcp://*:80").push, "tcp://*:80");
  auto const chosen = parse_endpoint("tcp://127.0.0.1:0");
  EXPECT_EQ(chosen.control, "tcp://127.0.0.1:0");
}

TEST(Endpoint, IpcAndInprocTakeEndings) {
  auto const e = parse_endpoint("ipc:///run/bus");
  EXPECT_EQ(e.push, "ipc:///run/bus.push");
  EXPECT_EQ(e.control, "ipc:///run/bus.ctl");
  EXPECT_EQ(e.live, "ipc:///run/bus.pub");
  EXPECT_TRUE(e.is_ipc());
  EXPECT_EQ(parse_endpoint("inproc://x").control, "inproc://x.ctl");
  EXPECT_FALSE(parse_endpoint("inproc://x").is_ipc());
  EXPECT_NO_THROW(parse_endpoint("ipc://" + std::string(kMaxIpcPath, 'a')));
}

TEST(Endpoint, RefusalsNameTheThingTheReasonAndTheMend) {
  EXPECT_EQ(refusal("udp://hub:1"),
            "endpoint 'udp://hub:1': unknown transport 'udp'; write tcp://HOST:PORT or ipc:///PATH");
  EXPECT_THAT(refusal("ipc:///tmp/a, b"), HasSubstr("comma, which separates addresses"));
  EXPECT_THAT(refusal("tcp://hub:65534"), HasSubstr("'65534' is not a port"));
  EXPECT_THAT(refusal("tcp://hub:"), HasSubstr("is not a port"));
  EXPECT_THAT(refusal("tcp://hub:7x"), HasSubstr("'7x' is not a port"));
  EXPECT_THAT(refusal("tcp://"), HasSubstr("host is missing"));
  EXPECT_THAT(refusal("tcp://::1:80"), HasSubstr("in brackets"));
  EXPECT_THAT(refusal("tcp://[::1:80"), HasSubstr("bracket"));
  EXPECT_THAT(refusal("tcp://a;tcp://b"), HasSubstr("not a host"));
  EXPECT_THAT(refusal("hub:80"), HasSubstr("write tcp://hub:80"));
  EXPECT_THAT(refusal("/run/bus"), HasSubstr("write ipc:///run/bus"));
  EXPECT_THAT(refusal("ipc://"), HasSubstr("path is missing"));
  EXPECT_THAT(refusal("ipc://@bus"), HasSubstr("no permissions"));
  EXPECT_THAT(refusal("ipc:///run/"), HasSubstr("is a directory"));
  EXPECT_THAT(refusal("ipc:///" + std::string(kMaxIpcPath, 'a')), HasSubstr("the system takes 102"));
  EXPECT_THAT(refusal("inproc://"), HasSubstr("name is missing"));
  EXPECT_THAT(refusal(""), HasSubstr("it is empty"));
}

TEST(Endpoint, ArgumentThenVariableThenDefault) {
  Variable const runtime("XDG_RUNTIME_DIR", "/run/user/7");
  Variable const endpoint("LOGBOOM_ENDPOINT", "tcp://a, tcp://b:1,tcp://a:7514");
  auto const both = resolve_endpoints(" ");
  ASSERT_EQ(both.size(), 2U);  // the third is the first again
  EXPECT_EQ(both[0].text, "tcp://a:7514");
  EXPECT_EQ(both[1].text, "tcp://b:1");
  EXPECT_EQ(resolve_endpoints("tcp://c").at(0).text, "tcp://c:7514");
  EXPECT_THROW(resolve_endpoints("tcp://c,,tcp://d"), std::invalid_argument);

  Variable const none("LOGBOOM_ENDPOINT", nullptr);
  EXPECT_EQ(resolve_endpoints("").at(0).text, "ipc:///run/user/7/logboom/bus");
  Variable const unset("XDG_RUNTIME_DIR", nullptr);
  EXPECT_EQ(default_endpoint(), "ipc:///tmp/logboom-" + std::to_string(::getuid()) + "/bus");
}

}  // namespace
}  // namespace logboom::delivery
