// Compressed files that are read at any place: whatever is asked for comes back, and what is damaged or made up is refused.
#include "store_fixture.hpp"

#include "store/seekable_zstd.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <random>
#include <span>
#include <system_error>

namespace logboom::store {
namespace {

class SeekableTest : public StoreTest {
 protected:
  void SetUp() override {
    StoreTest::SetUp();
    file = (directory / "file.zst").string();
  }
  std::vector<std::byte> content_of(std::size_t size) {
    std::vector<std::byte> content(size);
    std::uint32_t state = 7;
    for (std::size_t i = 0; i < size; ++i) {
      if (i % 64 == 0) state = state * 1664525 + 1013904223;  // compresses, but is nowhere the same
      content[i] = static_cast<std::byte>(state >> (i % 4 * 8));
    }
    return content;
  }
  void write(std::span<std::byte const> content) {
    std::filesystem::remove(file);
    SeekableWriter to(file, 0600);
    for (; !content.empty(); content = content.subspan(std::min(content.size(), kFrameBytes)))
      to.add(content.first(std::min(content.size(), kFrameBytes)));
    to.finish();
  }
  std::string bytes() const {
    std::ifstream from(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(from), {}};
  }
  /// Reads all of it. @return what was the matter
  std::string read_through() const {
    try {
      SeekableReader from(file);
      std::vector<std::byte> part(100'000);
      for (std::int64_t at = 0; at < from.size(); at += static_cast<std::int64_t>(part.size()))
        from.read(at, part);
    } catch (SeekableError const& error) {
      return error.what();
    }
    return "read";
  }

  std::string file;
};

TEST_F(SeekableTest, EveryPartComesBack) {
  std::mt19937 random(20261126);
  for (std::size_t const size : {std::size_t{0}, std::size_t{1}, kFrameBytes - 1, kFrameBytes,
                                 kFrameBytes + 1, 20 * kFrameBytes + 77}) {
    SCOPED_TRACE(size);
    auto const content = content_of(size);
    write(content);
    SeekableReader from(file);
    ASSERT_EQ(from.size(), static_cast<std::int64_t>(size));
    for (int i = 0; i < 200; ++i) {
      std::size_t const at = size == 0 ? 0 : random() % size;
      std::vector<std::byte> part(1 + random() % (3 * kFrameBytes));
      std::size_t const got = from.read(static_cast<std::int64_t>(at), part);
      ASSERT_EQ(got, std::min(part.size(), size - at));
      ASSERT_TRUE(std::equal(part.begin(), part.begin() + static_cast<std::ptrdiff_t>(got),
                             content.begin() + static_cast<std::ptrdiff_t>(at)));
    }
    std::vector<std::byte> none(1);
    EXPECT_EQ(from.read(static_cast<std::int64_t>(size), none), 0U);
  }
  EXPECT_THROW(SeekableWriter(file, 0600), std::system_error) << "nothing is overwritten";
  EXPECT_THROW(SeekableReader(file + "-none"), std::system_error);
  EXPECT_EQ(std::filesystem::status(file).permissions(), std::filesystem::perms(0600));
}

TEST_F(SeekableTest, WhateverIsMadeOfItNothingWorseThanARefusalHappens) {
  write(content_of(5 * kFrameBytes + 1'000));
  EXPECT_EQ(read_through(), "read");
  auto const whole = bytes();
  auto const seed = std::random_device{}();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  std::mt19937 random(seed);
  int refused = 0;
  for (int i = 0; i < 300; ++i) {
    auto changed = whole;
    if (i % 3 == 0) {
      changed.resize(random() % changed.size());
    } else {
      // The table, half of the time.
      std::size_t const within = i % 3 == 1 ? changed.size() : 80;
      changed[changed.size() - 1 - random() % within] ^= static_cast<char>(1 + random() % 255);
    }
    std::ofstream(file, std::ios::binary | std::ios::trunc) << changed;
    refused += read_through() != "read" ? 1 : 0;
  }
  EXPECT_GT(refused, 290) << "what is damaged is seen: zstd has checksums";
}

TEST_F(SeekableTest, WithoutATableAllFramesAreFoundThatAreWhole) {
  auto const content = content_of(5 * kFrameBytes + 1'000);
  write(content);
  auto const whole = bytes();
  constexpr std::size_t kTable = 8 + 6 * 8 + 9;
  auto const frames_end = whole.size() - kTable;
  auto const expect_found = [&](std::string const& changed, std::size_t damaged_from, std::size_t size) {
    std::ofstream(file, std::ios::binary | std::ios::trunc) << changed;
    EXPECT_NE(read_through(), "read");
    SeekableReader from(file, FrameTable::kFoundAnew);
    EXPECT_TRUE(from.table_lost_at());
    ASSERT_EQ(from.size(), static_cast<std::int64_t>(size));
    for (std::size_t at = 0; at < size; at += kFrameBytes) {
      std::vector<std::byte> part(std::min(kFrameBytes, size - at));
      if (at == damaged_from) {
        EXPECT_THROW(from.read(static_cast<std::int64_t>(at), part), SeekableError);
        continue;
      }
      ASSERT_EQ(from.read(static_cast<std::int64_t>(at), part), part.size());
      EXPECT_TRUE(std::ranges::equal(part, std::span(content).subspan(at, part.size()))) << at;
    }
  };
  std::size_t const none = content.size();
  for (std::size_t at = frames_end; at < whole.size(); ++at) {
    SCOPED_TRACE(fmt::format("byte {} of the table", at - frames_end));
    auto changed = whole;
    changed[at] ^= 0x10;
    expect_found(changed, none, content.size());
  }
  {
    SCOPED_TRACE("cut off before the table");
    expect_found(whole.substr(0, frames_end), none, content.size());
  }
  {
    SCOPED_TRACE("cut off within the last frame");
    expect_found(whole.substr(0, frames_end - 3), none, 5 * kFrameBytes);
  }
  {
    SCOPED_TRACE("the beginning of the first frame as well");
    auto changed = whole.substr(0, frames_end);
    changed[0] ^= 1;
    expect_found(changed, 0, content.size());
  }
}

TEST_F(SeekableTest, WhatHasNotOneFrameIsRefusedAlsoBySalvage) {
  for (std::string const& content : {std::string(), std::string("no such file"), std::string(1'000'000, '\0')}) {
    std::ofstream(file, std::ios::binary | std::ios::trunc) << content;
    EXPECT_THROW(SeekableReader(file, FrameTable::kFoundAnew), SeekableError);
  }
}

}  // namespace
}  // namespace logboom::store
