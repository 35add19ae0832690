// The overflow: what was appended comes back after a death, at its bound or on a full disk it refuses cleanly, damage costs the chunk it hits.
#include "spool/overflow.hpp"
#include "spool_fixture.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <numeric>

namespace logboom::spool {
namespace {

using namespace test;
namespace fs = std::filesystem;

constexpr std::uint64_t kSeed = 0x1234'5678'9abc'def0U;

std::vector<std::byte> bytes(std::size_t size, unsigned salt) {
  std::vector<std::byte> out(size);
  for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<std::byte>(i * 7 + salt);
  return out;
}

class OverflowFiles : public ::testing::Test {
 protected:
  Overflow open(std::uint64_t bound = kDefaultOverflow) {
    return Overflow::open(directory_.path(), kSeed, bound);
  }
  static bool append(Overflow& overflow, std::uint64_t first, std::uint64_t end, std::size_t size = 100) {
    return overflow.append({.stream = 2, .tid = 9, .thread_name = "io", .first = first, .end = end},
                           bytes(size, static_cast<unsigned>(first)));
  }
  static bool whole(Overflow& overflow, Overflow::Info const& info) {
    std::vector<std::byte> out;
    return overflow.read(info.number, out) && out == bytes(info.bytes, static_cast<unsigned>(info.first));
  }
  fs::path segment(int number) const { return directory_.path() / ("overflow." + std::to_string(number)); }
  std::size_t segments() const {
    auto const entries = fs::directory_iterator(directory_.path());
    return static_cast<std::size_t>(std::distance(begin(entries), end(entries)));
  }

