// The log file: what happens when somebody else is at the file, at a high rate, and when something goes wrong.
#include "log_file_fixture.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <atomic>
#include <csignal>
#include <random>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace logboom::sinks {
namespace {

using testing::HasSubstr;

TEST_F(LogFileTest, NoticesThatTheFileWasMovedOrRemoved) {
  LogFile file(options("app.log"));
  put(file, {"a"});
  std::filesystem::rename(path("app.log"), path("app.log.moved"));
  put(file, {"b"});
  EXPECT_EQ(content("app.log.moved"), "a\n");
  EXPECT_EQ(content("app.log"), "b\n");
  std::filesystem::remove(path("app.log"));
  file.tick(kNow);
  EXPECT_FALSE(std::filesystem::exists(path("app.log"))) << "not before there is something to write";
  put(file, {"c"});
  EXPECT_EQ(content("app.log"), "c\n");
  std::filesystem::resize_file(path("app.log"), 0);  // logrotate's copytruncate
  put(file, {"d"});
  EXPECT_EQ(content("app.log"), "d\n");
}

TEST_F(LogFileTest, ReopensWhenTold) {
  LogFile file(options("app.log"));
  put(file, {"a"});
  std::filesystem::rename(path("app.log"), path("app.log.moved"));
  file.reopen(kNow);
  EXPECT_EQ(content("app.log"), "");
  put(file, {"b"});
  EXPECT_EQ(content("app.log"), "b\n");
}

TEST_F(LogFileTest, LosesAndTearsNothingWhileSomebodyElseMovesTheFile) {
  constexpr int kRecords = 20'000;
  std::atomic<bool> done = false;
  std::atomic<int> moved = 0;
  std::thread mover([&] {
    while (!done) {
      std::error_code error;
      std::filesystem::rename(path("app.log"), path("moved." + std::to_string(moved)), error);
      if (!error) ++moved;
      std::this_thread::yield();
    }
  });
  LogFile file(options("app.log"));
  for (int i = 0; i < kRecords; i += 10) {
    if (i == kRecords / 2) {
      while (moved == 0) std::this_thread::yield();
    }
    std::vector<std::string> records;
    for (int k = i; k < i + 10; ++k) records.push_back("record " + std::to_string(k));
    auto made = chunk(records);
    while (!made.empty()) {
      // Where it is moved again and again while it is being opened, that is an error.
      error_of([&] { file.append(made, kNow); });
    }
  }
  done = true;
  mover.join();
  std::multiset<std::string> seen;
  for (auto const& name : names())
    for (auto const& line : lines(content(name))) seen.insert(line);
  ASSERT_EQ(seen.size(), static_cast<std::size_t>(kRecords));
  for (int i = 0; i < kRecords; ++i) ASSERT_EQ(seen.count("record " + std::to_string(i)), 1U) << i;
  EXPECT_GT(names().size(), 1U);
}

TEST_F(LogFileTest, OneFileHasOneWriter) {
  LogFile first(options("app.log"));
  put(first, {"a"});
  LogFile second(options("app.log"));
  EXPECT_THAT(error_of([&] { second.open(kNow); }), HasSubstr("another process, or another sink"));
  auto waiting = chunk({"b"});
  EXPECT_FALSE(error_of([&] { second.append(waiting, kNow); }).empty());
  EXPECT_EQ(waiting.records(), 1U);
  put(first, {"c"});
  EXPECT_EQ(content("app.log"), "a\nc\n");
}

TEST_F(LogFileTest, LosesNothingAtAHighRateOfRotation) {
  auto rotating = options("app.log");
  rotating.max_size = 4'096;
  rotating.schedule = utc("S");
  rotating.compress = true;
  LogFile file(rotating);
  constexpr int kRecords = 100'000;
  LogChunk made;
  for (int i = 0; i < kRecords; ++i) {
    made.add("record " + std::to_string(i) + (i % 7 == 0 ? "\n  with a second line\n" : "\n"));
    if (i % 500 == 499) file.append(made, kNow + i * kNanoseconds / 10'000);
  }
  ASSERT_GT(file.rotations(), 300U);
  // In the order of their names, the last being the current one.
  auto all = names();
  auto const key = [](std::string name) {
    if (name == "app.log") return std::pair(std::string("z"), 0);
    if (name.ends_with(".zst")) name.resize(name.size() - 4);
    auto const dot = name.rfind('.');
    return dot < 8 ? std::pair(name, 0) : std::pair(name.substr(0, dot), std::stoi(name.substr(dot + 1)));
  };
  std::erase_if(all, [](std::string const& name) { return name.ends_with(".tmp"); });
  std::sort(all.begin(), all.end(), [&](auto const& a, auto const& b) { return key(a) < key(b); });
  int next = 0;
  for (std::string const& name : all) {
    if (name.ends_with(".zst") && std::filesystem::exists(path(name.substr(0, name.size() - 4)))) continue;
    auto const text = content(name);
    ASSERT_LE(text.size(), 4'096U);
    auto const all_lines = lines(text);
    for (std::size_t i = 0; i < all_lines.size(); ++i) {
      ASSERT_EQ(all_lines[i], "record " + std::to_string(next)) << name;
      if (next++ % 7 != 0) continue;
      ASSERT_EQ(all_lines.at(++i), "  with a second line") << name;
    }
  }
  EXPECT_EQ(next, kRecords);
}

// Every kind of file, restarted, moved away, with a clock that goes forward and back: each record stands once, whole, in order within its file.
TEST_F(LogFileTest, KeepsEachRecordWhateverHappens) {
  for (unsigned seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    auto const below = [&](std::uint64_t bound) { return random() % bound; };
    static std::vector<std::string> const kPaths{"app.log", "app.log", "app-%Y%m%d.log", "app-%F-%H%M.log",
                                                 "%Y/%j.log"};
    static std::vector<std::string> const kWhens{"S", "H", "D", "midnight", "W3"};
    auto any = options(kPaths[below(kPaths.size())]);
    any.utc = true;
    if (below(2) == 0) any.max_size = 20 + below(60);
    if (below(2) == 0)
      any.schedule = utc(kWhens[below(kWhens.size())], static_cast<std::uint32_t>(1 + below(3)));
    auto now = kNow;
    auto file = std::make_unique<LogFile>(any);
    int written = 0;
    for (int step = 0; step < 60; ++step) {
      switch (below(8)) {
        case 0: now += static_cast<std::int64_t>(below(3)) * kDay; break;
        case 1: now += static_cast<std::int64_t>(below(7'200)) * kNanoseconds; break;
        case 2: now -= static_cast<std::int64_t>(below(100'000)) * kNanoseconds; break;
        case 3: file = std::make_unique<LogFile>(any); break;
        case 4: {
          std::error_code ignored;
          std::filesystem::rename(file->current(), path("moved." + std::to_string(step)), ignored);
          break;
        }
        case 5: file->tick(now); break;
        default: {
          LogChunk made;
          for (auto n = 1 + below(4); n > 0; --n) made.add("record " + std::to_string(written++) + '\n');
          file->append(made, now);
        }
      }
    }
    std::set<std::string> seen;
    for (auto const& entry : std::filesystem::recursive_directory_iterator(directory_)) {
      if (!entry.is_regular_file()) continue;
      auto const name = entry.path().string().substr(directory_.size() + 1);
      auto const all = lines(content(name));
      int before = -1;
      for (auto const& line : all) {
        ASSERT_TRUE(line.starts_with("record ")) << name << ": " << line;
        auto const number = std::stoi(line.substr(7));
        ASSERT_GT(number, before) << name;
        before = number;
        ASSERT_TRUE(seen.insert(line).second) << name << ": " << line;
      }
      ASSERT_TRUE(any.max_size == 0 || entry.file_size() < any.max_size || all.size() == 1) << name;
    }
    ASSERT_EQ(seen.size(), static_cast<std::size_t>(written));
    file.reset();
    for (auto const& entry : std::filesystem::directory_iterator(directory_))
      std::filesystem::remove_all(entry);
  }
}

// --- what goes wrong

TEST_F(LogFileTest, SaysWhatIsWrongWithThePath) {
  write("file", "");
  EXPECT_THAT(error_of([&] { LogFile(options("file/app.log")).open(kNow); }),
              HasSubstr("file/app.log: Not a directory; "));
  std::filesystem::create_directory(path("dir"));
  EXPECT_THAT(error_of([&] { LogFile(options("dir")).open(kNow); }), HasSubstr("dir: Is a directory; "));
  ASSERT_EQ(::mkfifo(path("pipe").c_str(), 0600), 0);
  EXPECT_THAT(error_of([&] { LogFile(options("pipe")).open(kNow); }), HasSubstr("name a regular file"));
}

TEST_F(LogFileTest, DevicesAreWrittenAndNotRotated) {
  LogFile::Options null;
  null.path = "/dev/null";
  null.max_size = 2;
  null.schedule = utc("S");
  LogFile file(null);
  put(file, {"a", "b"});
  put(file, {"c"}, kNow + kDay);
  EXPECT_EQ(file.rotations(), 0U);
  null.path = "/dev/full";
  LogFile full(null);
  auto waiting = chunk({"a", "b"});
  EXPECT_THAT(
      error_of([&] { full.append(waiting, kNow); }),
      testing::EndsWith("append to /dev/full: No space left on device; make room on its file system"));
  EXPECT_EQ(waiting.records(), 2U);
}

TEST_F(LogFileTest, AtTheLimitOfAFilesSizeTheChunkHoldsWhatIsNotInTheFile) {
  // The limit is of the process: without ignoring SIGXFSZ, which would end it.
  std::signal(SIGXFSZ, SIG_DFL);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  LogFile file(options("app.log"));
  file.open(kNow);
  auto made = chunk({"0123", "4567", "89ab"});
  rlimit tight = before;
  tight.rlim_cur = 12;
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &tight), 0);
  std::string const first = error_of([&] { file.append(made, kNow); });
  std::string const second = error_of([&] { file.append(made, kNow); });
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  EXPECT_THAT(first, HasSubstr("File too large; raise the limit"));
  EXPECT_EQ(second, first);
  EXPECT_EQ(content("app.log"), "0123\n4567\n");
  ASSERT_EQ(made.records(), 1U);
  file.append(made, kNow);
  EXPECT_EQ(content("app.log"), "0123\n4567\n89ab\n");
}

TEST_F(LogFileTest, AFileThatCannotBeRotatedIsNotWrittenBeyondItsSize) {
  auto rotating = options("app.log");
  rotating.max_size = 4;
  rotating.keep = 1;
  LogFile file(rotating);
  put(file, {"a"});
  // A directory that is not empty cannot be unlinked.
  std::filesystem::create_directories(path("app.log.1/x"));
  auto made = chunk({"b"});
  EXPECT_THAT(error_of([&] { file.append(made, kNow); }), HasSubstr("app.log.1: Is a directory; "));
  EXPECT_EQ(content("app.log"), "a\n");
  std::filesystem::remove_all(path("app.log.1"));
  file.append(made, kNow);
  EXPECT_EQ(content("app.log"), "b\n");
}

}  // namespace
}  // namespace logboom::sinks
