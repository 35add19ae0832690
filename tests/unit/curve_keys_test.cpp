// Keys, the files they are in, and who is authorised: what can be read, and what is refused and why.
#include "curve/authorized_keys.hpp"
#include "curve/client_keys.hpp"
#include "curve/secret_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/stat.h>
#include <unistd.h>
#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace logboom::curve {
namespace {

using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class KeysTest : public testing::Test {
 protected:
  KeysTest() {
    std::string pattern = std::filesystem::temp_directory_path() / "keys-XXXXXX";
    directory_ = ::mkdtemp(pattern.data());
  }
  ~KeysTest() override { std::filesystem::remove_all(directory_); }

  std::string write(std::string const& name, std::string const& text, mode_t mode = 0600) const {
    auto const path = (directory_ / name).native();
    std::ofstream(path) << text;
    EXPECT_EQ(::chmod(path.c_str(), mode), 0);
    return path;
  }
  template <class Do>
  static std::string refusal(Do action) {
    try {
      action();
    } catch (KeyError const& error) {
      EXPECT_THAT(error.what(), AllOf(HasSubstr("; "), Not(HasSubstr("\n"))));
      return error.what();
    }
    return "";
  }
  static std::string refusal_of(std::string const& text) {
    return refusal([&] { AuthorizedKeys().add(text, "f"); });
  }

  std::filesystem::path directory_;
  KeyPair const pair_ = make_pair(), other_ = make_pair();
};

TEST_F(KeysTest, AKeyIsFortyCharactersOfZ85) {
  EXPECT_TRUE(is_key(pair_.public_key));
  EXPECT_EQ(pair_of(pair_.secret_key).public_key, pair_.public_key);
  EXPECT_FALSE(is_key(""));
  EXPECT_FALSE(is_key(pair_.public_key.substr(1)));
  EXPECT_FALSE(is_key(std::string(40, '"')));
  EXPECT_FALSE(is_key(pair_.public_key.substr(0, 5) + '\0' + pair_.public_key.substr(6)))
      << "libzmq looks no further than the NUL";
  EXPECT_FALSE(is_key(std::string(40, '#'))) << "larger than any four bytes";
  EXPECT_EQ(key_text("short"), "");
}

TEST_F(KeysTest, ASecretFileIsForItsOwnerAndNeverOverwritten) {
  auto const path = (directory_ / "secret").native();
  write_secret_file(path, pair_);
  struct stat status {};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0600U);
  EXPECT_EQ(read_secret_file(path).public_key, pair_.public_key);
  EXPECT_THAT(refusal([&] { write_secret_file(path, other_); }), HasSubstr("there is a file already"));
  EXPECT_EQ(read_secret_file(path).secret_key, pair_.secret_key);
}

TEST_F(KeysTest, ASecretFileThatOthersMayReadIsRefused) {
  for (mode_t const mode : {0640U, 0604U, 0660U, 0644U, 0620U})
    EXPECT_THAT(refusal([&] { read_secret_file(write("s", pair_.secret_key, mode)); }),
                HasSubstr("others may read it (mode 0"));
  EXPECT_EQ(read_secret_file(write("s", pair_.secret_key, 0400)).public_key, pair_.public_key);
}