  TemporaryDirectory directory_;
};

TEST_F(OverflowFiles, GivesBackWhatWasAppendedAlsoAfterADeath) {
  {
    Overflow overflow = open();
    EXPECT_TRUE(overflow.empty());
    for (std::uint64_t i = 0; i < 20; ++i) ASSERT_TRUE(append(overflow, 1 + 10 * i, 11 + 10 * i, 1 + i));
    for (auto const& info : overflow.chunks()) EXPECT_TRUE(whole(overflow, info));
  }
  Overflow again = open();
  ASSERT_EQ(again.chunks().size(), 20U);
  EXPECT_TRUE(again.damage().empty());
  std::uint64_t expected = 1;
  for (auto const& info : again.chunks()) {
    EXPECT_EQ(info.first, expected);
    EXPECT_EQ(info.stream, 2U);
    EXPECT_EQ(info.tid, 9U);
    EXPECT_EQ(info.thread_name, "io");
    EXPECT_TRUE(whole(again, info));
    expected = info.end;
  }
  EXPECT_EQ(again.bytes(), fs::file_size(segment(1)));
}

TEST_F(OverflowFiles, SegmentsGoInOrderWhenAllInThemIsReleased) {
  Overflow overflow = open();
  constexpr std::size_t kBig = std::size_t{1} << 20U;
  for (std::uint64_t i = 0; i < 40; ++i) ASSERT_TRUE(append(overflow, 1 + i, 2 + i, kBig));
  EXPECT_EQ(segments(), 3U);
  std::vector<std::uint64_t> numbers;
  for (auto const& info : overflow.chunks()) numbers.push_back(info.number);
  std::uint64_t const before = overflow.bytes();
  for (std::size_t i = 16; i < 32; ++i)
    overflow.release(numbers[i]);  // the second segment is done, the first is not
  EXPECT_EQ(segments(), 3U);
  for (std::size_t i = 0; i < 16; ++i) overflow.release(numbers[i]);
  EXPECT_EQ(segments(), 1U);
  EXPECT_LT(overflow.bytes(), before / 4);
  for (std::size_t i = 32; i < 40; ++i) overflow.release(numbers[i]);
  overflow.release(numbers[0]);  // again: nothing
  EXPECT_EQ(segments(), 0U);
  EXPECT_EQ(overflow.bytes(), 0U);
  EXPECT_TRUE(overflow.empty());
  ASSERT_TRUE(append(overflow, 100, 101));
  EXPECT_TRUE(whole(overflow, overflow.chunks().front()));
}

TEST_F(OverflowFiles, RefusesAtItsBoundAndGoesOnWhenThereIsRoom) {
  Overflow overflow = open(1000);
  std::uint64_t taken = 0;
  while (append(overflow, 1 + taken, 2 + taken)) ++taken;
  EXPECT_GT(taken, 2U);
  EXPECT_LE(overflow.bytes(), 1000U);
  EXPECT_EQ(overflow.error(), std::errc::no_buffer_space);
  EXPECT_EQ(overflow.chunks().size(), taken);
  overflow.set_bound(2000);
  EXPECT_TRUE(append(overflow, 1 + taken, 2 + taken));
  EXPECT_FALSE(overflow.error());
}

TEST_F(OverflowFiles, RefusesWhatIsNoChunk) {
  Overflow overflow = open();
  EXPECT_FALSE(append(overflow, 0, 5));
  EXPECT_FALSE(append(overflow, 5, 5));
  EXPECT_FALSE(append(overflow, 5, 6, 0));
  EXPECT_FALSE(append(overflow, 5, 6, kMaxChunk + 1));
  EXPECT_TRUE(overflow.empty());
}

TEST_F(OverflowFiles, AFileSizeLimitIsAnErrorAndNotASignal) {
  pid_t const child = ::fork();
  if (child == 0) {
    rlimit const limit = {2000, RLIM_INFINITY};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    Overflow overflow = open();
    std::uint64_t taken = 0;
    while (append(overflow, 1 + taken, 2 + taken)) ++taken;
    bool const clean = overflow.error() == std::errc::file_too_large && overflow.chunks().size() == taken;
    rlimit const more = {RLIM_INFINITY, RLIM_INFINITY};
    ::setrlimit(RLIMIT_FSIZE, &more);
    bool const goes_on = append(overflow, 1 + taken, 2 + taken);
    ::_exit(taken > 2 && clean && goes_on ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  Overflow overflow = open();
  EXPECT_TRUE(overflow.damage().empty());
  for (auto const& info : overflow.chunks()) EXPECT_TRUE(whole(overflow, info));
}

TEST_F(OverflowFiles, AFullDiskIsAnErrorAndLeavesWhatWasThere) {
  constexpr int kNotAllowed = 77;
  pid_t const child = ::fork();
  if (child == 0) {
    if (!mount_small(directory_.path())) ::_exit(kNotAllowed);
    Overflow overflow = open();
    std::uint64_t taken = 0;
    while (append(overflow, 1 + taken, 2 + taken, 5000)) ++taken;
    bool const clean = overflow.error() == std::errc::no_space_on_device && taken > 2;
    Overflow const again = open();
    bool const kept = again.chunks().size() == taken && again.damage().empty();
    for (std::uint64_t i = 0; i < taken; ++i) overflow.release(overflow.chunks().front().number);
    ::_exit(clean && kept && append(overflow, 1 + taken, 2 + taken, 5000) ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  if (WEXITSTATUS(status) == kNotAllowed) GTEST_SKIP() << "no file system may be mounted here";
  EXPECT_EQ(status, 0);
}

TEST_F(OverflowFiles, TornAtEveryByteOfTheLastChunkKeepsTheOthers) {
  std::uint64_t before = 0;
  {
    Overflow overflow = open();
    for (std::uint64_t i = 0; i < 3; ++i) ASSERT_TRUE(append(overflow, 1 + i, 2 + i, 77));
    before = overflow.bytes();
    ASSERT_TRUE(append(overflow, 4, 5, 77));
  }
  std::vector<char> const good = read_file(segment(1));
  for (std::uint64_t size = before; size < good.size(); ++size) {
    SCOPED_TRACE(size);
    write_file(segment(1), std::span(good).first(size));
    {
      Overflow overflow = open();
      ASSERT_EQ(overflow.chunks().size(), 3U);
      for (auto const& info : overflow.chunks()) ASSERT_TRUE(whole(overflow, info));
      ASSERT_TRUE(append(overflow, 4, 5, 78));
    }
    Overflow again = open();
    ASSERT_EQ(again.chunks().size(), 4U);
    for (auto const& info : again.chunks()) ASSERT_TRUE(whole(again, info));
    for (int number = 2; number < 9; ++number) fs::remove(segment(number));
  }
}

TEST_F(OverflowFiles, AFlippedBitCostsOneChunkWhichIsNamedOrMissed) {
  {
    Overflow overflow = open();
    for (std::uint64_t i = 0; i < 5; ++i) ASSERT_TRUE(append(overflow, 1 + i, 2 + i, 90));
  }
  std::vector<char> const good = read_file(segment(1));
  for (std::size_t bit = 0; bit < 8 * good.size(); bit += 3) {
    SCOPED_TRACE(bit);
    std::vector<char> bad = good;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << (bit % 8)));
    write_file(segment(1), bad);
    Overflow overflow = open();
    std::size_t intact = 0;
    for (auto const& info : overflow.chunks()) intact += whole(overflow, info) ? 1 : 0;
    ASSERT_GE(intact, bit / 8 < 16 ? 5U : 4U);
    std::size_t const unread = overflow.chunks().size() - intact;
    ASSERT_EQ(overflow.chunks().size() + (overflow.damage().empty() || bit / 8 < 16 ? 0 : 1), 5U);
    ASSERT_LE(unread, 1U);
  }
}

TEST_F(OverflowFiles, AChunkInsideAChunkIsNone) {
  {
    Overflow overflow = open();
    ASSERT_TRUE(append(overflow, 1, 2, 64));
  }
  std::vector<char> const inner = read_file(segment(1));
  fs::remove(segment(1));
  {
    Overflow overflow = open();
    auto const copy = std::as_bytes(std::span(inner));
    ASSERT_TRUE(overflow.append({.stream = 0, .tid = 0, .thread_name = {}, .first = 1, .end = 2}, copy));
    ASSERT_TRUE(append(overflow, 2, 3, 64));
  }
  std::vector<char> bad = read_file(segment(1));
  bad[20] = static_cast<char>(~bad[20]);  // the outer one's header
  write_file(segment(1), bad);
  Overflow overflow = open();
  ASSERT_EQ(overflow.chunks().size(), 1U);
  EXPECT_EQ(overflow.chunks().front().first, 2U);
  EXPECT_EQ(overflow.damage().size(), 1U);
}

TEST_F(OverflowFiles, UsesTwoDescriptorsHoweverManySegments) {
  auto const descriptors = [] {
    auto const entries = fs::directory_iterator("/proc/self/fd");
    return std::distance(begin(entries), end(entries));
  };
  auto const before = descriptors();
  Overflow overflow = open();
  for (std::uint64_t i = 0; i < 40; ++i) ASSERT_TRUE(append(overflow, 1 + i, 2 + i, std::size_t{1} << 20U));
  for (auto const& info : overflow.chunks()) ASSERT_TRUE(whole(overflow, info));
  EXPECT_LE(descriptors(), before + 2);
}

}  // namespace
}  // namespace logboom::spool
