// The log file: what stands where after rotations of either kind, what is compressed and kept, and what happens when somebody else is at the file.
#include "sinks/log_file.hpp"

#include "log_file_fixture.hpp"
#include "python_reference.hpp"

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

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::int64_t kNow = kNoon * kNanoseconds;
constexpr std::int64_t kDay = 86'400 * kNanoseconds;

class LogFileTest : public LogDirectory {
 protected:
  LogFile::Options options(std::string const& name) const {
    LogFile::Options made;
    made.path = path(name);
    return made;
  }

  static RotationSchedule utc(std::string const& when, std::uint32_t interval = 1,
                              std::optional<std::uint32_t> at = {}) {
    auto made = RotationSchedule::parse(when);
    made.utc = true;
    made.interval = interval;
    made.at = at;
    return RotationSchedule(made);
  }

  static void put(LogFile& file, std::vector<std::string> const& records, std::int64_t now = kNow) {
    auto made = chunk(records);
    file.append(made, now);
    EXPECT_TRUE(made.empty());
  }

  void set_time(std::string const& name, std::int64_t seconds) const {
    timespec const times[2]{{seconds, 0}, {seconds, 0}};
    ASSERT_EQ(::utimensat(AT_FDCWD, path(name).c_str(), times, 0), 0);
  }

  template <typename Condition>
  static bool until(Condition const& condition) {
    auto const end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!condition()) {
      if (std::chrono::steady_clock::now() > end) return false;
      std::this_thread::yield();
    }
    return true;
  }

  // Ticks until there is nothing left to compress.
  bool compressed(LogFile& file, std::set<std::string> const& expected, std::int64_t now = kNow) const {
    return until([&] {
      file.tick(now);
      auto const all = names();
      return std::set<std::string>(all.begin(), all.end()) == expected;
    });
  }
};

std::string error_of(auto const& action) {
  try {
    action();
  } catch (LogFileError const& error) {
    return error.what();
  }
  return "";
}

TEST_F(LogFileTest, AppendsToWhatIsThereAndMakesDirectories) {
  LogFile file(options("a/b/app.log"));
  EXPECT_THAT(names(), IsEmpty()) << "the constructor touches nothing";
  put(file, {"one", "two\n  of two lines"});
  EXPECT_EQ(content("a/b/app.log"), "one\ntwo\n  of two lines\n");
  EXPECT_EQ(file.current(), path("a/b/app.log"));
  LogFile(options("a/b/other.log")).open(kNow);
  EXPECT_EQ(content("a/b/other.log"), "");
}

TEST_F(LogFileTest, EndsTheHalfLineOfOneThatWasKilled) {
  write("app.log", "whole\nhal");
  LogFile file(options("app.log"));
  file.open(kNow);
  EXPECT_EQ(content("app.log"), "whole\nhal") << "not before there is something to write";
  put(file, {"next"});
  EXPECT_EQ(content("app.log"), "whole\nhal\nnext\n");
}

TEST_F(LogFileTest, GivesNewFilesTheirModeWhateverTheUmask) {
  mode_t const before = ::umask(077);
  auto with_mode = options("app.log");
  with_mode.mode = 0640;
  put(*std::make_unique<LogFile>(with_mode), {"x"});
  put(*std::make_unique<LogFile>(options("other.log")), {"x"});
  ::umask(before);
  auto const mode = [&](std::string const& name) { return std::filesystem::status(path(name)).permissions(); };
  EXPECT_EQ(static_cast<unsigned>(mode("app.log")), 0640U);
  EXPECT_EQ(static_cast<unsigned>(mode("other.log")), 0600U);
}

TEST_F(LogFileTest, KeepsToItsPathWhenTheProgramChangesItsDirectory) {
  auto const before = std::filesystem::current_path();
  std::filesystem::current_path(directory_);
  LogFile::Options relative;
  relative.path = "app.log";
  LogFile file(relative);
  std::filesystem::current_path(before);
  put(file, {"x"});
  EXPECT_EQ(content("app.log"), "x\n");
}

// --- by size

TEST_F(LogFileTest, RotatesBySizeAsPythonDoes) {
  std::mt19937_64 random(11);
  struct Case {
    std::uint32_t keep;
    std::uint64_t size;
    std::vector<std::size_t> lengths;
  };
  std::vector<Case> cases;
  std::vector<std::string> questions;
  for (int i = 0; i < 80; ++i) {
    Case c{static_cast<std::uint32_t>(1 + random() % 5), 10 + random() % 90, {}};
    std::ostringstream question;
    question << "('size', " << c.size << ", " << c.keep << ", [";
    for (auto n = random() % 60; n > 0; --n) {
      // The first one fits: before 3.12 Python rotated an empty file before a record that is too long.
      c.lengths.push_back(c.lengths.empty() ? random() % 9 : random() % (c.size - 1));
      question << c.lengths.back() << ", ";
    }
    question << "])";
    cases.push_back(c);
    questions.push_back(question.str());
  }
  auto const answers = test::ask_python("log_file_python_reference.py", questions);
  ASSERT_EQ(answers.size(), cases.size());
  for (std::size_t i = 0; i < cases.size(); ++i) {
    auto const name = "case" + std::to_string(i) + ".log";
    auto rotating = options(name);
    rotating.max_size = cases[i].size;
    rotating.keep = cases[i].keep;
    LogFile file(rotating);
    file.open(kNow);
    // In chunks of several records, at whose seams nothing must be seen.
    LogChunk made;
    for (auto const length : cases[i].lengths) {
      made.add(std::string(length, 'x') + '\n');
      if (random() % 3 == 0) file.append(made, kNow);
    }
    file.append(made, kNow);
    std::ostringstream sizes;
    sizes << std::filesystem::file_size(path(name));
    for (int n = 1; std::filesystem::exists(path(name + "." + std::to_string(n))); ++n)
      sizes << ' ' << std::filesystem::file_size(path(name + "." + std::to_string(n)));
    EXPECT_EQ(sizes.str(), answers[i]) << questions[i];
  }
}

