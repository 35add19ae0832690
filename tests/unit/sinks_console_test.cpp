// Writing to a descriptor: everything when it is read, an end in time when it is not, an error when nobody is there.
#include "sinks/console.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fcntl.h>
#include <unistd.h>
#include <array>
#include <csignal>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>

namespace logboom::sinks {
namespace {

class ConsoleWriterTest : public testing::Test {
 protected:
  ConsoleWriterTest() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    reading_ = ends[0];
    writing_ = ends[1];
    writer_.emplace(writing_, "the pipe", std::chrono::milliseconds(20));
  }
  ~ConsoleWriterTest() override {
    if (reading_ >= 0) ::close(reading_);
    if (writing_ >= 0) ::close(writing_);
  }
  void close_writing() {
    ::close(writing_);
    writing_ = -1;
  }
  void close_reading() {
    ::close(reading_);
    reading_ = -1;
  }
  std::string read_all() const {
    std::string all;
    std::array<char, 4096> piece{};
    for (ssize_t size = 0; (size = ::read(reading_, piece.data(), piece.size())) > 0;)
      all.append(piece.data(), static_cast<std::size_t>(size));
    return all;
  }

  int reading_ = -1;
  int writing_ = -1;
  std::optional<ConsoleWriter> writer_;
};

LogChunk chunk_of(int records, std::string const& record) {
  LogChunk chunk;
  for (int i = 0; i < records; ++i) chunk.add(record);
  return chunk;
}

TEST_F(ConsoleWriterTest, WritesMoreThanThePipeHoldsWhenItIsRead) {
  auto chunk = chunk_of(2'000, std::string(99, 'x') + "\n");
  std::string all;
  std::thread reader([&] { all = read_all(); });
  writer_->write(chunk);
  close_writing();
  reader.join();
  EXPECT_EQ(all.size(), 200'000U);
  EXPECT_TRUE(chunk.empty());
}

TEST_F(ConsoleWriterTest, HurriedItGivesUpAndGoesOnWhereItHadStopped) {
  auto chunk = chunk_of(2'000, std::string(98, 'x') + "y\n");
  writer_->hurry();
  EXPECT_THROW(writer_->write(chunk), std::runtime_error);
  EXPECT_LT(chunk.records(), 2'000U);
  EXPECT_GT(chunk.records(), 0U);
  std::string all;
  std::thread reader([&] { all = read_all(); });
  // Its patience is over: each attempt writes what the reader has made room for.
  while (!chunk.empty()) {
    try {
      writer_->write(chunk);
    } catch (std::runtime_error const&) {
      continue;
    }
  }
  close_writing();
  reader.join();
  std::string expected;
  for (int i = 0; i < 2'000; ++i) expected += std::string(98, 'x') + "y\n";
  EXPECT_TRUE(all == expected) << "no record is torn, lost or written twice";
}

TEST_F(ConsoleWriterTest, AWriteThatWaitsIsHurried) {
  auto chunk = chunk_of(2'000, std::string(99, 'x') + "\n");
  std::thread writing([&] { EXPECT_THROW(writer_->write(chunk), std::runtime_error); });
  writer_->hurry();
  writing.join();
}

TEST_F(ConsoleWriterTest, AReaderThatIsGoneIsAnErrorThatNamesTheThing) {
  auto* const before = ::signal(SIGPIPE, SIG_IGN);
  close_reading();
  auto chunk = chunk_of(1, "x\n");
  try {
    writer_->write(chunk);
    ADD_FAILURE() << "nobody reads";
  } catch (std::system_error const& error) {
    EXPECT_EQ(error.code(), std::errc::broken_pipe);
    EXPECT_THAT(error.what(), testing::StartsWith("the pipe: "));
  }
  EXPECT_EQ(chunk.records(), 1U);
  ::signal(SIGPIPE, before);
}

}  // namespace
}  // namespace logboom::sinks
