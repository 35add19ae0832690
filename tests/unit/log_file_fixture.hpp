// What the tests of the log file share: a directory of their own, what is in its files, compressed or not, and a log file with little to say.
#pragma once

#include "sinks/log_chunk.hpp"
#include "sinks/log_file.hpp"
#include "sinks/log_file_error.hpp"

#include <gtest/gtest.h>
#include <zstd.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

namespace logboom::sinks {

constexpr std::int64_t kNanoseconds = 1'000'000'000;  // of a second
constexpr std::int64_t kNoon = 1'795'694'400;         // 2026-11-26 12:00:00 UTC, in seconds

inline std::string unpack(std::string const& packed) {
  std::string plain;
  ZSTD_DCtx* const context = ZSTD_createDCtx();
  std::string piece(ZSTD_DStreamOutSize(), '\0');
  ZSTD_inBuffer in{packed.data(), packed.size(), 0};
  std::size_t left = 1;
  while (in.pos < in.size) {
    ZSTD_outBuffer out{piece.data(), piece.size(), 0};
    left = ZSTD_decompressStream(context, &out, &in);
    EXPECT_FALSE(ZSTD_isError(left)) << ZSTD_getErrorName(left);
    if (ZSTD_isError(left) != 0) break;
    plain.append(piece, 0, out.pos);
  }
  EXPECT_EQ(left, 0U) << "the frame has its end";
  ZSTD_freeDCtx(context);
  return plain;
}

class LogDirectory : public testing::Test {
 protected:
  LogDirectory() {
    std::string name = (std::filesystem::temp_directory_path() / "logboom-file-XXXXXX").string();
    directory_ = ::mkdtemp(name.data());
  }
  ~LogDirectory() override { std::filesystem::remove_all(directory_); }

  std::string path(std::string const& name) const { return directory_ + "/" + name; }

  std::string content(std::string const& name) const {
    std::ifstream file(path(name), std::ios::binary);
    EXPECT_TRUE(file) << name;
    std::string text{std::istreambuf_iterator<char>(file), {}};
    return name.ends_with(".zst") ? unpack(text) : text;
  }

  void write(std::string const& name, std::string const& text) const {
    std::ofstream(path(name), std::ios::binary) << text;
  }

  std::vector<std::string> names() const {
    std::vector<std::string> all;
    for (auto const& entry : std::filesystem::directory_iterator(directory_))
      all.push_back(entry.path().filename());
    std::sort(all.begin(), all.end());
    return all;
  }

  static LogChunk chunk(std::vector<std::string> const& records) {
    LogChunk made;
    for (auto const& record : records) made.add(record + "\n");
    return made;
  }

  static std::vector<std::string> lines(std::string const& text) {
    std::vector<std::string> all;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) all.push_back(line);
    return all;
  }

  std::string directory_;
};

/// The local zone, for as long as it lives.
class LocalZone {
 public:
  explicit LocalZone(char const* zone) {
    if (char const* const before = std::getenv("TZ")) before_ = before, had_ = true;
    ::setenv("TZ", zone, 1);
    ::tzset();
  }
  ~LocalZone() {
    if (had_) {
      ::setenv("TZ", before_.c_str(), 1);
    } else {
      ::unsetenv("TZ");
    }
    ::tzset();
  }
  LocalZone(LocalZone const&) = delete;
  LocalZone& operator=(LocalZone const&) = delete;

 private:
  std::string before_;
  bool had_ = false;
};

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

inline std::string error_of(auto const& action) {
  try {
    action();
  } catch (LogFileError const& error) {
    return error.what();
  }
  return "";
}

}  // namespace logboom::sinks