TEST_F(LogFileTest, FillsTheGapOfAnInterruptedRotationAndTouchesNothingElse) {
  for (char const* const name : {"app.log.1", "app.log.2", "app.log.4", "app.log.5", "app.log.20261126",
                                 "app.log.old", "app.log.01", "app.logx.1"})
    write(name, name);
  write("app.log", "full\n");
  auto rotating = options("app.log");
  rotating.max_size = 5;
  rotating.keep = 5;
  LogFile file(rotating);
  put(file, {"next"});
  EXPECT_EQ(content("app.log"), "next\n");
  EXPECT_EQ(content("app.log.1"), "full\n");
  EXPECT_EQ(content("app.log.2"), "app.log.1");
  EXPECT_EQ(content("app.log.3"), "app.log.2");
  EXPECT_EQ(content("app.log.4"), "app.log.4");
  EXPECT_EQ(content("app.log.5"), "app.log.5");
  for (char const* const name : {"app.log.20261126", "app.log.old", "app.log.01", "app.logx.1"})
    EXPECT_EQ(content(name), name);
  put(file, {"more"});
  EXPECT_EQ(content("app.log.5"), "app.log.4") << "without a gap the last one goes";
}

TEST_F(LogFileTest, KeepsAllWithoutANumber) {
  auto rotating = options("app.log");
  rotating.max_size = 3;
  LogFile file(rotating);
  for (int i = 0; i < 40; ++i) put(file, {std::to_string(i)});
  EXPECT_EQ(file.rotations(), 39U);
  for (int i = 1; i < 40; ++i)
    EXPECT_EQ(content("app.log." + std::to_string(i)), std::to_string(39 - i) + "\n");
}

TEST_F(LogFileTest, ARecordLargerThanTheSizeHasAFileOfItsOwn) {
  auto rotating = options("app.log");
  rotating.max_size = 10;
  rotating.keep = 9;
  LogFile file(rotating);
  put(file, {std::string(50, 'a'), "b", std::string(50, 'c')});
  EXPECT_EQ(content("app.log.2"), std::string(50, 'a') + "\n");
  EXPECT_EQ(content("app.log.1"), "b\n");
  EXPECT_EQ(content("app.log"), std::string(50, 'c') + "\n");
}

// --- by time

TEST_F(LogFileTest, RotatesAtMidnightAndKeepsTheLatest) {
  auto daily = options("app.log");
  daily.schedule = utc("midnight");
  daily.keep = 2;
  write("app.log.2026-11-26_09", "of an hour");
  write("app.log.2026-13-26", "no date");
  LogFile file(daily);
  for (int day = 0; day < 5; ++day) {
    put(file, {"day " + std::to_string(day)}, kNow + day * kDay);
    put(file, {"more"}, kNow + day * kDay + 1);
  }
  EXPECT_THAT(names(), ElementsAre("app.log", "app.log.2026-11-26_09", "app.log.2026-11-28",
                                   "app.log.2026-11-29", "app.log.2026-13-26"));
  EXPECT_EQ(content("app.log"), "day 4\nmore\n");
  EXPECT_EQ(content("app.log.2026-11-29"), "day 3\nmore\n");
  EXPECT_EQ(file.rotations(), 4U);
}

