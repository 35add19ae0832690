// The log file: what stands where after rotations of either kind, and what is kept.
#include "log_file_fixture.hpp"
#include "python_reference.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <stdexcept>
#include <string>
#include <vector>

namespace logboom::sinks {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

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

}  // namespace
}  // namespace logboom::sinks
