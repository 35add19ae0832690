// Who is let in: questions as libzmq asks them, rights, users, what is counted; and that to cut connections leaves files alone.
#include "collector/admission.hpp"
#include "collector/bus_sockets.hpp"
#include "collector/doorkeeper.hpp"
#include "collector/zap_request.hpp"
#include "curve/secret_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <vector>

namespace logboom::collector {
namespace {

using testing::HasSubstr;

std::string bytes_of(std::string const& key) {
  std::string bytes(32, '\0');
  EXPECT_NE(zmq_z85_decode(reinterpret_cast<std::uint8_t*>(bytes.data()), key.c_str()), nullptr);
  return bytes;
}

class AdmissionTest : public testing::Test {
 protected:
  AdmissionTest() {
    std::string pattern = std::filesystem::temp_directory_path() / "admission-XXXXXX";
    directory_ = ::mkdtemp(pattern.data());
    curve::write_secret_file(directory_ / "secret", curve::make_pair());
  }
  ~AdmissionTest() override { std::filesystem::remove_all(directory_); }

  Admission::Options options(std::string const& lines) const {
    std::ofstream(directory_ / "keys") << lines;
    EXPECT_EQ(::chmod((directory_ / "keys").c_str(), 0600), 0);
    return {directory_ / "secret", directory_ / "keys", {}};
  }
  static Admission::Verdict ask(Admission& admission, char const* domain, std::string const& key,
                                std::string const& address = "10.0.0.1") {
    auto const bytes = bytes_of(key);
    return admission.decide({"1", domain, address, "CURVE", bytes});
  }
  static Admission::Verdict ask_plain(Admission& admission, char const* domain, std::string const& address) {
    return admission.decide({"1", domain, address, "NULL", {}});
  }
  std::string refusal(Admission::Options options) {
    try {
      Admission const admission(std::move(options), log_);
    } catch (std::invalid_argument const& error) {
      return error.what();
    }
    return "";
  }

