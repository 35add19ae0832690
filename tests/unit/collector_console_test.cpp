// The console sink: prints everything when it is read, drops and says so when it is not, ends in time.
#include "sinks/console.hpp"

#include "record/wire.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fcntl.h>
#include <unistd.h>
#include <array>
#include <csignal>
#include <optional>
#include <string>
#include <thread>

namespace logboom::sinks {
namespace {

using testing::HasSubstr;

std::shared_ptr<Block const> block_of(int records, std::string const& message) {
  auto block = std::make_shared<Block>();
  auto const site = std::make_shared<Site>();
  auto const source = std::make_shared<Source>();
  for (int i = 0; i < records; ++i) wire::add_entry(*block, site, source, 1, 0, message);
  return block;
}

class ConsoleSinkTest : public testing::Test {
 protected:
  ConsoleSinkTest() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    reading_ = ends[0];
    writing_ = ends[1];
  }
  ~ConsoleSinkTest() override {
    if (reading_ >= 0) ::close(reading_);
    if (writing_ >= 0) ::close(writing_);
  }
  void make(std::string const& format, std::size_t max_queued = ConsoleSink::kMaxQueued) {
    sink_.emplace(Formatter::make(format), writing_, max_queued);
  }
  void close_writing() {
    sink_.reset();
    ::close(writing_);
    writing_ = -1;
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
  std::optional<ConsoleSink> sink_;
};

TEST_F(ConsoleSinkTest, PrintsEveryRecordInTheFormat) {
  make("%(message)s");
  sink_->take(block_of(2, "hello"));
  sink_->take(block_of(1, "world"));
  close_writing();
  EXPECT_EQ(read_all(), "hello\nhello\nworld\n");
}

TEST_F(ConsoleSinkTest, BeginsWithTheHeader) {
  make("csv");
  close_writing();
  EXPECT_THAT(read_all(), HasSubstr("message"));
}

TEST_F(ConsoleSinkTest, PrintsMoreThanThePipeHoldsWhenItIsRead) {
  make("%(message)s");
  std::string all;
  std::thread reader([&] { all = read_all(); });
  sink_->take(block_of(2'000, std::string(99, 'x')));
  close_writing();
  reader.join();
  EXPECT_EQ(all.size(), 200'000U);
}

TEST_F(ConsoleSinkTest, AStuckReaderCostsRecordsThatAreCountedAndNothingElse) {
  auto const block = block_of(500, std::string(1'000, 'x'));  // far more than a pipe holds
  make("%(message)s", 2 * block->bytes());
  for (int i = 0; i < 10; ++i) sink_->take(block);  // returns although nobody reads
  auto const dropped = sink_->dropped();
  EXPECT_GE(dropped, 7U * 500U);
  EXPECT_EQ(dropped % 500, 0U) << "whole blocks";
  std::string all;
  std::thread reader([&] { all = read_all(); });
  close_writing();
  reader.join();
  EXPECT_TRUE(all.ends_with(
      "… " + std::to_string(dropped) +
      " records were not printed: the reader of this output is too slow (the store has them)\n"))
      << all.substr(all.size() - 200);
}

TEST_F(ConsoleSinkTest, EndsThoughTheReaderIsStuck) {
  make("%(message)s");
  sink_->take(block_of(500, std::string(1'000, 'x')));
  sink_.reset();
}

TEST_F(ConsoleSinkTest, AReaderThatIsGoneIsNoTrouble) {
  auto* const before = ::signal(SIGPIPE, SIG_IGN);
  make("%(message)s");
  ::close(reading_);
  reading_ = -1;
  for (int i = 0; i < 10; ++i) sink_->take(block_of(10, "x"));
  sink_.reset();
  ::signal(SIGPIPE, before);
}

}  // namespace
}  // namespace logboom::sinks
