// What the tests of the log file share: a directory of their own, and what is in its files, compressed or not.
#pragma once

#include "sinks/log_chunk.hpp"

#include <gtest/gtest.h>
#include <zstd.h>

#include <unistd.h>
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
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

}  // namespace logboom::sinks