TEST_F(KeysTest, WhatIsNoSecretFileIsRefused) {
  EXPECT_THAT(refusal([&] { read_secret_file(directory_ / "none"); }), HasSubstr("No such file"));
  EXPECT_THAT(refusal([&] { read_secret_file(directory_); }), HasSubstr("not a file"));
  EXPECT_THAT(refusal([&] { read_secret_file(write("s", "# nothing\n")); }),
              HasSubstr("no secret key in it"));
  EXPECT_THAT(refusal([&] { read_secret_file(write("s", std::string(5'000, ' '))); }),
              HasSubstr("larger than"));
  EXPECT_EQ(read_secret_file(write("s", "# mine\r\n\n" + pair_.secret_key + " \r\n")).public_key,
            pair_.public_key);
}

TEST_F(KeysTest, LinesSayWhoMayDoWhat) {
  AuthorizedKeys keys;
  keys.add("# who\n\n  publish,control\t" + pair_.public_key + "   web \x01 1 \r\nall " + other_.public_key,
           "f");
  ASSERT_EQ(keys.size(), 2U);
  auto const* const first = keys.find(pair_.public_key);
  ASSERT_NE(first, nullptr);
  EXPECT_EQ(first->rights, (Rights{true, false, true}));
  EXPECT_EQ(first->name, "web ? 1");
  EXPECT_EQ(first->place, "f:3");
  EXPECT_EQ(keys.find(other_.public_key)->rights, kAllRights);
  EXPECT_THAT(keys.find(other_.public_key)->name, StartsWith("key " + other_.public_key.substr(0, 8)));
  EXPECT_EQ(keys.find(make_pair().public_key), nullptr);
}

TEST_F(KeysTest, MistakesHaveTheirPlace) {
  auto const& key = pair_.public_key;
  EXPECT_THAT(refusal_of("\npublish\n"), StartsWith("f:2: there is no key"));
  EXPECT_THAT(refusal_of("publish," + std::string(" ") + key), StartsWith("f:1: 'publish,' are no rights"));
  EXPECT_THAT(refusal_of(key + " publish"), HasSubstr("are no rights"));
  EXPECT_THAT(refusal_of("view " + key.substr(2)), StartsWith("f:1: '" + key.substr(2) + "' is no key"));
  EXPECT_THAT(refusal_of("view " + key + "\n\nview " + key), StartsWith("f:3: the key is at f:1 already"));
  EXPECT_THAT(refusal_of("view " + std::string(1'000'000, 'x')), HasSubstr("is no key"));
}

TEST_F(KeysTest, AFileThatOthersMayWriteToIsRefused) {
  auto const text = "view " + pair_.public_key;
  for (mode_t const mode : {0620U, 0602U, 0666U})
    EXPECT_THAT(refusal([&] { AuthorizedKeys::read(write("a", text, mode)); }),
                HasSubstr("could let anybody in"));
  EXPECT_EQ(AuthorizedKeys::read(write("a", text, 0644)).size(), 1U);
  EXPECT_THAT(refusal([&] { AuthorizedKeys::read(directory_ / "none"); }), HasSubstr("No such file"));
}

TEST_F(KeysTest, ADirectoryIsAllOfItsFiles) {
  write("b", "view " + pair_.public_key);
  write("a", "control " + other_.public_key);
  write(".hidden", "nonsense");
  write("a~", "nonsense");
  EXPECT_EQ(AuthorizedKeys::read(directory_).size(), 2U);
  write("c", "view " + pair_.public_key);
  EXPECT_THAT(refusal([&] { AuthorizedKeys::read(directory_); }),
              AllOf(HasSubstr("/c:1:"), HasSubstr("/b:1 already")));
  ASSERT_EQ(::chmod(directory_.c_str(), 0777), 0);
  EXPECT_THAT(refusal([&] { AuthorizedKeys::read(directory_); }), HasSubstr("others may write to it"));
}

TEST_F(KeysTest, WhoLostARightIsFound) {
  AuthorizedKeys before;
  AuthorizedKeys after;
  before.add("view,publish " + pair_.public_key, "f");
  after.add("all " + pair_.public_key + "\nview " + other_.public_key, "f");
  EXPECT_FALSE(before.more_than(after));
  EXPECT_TRUE(after.more_than(before));
  AuthorizedKeys less;
  less.add("view " + pair_.public_key, "f");
  EXPECT_TRUE(before.more_than(less));
  EXPECT_FALSE(less.more_than(less));
}

TEST_F(KeysTest, AClientNeedsBothOfItsKeys) {
  auto const secret = write("s", pair_.secret_key);
  auto const server = write("server", other_.public_key + "\n");
  EXPECT_EQ(refusal([&] { check({other_.public_key, secret}, 3); }), "");
  EXPECT_EQ(refusal([&] { check({server, secret}, 1); }), "");
  EXPECT_EQ(refusal([&] { check({other_.public_key + "," + server, secret}, 2); }), "");
  EXPECT_EQ(refusal([&] { check({}, 1); }), "");
  EXPECT_THAT(refusal([&] {
                check({other_.public_key + "," + server, secret}, 3);
              }),
              HasSubstr("one for each address"));
  EXPECT_THAT(refusal([&] { check({"", secret}, 1); }), HasSubstr("LOGBOOM_CURVE_SERVER_KEY"));
  EXPECT_THAT(refusal([&] { check({other_.public_key, ""}, 1); }), HasSubstr("LOGBOOM_CURVE_SECRET"));
  EXPECT_THAT(refusal([&] { check({"/nowhere", secret}, 1); }), HasSubstr("/nowhere"));
  auto const wrong = directory_ / "wrong";
  write_secret_file(wrong, other_);
  EXPECT_THAT(refusal([&] { check({wrong, secret}, 1); }), Not(HasSubstr(other_.secret_key)));
}

}  // namespace
}  // namespace logboom::curve
