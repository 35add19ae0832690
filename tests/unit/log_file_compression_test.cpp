// The log file: what was rotated is compressed, beside the writing, and read by zstd.
#include "log_file_fixture.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/file.h>
#include <sys/stat.h>
#include <random>
#include <string>

namespace logboom::sinks {
namespace {

using testing::HasSubstr;

TEST_F(LogFileTest, CompressesWhatWasRotated) {
  auto packed = options("app.log");
  packed.max_size = 200;
  packed.keep = 3;
  packed.compress = true;
  packed.mode = 0640;
  LogFile file(packed);
  for (int i = 0; i < 5; ++i) {
    put(file, {std::string(150, static_cast<char>('a' + i))});
    set_time("app.log", kNoon + i);
    std::set<std::string> expected{"app.log"};
    for (int n = 1; n <= std::min(i, 3); ++n) expected.insert("app.log." + std::to_string(n) + ".zst");
    ASSERT_TRUE(compressed(file, expected));
  }
  EXPECT_EQ(content("app.log.1.zst"), std::string(150, 'd') + "\n");
  EXPECT_EQ(content("app.log.3.zst"), std::string(150, 'b') + "\n");
  struct stat status {};
  ASSERT_EQ(::stat(path("app.log.1.zst").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0640U);
  EXPECT_EQ(status.st_mtim.tv_sec, kNoon + 3) << "when its last record was written";
}

TEST_F(LogFileTest, ZstdcatReadsIt) {
  auto packed = options("app-%Y%m%d.log");
  packed.utc = true;
  packed.compress = true;
  LogFile file(packed);
  std::string text;
  LogChunk made;
  std::mt19937_64 random(5);
  for (int i = 0; i < 20'000; ++i) {
    made.add(std::to_string(random()) + '\n');
  }
  text = made.bytes(0, made.size());
  file.append(made, kNow);
  put(file, {"next day"}, kNow + kDay);
  ASSERT_TRUE(compressed(file, {"app-20261126.log.zst", "app-20261127.log"}));
  ASSERT_EQ(content("app-20261126.log.zst"), text);
  if (std::system("command -v zstdcat >/dev/null") != 0) return;
  std::string const command = "zstdcat '" + path("app-20261126.log.zst") + "' >'" + path("plain") + "'";
  ASSERT_EQ(std::system(command.c_str()), 0);
  EXPECT_EQ(content("plain"), text);
}

TEST_F(LogFileTest, GoesOnWithACompressionThatWasInterrupted) {
  write("app.log.1", "one\n");
  write("app.log.1.zst", "killed before the original was unlinked");
  write("app.log.2.zst.tmp", "killed within");
  write("app.log.2", "two\n");
  write("app.log.x.zst.tmp", "not ours");
  auto packed = options("app.log");
  packed.max_size = 1'000;
  packed.keep = 3;
  packed.compress = true;
  LogFile file(packed);
  put(file, {"x"});
  ASSERT_TRUE(compressed(file, {"app.log", "app.log.1.zst", "app.log.2.zst", "app.log.x.zst.tmp"}));
  EXPECT_EQ(content("app.log.1.zst"), "one\n");
  EXPECT_EQ(content("app.log.2.zst"), "two\n");
}

TEST_F(LogFileTest, WhatCannotBeCompressedIsToldAndLeftAsItIs) {
  write("app.log.1", "one\n");
  write("app.log.2", "two\n");
  std::filesystem::create_directory(path("app.log.1.zst.tmp"));  // in the way
  auto packed = options("app.log");
  packed.max_size = 1'000;
  packed.keep = 3;
  packed.compress = true;
  LogFile file(packed);
  put(file, {"x"});
  auto now = kNow;
  std::string line;
  ASSERT_TRUE(until([&] {
    line = error_of([&] { file.tick(now); });
    now += 61 * kNanoseconds;  // the pause after a failure
    return !line.empty();
  }));
  EXPECT_THAT(line, HasSubstr("app.log.1.zst.tmp"));
  ASSERT_TRUE(until([&] {
    error_of([&] { file.tick(now); });
    now += 61 * kNanoseconds;
    return std::filesystem::exists(path("app.log.2.zst")) && !std::filesystem::exists(path("app.log.2"));
  })) << "one does not keep another from it";
  EXPECT_EQ(content("app.log.1"), "one\n");
  put(file, {"y"}, now);
  EXPECT_EQ(content("app.log"), "x\ny\n");
}

}  // namespace
}  // namespace logboom::sinks