  std::filesystem::path directory_;
  OwnLog log_{"host", level::kInfo, {}, [] { return std::int64_t{1}; }};
  curve::KeyPair const key_ = curve::make_pair();
};

TEST_F(AdmissionTest, AQuestionIsReadAndAnswered) {
  std::vector<std::string> frames{"1.0", "7", "d", "1.2.3.4", "", "CURVE", std::string(32, 'k')};
  auto const request = parse_zap(frames);
  ASSERT_TRUE(request);
  EXPECT_EQ(request->id, "7");
  EXPECT_EQ(request->key, frames[6]);
  frames[6].pop_back();
  EXPECT_FALSE(parse_zap(frames)) << "half a key";
  frames[6] += "kk";
  frames.emplace_back();
  EXPECT_FALSE(parse_zap(frames)) << "more than a key";
  frames.resize(5);
  EXPECT_FALSE(parse_zap(frames));
  EXPECT_FALSE(parse_zap(std::vector<std::string>{"2.0", "7", "d", "a", "", "NULL"}));
  EXPECT_FALSE(parse_zap(std::vector<std::string>{"1.0", "7", std::string(256, 'd'), "a", "", "NULL"}));
  EXPECT_TRUE(parse_zap(std::vector<std::string>{"1.0", "7", "d", "a", "", "NULL"}));
  EXPECT_EQ(zap_reply("7", true, "view me"),
            (std::array<std::string, 6>{"1.0", "7", "200", "OK", "view me", ""}));
  EXPECT_EQ(zap_reply("7", false, "view me")[4], "");
}

TEST_F(AdmissionTest, AKeyGetsInWhereItsRightsSay) {
  Admission admission(options("view,control " + key_.public_key + " an eye"), log_);
  EXPECT_FALSE(ask(admission, Admission::kPublish, key_.public_key).admitted);
  EXPECT_TRUE(ask(admission, Admission::kView, key_.public_key).admitted);
  auto const control = ask(admission, Admission::kControl, key_.public_key);
  EXPECT_TRUE(control.admitted);
  EXPECT_EQ(control.user, "view,control an eye");
  EXPECT_EQ(Admission::rights_in(control.user), (curve::Rights{false, true, true}));
  EXPECT_EQ(Admission::name_in(control.user), "an eye");
  EXPECT_FALSE(ask(admission, "another", key_.public_key).admitted);
  EXPECT_FALSE(ask(admission, Admission::kView, curve::make_pair().public_key).admitted);
  EXPECT_FALSE(ask_plain(admission, Admission::kView, "10.0.0.1").admitted) << "without a key";
  EXPECT_EQ(admission.counters().keys, 4U);
  EXPECT_TRUE(ask(admission, Admission::kPublish, admission.own_key().public_key).admitted);
  EXPECT_FALSE(ask(admission, Admission::kView, admission.own_key().public_key).admitted);
}

TEST_F(AdmissionTest, NoUserIdHasNoRights) {
  for (char const* const user : {"", " ", "x", "publish!", " all"})
    EXPECT_FALSE(Admission::rights_in(user).any()) << user;
  EXPECT_EQ(Admission::name_in(""), "");
}

TEST_F(AdmissionTest, OtherKeysHoldFromNowOn) {
  Admission admission(options("all " + key_.public_key), log_);
  (void)options("view " + key_.public_key);
  EXPECT_TRUE(ask(admission, Admission::kPublish, key_.public_key).admitted) << "not read yet";
  EXPECT_TRUE(admission.replace(admission.read())) << "somebody lost a right";
  EXPECT_FALSE(ask(admission, Admission::kPublish, key_.public_key).admitted);
  (void)options("all " + key_.public_key);
  EXPECT_FALSE(admission.replace(admission.read()));
  EXPECT_TRUE(ask(admission, Admission::kPublish, key_.public_key).admitted);
  (void)options("nonsense");
  EXPECT_THROW(admission.read(), std::invalid_argument);
}

TEST_F(AdmissionTest, UsersAreAskedForWhereTheyComeByAnIpcAddress) {
  Admission admission({"", "", {"4242=publish"}}, log_);
  EXPECT_TRUE(admission.active());
  EXPECT_TRUE(ask_plain(admission, Admission::kPublish, "localhost:4242:1:99").admitted);
  EXPECT_FALSE(ask_plain(admission, Admission::kView, "localhost:4242:1:99").admitted);
  EXPECT_FALSE(ask_plain(admission, Admission::kPublish, "localhost:4243:1:99").admitted);
  EXPECT_FALSE(ask_plain(admission, Admission::kPublish, "localhost:x").admitted);
  EXPECT_FALSE(ask_plain(admission, Admission::kPublish, "localhost:").admitted);
  EXPECT_FALSE(ask_plain(admission, Admission::kPublish, "localhost:4242").admitted);
  EXPECT_TRUE(ask_plain(admission, Admission::kView, "localhost:0:0:1").admitted) << "root";
  EXPECT_TRUE(
      ask_plain(admission, Admission::kView, "localhost:" + std::to_string(::geteuid()) + ":0:1").admitted);
  EXPECT_TRUE(ask_plain(admission, Admission::kView, "10.0.0.1").admitted) << "no ipc address";
  EXPECT_EQ(admission.counters().users, 5U);
}

TEST_F(AdmissionTest, WithKeysAndUsersBothAreAsked) {
  auto both = options("publish,view " + key_.public_key);
  both.users = {"4242=view,control"};
  Admission admission(both, log_);
  EXPECT_EQ(
      Admission::rights_in(ask(admission, Admission::kControl, key_.public_key, "localhost:4242:1:9").user),
      (curve::Rights{false, true, false}));
  EXPECT_FALSE(ask(admission, Admission::kView, key_.public_key, "localhost:1:1:9").admitted);
}

TEST_F(AdmissionTest, MistakesAreNamed) {
  EXPECT_THAT(refusal({directory_ / "secret", "", {}}), HasSubstr("go together"));
  EXPECT_THAT(refusal({"", directory_ / "keys", {}}), HasSubstr("go together"));
  EXPECT_THAT(refusal({"", "", {"no-such-user"}}), HasSubstr("there is no user no-such-user"));
  EXPECT_THAT(refusal({"", "", {"=view"}}), HasSubstr("there is no name"));
  EXPECT_THAT(refusal({"", "", {"0=fly"}}), HasSubstr("no such rights"));
  EXPECT_FALSE(Admission({}, log_).active());
}

/// Closing any descriptor of a file gives up the process's locks on it; SQLite counts on its own.
TEST_F(AdmissionTest, ToCutConnectionsGivesUpNoLockOnAFile) {
  auto const path = (directory_ / "locked").native();
  int const fd = ::open(path.c_str(), O_RDWR | O_CREAT, 0600);
  ASSERT_GE(fd, 0);
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  ASSERT_EQ(::fcntl(fd, F_SETLK, &lock), 0);
  {
    auto const endpoint = delivery::parse_endpoint("ipc://" + (directory_ / "bus").native());
    Admission admission({}, log_);
    BusSockets bus(claim_addresses({&endpoint, 1}, false), {&endpoint, 1}, true, admission);
    Doorkeeper door(bus, 100);
    door.cut_all();
    door.cut_viewers({});
  }
  pid_t const child = ::fork();  // who does not have the lock
  if (child == 0) ::_exit(::fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK ? 0 : 1);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), 0) << "the lock is gone";
  ::close(fd);
}

}  // namespace
}  // namespace logboom::collector