TEST_F(LogFileTest, CountsTimeFromTheFilesLastWriting) {
  write("app.log", "old\n");
  set_time("app.log", kNoon - 2 * 86'400);
  auto daily = options("app.log");
  daily.schedule = utc("midnight");
  LogFile file(daily);
  put(file, {"new"});
  EXPECT_EQ(content("app.log.2026-11-24"), "old\n");
  EXPECT_EQ(content("app.log"), "new\n");

  write("hourly.log", "old\n");
  set_time("hourly.log", kNoon - 3'000);
  auto hourly = options("hourly.log");
  hourly.schedule = utc("H");
  LogFile other(hourly);
  put(other, {"same"});
  put(other, {"new"}, kNow + 600 * kNanoseconds);
  EXPECT_EQ(content("hourly.log.2026-11-26_11"), "old\nsame\n");
  EXPECT_EQ(content("hourly.log"), "new\n");
}

TEST_F(LogFileTest, AnEmptyFileIsNotRotated) {
  auto daily = options("app.log");
  daily.schedule = utc("midnight");
  LogFile file(daily);
  file.open(kNow);
  put(file, {"x"}, kNow + 3 * kDay);
  EXPECT_THAT(names(), ElementsAre("app.log"));
}

TEST_F(LogFileTest, ANameThatIsTakenIsNumbered) {
  auto both = options("app.log");
  both.schedule = utc("midnight");
  both.max_size = 4;
  both.keep = 3;
  write("app.log.2026-11-26.9.zst", "");
  LogFile file(both);
  put(file, {"a", "b", "c", "d"});
  EXPECT_THAT(names(), ElementsAre("app.log", "app.log.2026-11-26.10", "app.log.2026-11-26.11",
                                   "app.log.2026-11-26.12"));
  EXPECT_EQ(content("app.log.2026-11-26.10"), "a\n");
  EXPECT_EQ(content("app.log.2026-11-26.12"), "c\n");
  put(file, {"e"}, kNow + kDay);
  EXPECT_EQ(content("app.log.2026-11-26.13"), "d\n");
  put(file, {"f"}, kNow + kDay);
  EXPECT_THAT(names(),
              ElementsAre("app.log", "app.log.2026-11-26.12", "app.log.2026-11-26.13", "app.log.2026-11-27"));
}

// --- a path with conversions

TEST_F(LogFileTest, ANewNameBeginsANewFile) {
  auto dated = options("errors-%Y%m%d.log");
  dated.utc = true;
  dated.keep = 2;
  for (char const* const name :
       {"errors-20250101.log", "errors-20251301.log", "errors-2025.log", "errors-20990101.log"})
    write(name, "before\n");
  LogFile file(dated);
  put(file, {"a"});
  EXPECT_EQ(file.current(), path("errors-20261126.log"));
  put(file, {"b"}, kNow + kDay);
  put(file, {"c"}, kNow + kDay + 5);
  put(file, {"d"}, kNow + 2 * kDay);
  EXPECT_THAT(names(), ElementsAre("errors-2025.log", "errors-20251301.log", "errors-20261126.log",
                                   "errors-20261127.log", "errors-20261128.log", "errors-20990101.log"));
  EXPECT_EQ(content("errors-20261127.log"), "b\nc\n");
  EXPECT_EQ(file.rotations(), 2U);
}

TEST_F(LogFileTest, WithAScheduleTheNameIsOfThePeriodsBeginning) {
  auto dated = options("app-%Y%m%d.log");
  dated.schedule = utc("midnight", 1, 18 * 3'600);
  dated.keep = 14;
  put(*std::make_unique<LogFile>(dated), {"a"});
  LogFile file(dated);
  put(file, {"b"}, kNow + kDay / 4 - 1);
  put(file, {"c"}, kNow + kDay / 4);
  EXPECT_THAT(names(), ElementsAre("app-20261125.log", "app-20261126.log"));
  EXPECT_EQ(content("app-20261125.log"), "a\nb\n");
  EXPECT_EQ(content("app-20261126.log"), "c\n");
}

TEST_F(LogFileTest, DirectoriesMayHaveConversions) {
  auto dated = options("%Y/%m/app.log");
  dated.utc = true;
  LogFile file(dated);
  put(file, {"a"});
  put(file, {"b"}, kNow + 31 * kDay);
  EXPECT_EQ(content("2026/11/app.log"), "a\n");
  EXPECT_EQ(content("2026/12/app.log"), "b\n");
}

TEST_F(LogFileTest, SizeNumbersTheFilesOfOneName) {
  auto dated = options("app-%Y%m%d.log");
  dated.utc = true;
  dated.max_size = 4;
  dated.keep = 3;
  LogFile file(dated);
  put(file, {"a", "b", "c"});
  put(file, {"d", "e"}, kNow + kDay);
  EXPECT_THAT(names(),
              ElementsAre("app-20261126.log", "app-20261126.log.2", "app-20261127.log", "app-20261127.log.1"));
  EXPECT_EQ(content("app-20261126.log.2"), "b\n");
  EXPECT_EQ(content("app-20261126.log"), "c\n");
  EXPECT_EQ(content("app-20261127.log.1"), "d\n");
  EXPECT_EQ(content("app-20261127.log"), "e\n");
}

TEST_F(LogFileTest, RefusesOptionsThatCannotBeKept) {
  auto const refused = [&](auto const& change) {
    auto made = options("app.log");
    change(made);
    EXPECT_THROW(LogFile{made}, std::invalid_argument) << made.path;
  };
  refused([](auto& o) { o.path = ""; });
  refused([](auto& o) { o.path += "/"; });
  refused([](auto& o) { o.path += "%A"; });
  refused([](auto& o) { o.path += "%m%d", o.keep = 1; });
  refused([](auto& o) { o.path = "%Y/" + o.path, o.keep = 1; });
  refused([](auto& o) { o.path = "%Y/" + o.path, o.compress = true; });
  refused([](auto& o) { o.compression_level = 20; });
  refused([](auto& o) { o.compression_level = 0; });
}

// --- compression

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

// --- others at the file

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
