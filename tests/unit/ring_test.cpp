// The ring: frames, reuse, soft limit, drops and gaps, one producer and one consumer at once, ENOSPC.
#include "spool_fixture.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <atomic>
#include <thread>

namespace logboom::spool {
namespace {

using namespace test;
using detail::RingProducer;

class Ring : public ::testing::Test {
 protected:
  RingFile make(std::size_t capacity = kMinRing, std::uint64_t stream = 0) {
    return RingFile::create(directory_.path() / ("ring." + std::to_string(stream)), stream, capacity);
  }
  RingFile reopen() { return RingFile::open(directory_.path() / "ring.0"); }
  std::filesystem::path file() const { return directory_.path() / "ring.0"; }

  TemporaryDirectory directory_;
};

std::uint64_t release_all(RingFile& ring) {
  std::uint64_t released = 0;
  std::uint64_t position = ring.tail();
  std::uint64_t base = ring.base();
  while (auto const frame = ring.read(position)) {
    position = frame->end;
    base = frame->next;
    ++released;
  }
  ring.release(position, base);
  return released;
}

TEST_F(Ring, GivesBackWhatWasWritten) {
  RingFile ring = make();
  RingProducer producer = ring.producer();
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(write_record(producer));
  EXPECT_EQ(ring.next_sequence(), 101U);
  EXPECT_EQ(ring.base(), 1U);
  ReadBack const read = read_all(ring);
  EXPECT_EQ(read.whole.size(), 100U);
  EXPECT_EQ(read.wrong + read.missing, 0U);
}

TEST_F(Ring, FramesRunOverTheEndOfTheCapacityIntoTheSlack) {
  RingFile ring = make();
  RingProducer producer = ring.producer();
  std::uint64_t total = 0;
  for (int lap = 0; lap < 50; ++lap) {
    while (write_record(producer)) {
    }
    ReadBack const read = read_all(ring);
    ASSERT_EQ(read.wrong + read.missing, 0U);
    total += release_all(ring);
  }
  EXPECT_EQ(total, producer.sequence - 1);
  EXPECT_GT(producer.head, 40 * kMinRing);
}

TEST_F(Ring, TakesARecordOfTheGreatestLength) {
  RingFile ring = make(2 * kMinRing);
  RingProducer producer = ring.producer();
  constexpr std::size_t kLongest = detail::kMaxFrame - sizeof(detail::FrameHeader);
  for (int i = 0; i < 9; ++i) {  // once from every place modulo a few
    ASSERT_TRUE(write_record(producer));
    auto const place = detail::look_and_reserve(producer, kLongest);
    ASSERT_NE(place.payload, nullptr);
    std::memset(place.payload, i, kLongest);
    detail::commit(producer, kLongest);
    release_all(ring);
    EXPECT_EQ(ring.tail(), ring.head());
  }
}

TEST_F(Ring, NoRingGivesNothing) {
  RingProducer producer;
  EXPECT_EQ(detail::reserve(producer, 8), nullptr);
  EXPECT_EQ(detail::look_and_reserve(producer, 8).payload, nullptr);
  detail::drop(producer, 1);
  EXPECT_TRUE(detail::write_gap_if_pending(producer));
}

TEST_F(Ring, AsksToWakeTheSenderOncePastTheHalf) {
  RingFile ring = make();
  RingProducer producer = ring.producer();
  int wakes = 0;
  while (true) {
    std::byte* at = detail::reserve(producer, 100);
    if (at == nullptr) {
      auto const place = detail::look_and_reserve(producer, 100);
      if (place.payload == nullptr) break;
      if (place.wake) {
        ++wakes;
        EXPECT_GT(producer.head + detail::frame_bytes(100), kMinRing / 2);
      }
    }
    detail::commit(producer, 100);
  }
  EXPECT_EQ(wakes, 1);
}

TEST_F(Ring, CapacityIsAPowerOfTwoWithinItsBounds) {
  EXPECT_EQ(make(1, 1).capacity(), kMinRing);
  EXPECT_EQ(make(kMinRing + 1, 2).capacity(), 2 * kMinRing);
  EXPECT_EQ(make(kDefaultRing, 3).capacity(), kDefaultRing);
}

TEST_F(Ring, ADrainedRingServesAnotherThread) {
  RingFile ring = make();
  ring.set_thread(11, "first");
  RingProducer producer = ring.producer();
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(write_record(producer));
  release_all(ring);
  ring.set_thread(12, std::string(200, 'x'));
  RingProducer second = ring.producer();
  EXPECT_EQ(second.sequence, 11U);
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(write_record(second));
  RingFile const found = reopen();
  EXPECT_EQ(found.tid(), 12U);
  EXPECT_EQ(found.thread_name(), std::string(kMaxThreadName, 'x'));
  EXPECT_EQ(found.base(), 11U);
  EXPECT_EQ(read_all(found).whole.size(), 10U);
}

TEST_F(Ring, ReleaseNeverGoesBackNorPastTheHead) {
  RingFile ring = make();
  RingProducer producer = ring.producer();
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(write_record(producer));
  std::uint64_t const second = ring.read(0)->end;
  ring.release(second, 2);
  ring.release(0, 1);
  ring.release(producer.head + 8, 99);
  EXPECT_EQ(ring.tail(), second);
  EXPECT_EQ(ring.base(), 2U);
}

TEST_F(Ring, FilesAreTheOwnersOnly) {
  RingFile const ring = make();
  EXPECT_EQ(std::filesystem::status(ring.path()).permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

TEST_F(Ring, SealsFramesSoThatDamageToAPayloadIsSeen) {
  RingFile ring = make();
  RingProducer producer = ring.producer();
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(write_record(producer));
  EXPECT_EQ(ring.seal(), producer.head);
  auto const third = ring.read(ring.read(ring.read(0)->end)->end);
  ASSERT_TRUE(third);
  const_cast<std::byte&>(third->payload[5]) ^= std::byte{1};
  ReadBack const read = read_all(ring);
  EXPECT_EQ(read.whole.size(), 9U);
  EXPECT_EQ(read.missing, 1U);
  EXPECT_EQ(read.wrong, 0U);
}

TEST_F(Ring, ParsesCopiedFrames) {
  RingFile ring = make();
  RingProducer producer = ring.producer();
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(write_record(producer));
  std::vector<std::byte> copy;
  std::byte const* const start = ring.read(0)->payload.data() - sizeof(detail::FrameHeader);
  copy.assign(start, start + producer.head);
  std::size_t offset = 0;
  for (std::uint64_t number = 1; number <= 10; ++number) {
    auto const frame = RingFile::parse(copy, offset);
    ASSERT_TRUE(frame);
    EXPECT_TRUE(is_record(frame->payload, number));
    offset = frame->end;
  }
  EXPECT_EQ(offset, copy.size());
  EXPECT_FALSE(RingFile::parse(copy, offset));
  EXPECT_FALSE(RingFile::parse(std::span(copy).first(20), 0));
}

// --- drops

std::uint64_t fill(RingProducer& producer) {
  std::uint64_t written = 0;
  while (write_record(producer)) ++written;
  return written;
}

TEST_F(Ring, TheNextFrameAfterDropsDeclaresThemExactly) {
  RingFile ring = make();
  RingProducer producer = ring.producer();
  std::uint64_t const written = fill(producer);
  for (int i = 0; i < 7; ++i) detail::drop(producer, 1000 + i);
  auto const pending = ring.pending_drops();
  EXPECT_EQ(pending.first, written + 1);
  EXPECT_EQ(pending.count, 7U);
  EXPECT_EQ(pending.ticks, 1000);
  EXPECT_EQ(ring.next_sequence(), written + 8);

  release_all(ring);
  EXPECT_EQ(ring.pending_drops().count, 7U);
  std::uint64_t const gap_at = ring.head();
  ASSERT_TRUE(write_record(producer));
  EXPECT_EQ(ring.pending_drops().count, 0U);
  auto const gap = ring.read(gap_at);
  ASSERT_TRUE(gap);
  EXPECT_EQ(gap->kind, detail::kKindGap);
  EXPECT_EQ(gap->sequence, written + 1);
  EXPECT_EQ(gap->next, written + 8);
  detail::GapPayload payload{};
  std::memcpy(&payload, gap->payload.data(), sizeof payload);
  EXPECT_EQ(payload.count, 7U);
  EXPECT_EQ(payload.ticks, 1000);
  EXPECT_EQ(ring.read(gap->end)->sequence, written + 8);
}

TEST_F(Ring, AThreadsEndDeclaresItsDrops) {
  RingFile ring = make();
  RingProducer producer = ring.producer();
  fill(producer);
  detail::drop(producer, 1);
  while (ring.capacity() - (ring.head() - ring.tail()) >= detail::frame_bytes(sizeof(detail::GapPayload))) {
    ASSERT_TRUE(detail::write_gap_if_pending(producer));  // there was room for a gap, though not for the record
    fill(producer);
    detail::drop(producer, 1);
  }
  EXPECT_FALSE(detail::write_gap_if_pending(producer));
  release_all(ring);
  EXPECT_TRUE(detail::write_gap_if_pending(producer));
  EXPECT_TRUE(detail::write_gap_if_pending(producer));  // and once only
  EXPECT_EQ(read_all(ring).declared, 1U);
  EXPECT_EQ(ring.pending_drops().count, 0U);
}

TEST_F(Ring, TheNextThreadDeclaresWhatTheLastOneDropped) {
  RingFile ring = make();
  RingProducer producer = ring.producer();
  std::uint64_t const written = fill(producer);
  detail::drop(producer, 1);
  detail::drop(producer, 2);
  release_all(ring);
  RingProducer next = ring.producer();
  ASSERT_TRUE(write_record(next));
  ReadBack const read = read_all(ring);
  EXPECT_EQ(read.declared, 2U);
  EXPECT_EQ(read.whole, std::vector<std::uint64_t>{written + 3});
}

// A death at any step leaves the file as it is then: the file's words are set as after that step.
TEST_F(Ring, ADeathWhileDroppingOrDeclaringNeitherLosesNorDoublesTheCount) {
  struct Step {
    char const* name;
    bool gap_written, head_moved, count_cleared, next_behind;
  };
  for (Step const step :
       {Step{"dropped, next not stored", false, false, false, true}, Step{"dropped", false, false, false, false},
        Step{"gap written, head not moved", true, false, false, false},
        Step{"head moved", true, true, false, false}, Step{"cleared", true, true, true, false}}) {
    SCOPED_TRACE(step.name);
    std::filesystem::remove(file());
    RingFile ring = make();
    RingProducer producer = ring.producer();
    std::uint64_t const written = fill(producer);
    for (int i = 0; i < 3; ++i) detail::drop(producer, 5);
    release_all(ring);
    auto& words = *producer.shared;
    std::uint64_t const head = words.producer.head.load_relaxed();
    if (step.gap_written) {
      ASSERT_TRUE(detail::write_gap_if_pending(producer));
    }
    if (!step.head_moved) words.producer.head.store_relaxed(head);
    if (!step.count_cleared) words.drops.count.store_relaxed(3);
    if (step.next_behind) words.producer.next.store_relaxed(written + 3);

    RingFile const dead = reopen();
    ReadBack const read = read_all(dead);
    std::uint64_t const pending = dead.pending_drops().count;
    EXPECT_EQ(read.declared + pending, 3U);
    EXPECT_EQ(read.missing, pending);
    EXPECT_EQ(dead.next_sequence(), written + 4);
    EXPECT_EQ(dead.damage().size(), 0U);
  }
}

TEST_F(Ring, ADeathBetweenFrameAndHeadKeepsTheFrame) {
  RingFile ring = make();
  RingProducer producer = ring.producer();
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(write_record(producer));
  std::uint64_t const head = producer.head;
  ASSERT_TRUE(write_record(producer));
  producer.shared->producer.head.store_relaxed(head);
  RingFile const dead = reopen();
  EXPECT_EQ(read_all(dead).whole.size(), 6U);
  EXPECT_EQ(read_all(dead).missing, 0U);
}

// --- both sides at once (the point of the thread sanitizer's run)

TEST_F(Ring, ProducerAndConsumerAtOnce) {
  RingFile ring = make();
  constexpr std::uint64_t kRecords = 100'000;
  std::atomic<bool> done{false};
  std::uint64_t dropped = 0;
  std::thread writer([&] {
    RingProducer producer = ring.producer();
    for (std::uint64_t i = 0; i < kRecords; ++i) {
      if (write_record(producer)) continue;
      if (i % 4 == 0) {
        detail::drop(producer, static_cast<std::int64_t>(i));
        ++dropped;
      } else {
        while (!write_record(producer)) std::this_thread::yield();
      }
    }
    while (!detail::write_gap_if_pending(producer)) std::this_thread::yield();
    done = true;
  });
  std::uint64_t position = 0, expected = 1, declared = 0, seen_pending = 0;
  while (true) {
    bool const last = done;
    std::uint64_t const head = ring.seal();
    while (position < head) {
      auto const frame = ring.read(position);
      ASSERT_TRUE(frame);
      ASSERT_EQ(frame->sequence, expected);
      if (frame->kind == detail::kKindGap) {
        declared += frame->next - frame->sequence;
      } else {
        ASSERT_TRUE(is_record(frame->payload, frame->sequence));
      }
      expected = frame->next;
      position = frame->end;
    }
    auto const pending = ring.pending_drops();
    if (pending.count > 0) {
      ++seen_pending;
      ASSERT_GE(pending.first, expected);
      ASSERT_LE(pending.first + pending.count, kRecords + 1);
    }
    ring.release(position, expected);
    if (last) break;
  }
  writer.join();
  EXPECT_EQ(expected, kRecords + 1);
  EXPECT_EQ(declared, dropped);
  RecordProperty("pending_seen", static_cast<int>(seen_pending));
}

// --- creation that fails

TEST_F(Ring, AFileSizeLimitIsAnErrorThatNamesTheFileAndNotASignal) {
  pid_t const child = ::fork();
  if (child == 0) {
    rlimit const limit = {kMinRing, RLIM_INFINITY};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    try {
      make();
      ::_exit(1);
    } catch (std::system_error const& error) {
      bool const named = std::string(error.what()).find(file().string()) != std::string::npos;
      ::_exit(error.code() == std::errc::file_too_large && named && !std::filesystem::exists(file()) ? 0 : 2);
    }
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST_F(Ring, AFullDiskIsAnErrorAndLeavesNothing) {
  constexpr int kNotAllowed = 77;
  pid_t const child = ::fork();
  if (child == 0) {
    if (!mount_small(directory_.path())) ::_exit(kNotAllowed);
    try {
      make();
      ::_exit(1);
    } catch (std::system_error const& error) {
      ::_exit(error.code() == std::errc::no_space_on_device && !std::filesystem::exists(file()) ? 0 : 2);
    }
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  if (WEXITSTATUS(status) == kNotAllowed) GTEST_SKIP() << "no file system may be mounted here";
  EXPECT_EQ(status, 0);
}

TEST_F(Ring, AForkedChildHasNoMappingAndLeavesTheParentsAlone) {
  auto ring = std::make_unique<RingFile>(make());
  RingProducer producer = ring->producer();
  ASSERT_TRUE(write_record(producer));
  pid_t const child = ::fork();
  if (child == 0) {
    unsigned char present = 0;
    bool const mapped = ::mincore(producer.shared, 4096, &present) == 0;
    ring.reset();  // must not unmap what may be somebody else's by now
    ::_exit(mapped ? 1 : 0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  ASSERT_TRUE(write_record(producer));
  EXPECT_EQ(read_all(*ring).whole.size(), 2U);
}

}  // namespace
}  // namespace logboom::spool
