// What is found in the ring of a dead process: after SIGKILL at any moment, with bits flipped, cut off, after a restart of the machine.
#include "spool/ring_recovery.hpp"
#include "record/check.hpp"
#include "spool_fixture.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <random>

namespace logboom::spool {
namespace {

using namespace test;
using detail::RingProducer;

std::uint32_t seed_of_this_run() {
  char const* const given = std::getenv("LOGBOOM_TEST_SEED");
  return given != nullptr ? static_cast<std::uint32_t>(std::stoul(given)) : std::random_device()();
}

class Recovery : public ::testing::Test {
 protected:
  Recovery() : seed_(seed_of_this_run()), random_(seed_) {}
  void TearDown() override {
    if (HasFailure()) std::printf("seed: LOGBOOM_TEST_SEED=%u\n", seed_);
  }

  std::filesystem::path file() const { return directory_.path() / "ring.0"; }
  std::uint64_t below(std::uint64_t bound) {
    return std::uniform_int_distribution<std::uint64_t>(0, bound - 1)(random_);
  }

  // A ring past its first lap, records kReleased + 1 … kWritten in it, everything sealed; its bytes.
  std::vector<char> make_file() {
    std::filesystem::remove(file());
    RingFile ring = RingFile::create(file(), 0, kMinRing);
    RingProducer producer = ring.producer();
    while (producer.sequence <= kWritten) {
      if (write_record(producer)) continue;
      ring.release(ring.read(ring.tail())->end, ring.base() + 1);
    }
    while (ring.base() <= kReleased) ring.release(ring.read(ring.tail())->end, ring.base() + 1);
    ring.seal();
    EXPECT_GT(ring.head() - (ring.head() % kMinRing), ring.tail());  // the end of the capacity lies between them
    return read_file(file());
  }

  // Opens the file with one bit of it flipped, and mends it again.
  template <class Use>
  void with_bit_flipped(std::vector<char> const& good, std::size_t at, int bit, Use const& use) {
    SCOPED_TRACE("bit " + std::to_string(bit) + " of byte " + std::to_string(at));
    std::fstream out(file(), std::ios::binary | std::ios::in | std::ios::out);
    auto const put = [&](std::size_t offset, std::span<char const> bytes) {
      out.seekp(static_cast<std::streamoff>(offset));
      out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
      out.flush();
    };
    char const bad = static_cast<char>(good[at] ^ (1 << bit));
    put(at, std::span(&bad, 1));
    use(RingFile::open(file()));
    put(at, std::span(good).subspan(at, 1));
    put(4096, std::span(good).subspan(4096, sizeof(detail::RingShared)));
  }

  static constexpr std::uint64_t kWritten = 900, kReleased = 450, kHeld = kWritten - kReleased;

  TemporaryDirectory directory_;
  std::uint32_t seed_;
  std::mt19937 random_;
};

struct SharedCounters {
  std::atomic<std::uint64_t> returned{0};  // log calls that returned
  std::atomic<std::uint64_t> dropped{0};   // of those, drops
};

// Writes until it is killed; releases behind itself now and then, as a sender would.
[[noreturn]] void write_for_ever(RingFile& ring, SharedCounters& counters, bool drops) {
  RingProducer producer = ring.producer();
  while (true) {
    if (write_record(producer)) {
      counters.returned.fetch_add(1, std::memory_order_release);
      continue;
    }
    if (drops && producer.sequence % 3 != 0) {
      detail::drop(producer, 1);
      counters.returned.fetch_add(1, std::memory_order_release);
      continue;
    }
    std::uint64_t position = ring.tail(), base = ring.base();
    std::uint64_t const head = ring.seal();
    for (std::uint64_t i = 0; i < 100 && position < head; ++i) {
      auto const frame = ring.read(position);
      if (!frame) ::_exit(3);
      position = frame->end;
      base = frame->next;
    }
    ring.release(position, base);
  }
}

TEST_F(Recovery, SigkillAtRandomMomentsLosesNothingThatReturned) {
  constexpr int kKills = 60;
  auto* const counters = static_cast<SharedCounters*>(
      ::mmap(nullptr, sizeof(SharedCounters), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  ASSERT_NE(counters, MAP_FAILED);
  std::uint64_t total = 0;
  for (int i = 0; i < kKills; ++i) {
    std::filesystem::remove(file());
    new (counters) SharedCounters;
    pid_t const child = ::fork();
    if (child == 0) {
      RingFile ring = RingFile::create(file(), 0, kMinRing);
      write_for_ever(ring, *counters, i % 2 == 1);
    }
    while (counters->returned.load(std::memory_order_acquire) < 1) ::sched_yield();
    timespec const pause{0, static_cast<long>(below(3'000'000))};
    ::nanosleep(&pause, nullptr);  // any moment will do: nothing depends on how long it is
    ::kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the child ended by itself: " << status;

    RingFile const ring = RingFile::open(file());
    ReadBack const read = read_all(ring);
    EXPECT_EQ(read.wrong, 0U);
    EXPECT_EQ(read.missing, ring.pending_drops().count);
    EXPECT_EQ(ring.damage().size(), 0U);
    std::uint64_t const made = ring.next_sequence() - 1;
    std::uint64_t const returned = counters->returned.load();
    EXPECT_GE(made, returned);
    EXPECT_LE(made, returned + 1);  // the one whose call had not returned
    EXPECT_EQ(ring.base() - 1 + read.whole.size() + read.declared + read.missing, made);
    total += returned;
  }
  ::munmap(counters, sizeof(SharedCounters));
  RecordProperty("records", static_cast<int>(total));
}

TEST_F(Recovery, AFlippedBitCostsAtMostItsRecord) {
  std::vector<char> const good = make_file();
  std::uint64_t worst = 0;
  auto const judge = [&](RingFile const& ring) {
    ReadBack const read = read_all(ring);
    EXPECT_EQ(read.wrong, 0U);
    // records found again below the base are the ledger's to know
    auto const first_held = std::lower_bound(read.whole.begin(), read.whole.end(), kReleased + 1);
    auto const held = static_cast<std::uint64_t>(read.whole.end() - first_held);
    EXPECT_EQ(held + read.missing, kHeld);
    EXPECT_EQ(ring.next_sequence(), kWritten + 1);
    worst = std::max(worst, read.missing);
  };
  auto const flip = [&](std::size_t bit) {
    with_bit_flipped(good, bit / 8, static_cast<int>(bit % 8), judge);
    return !HasFailure();
  };
  // Every bit of what is not a record, then many of the data.
  for (std::size_t bit = 0; bit < 192 * 8; ++bit) ASSERT_TRUE(flip(bit));
  for (std::size_t bit = 4096 * 8; bit < (4096 + sizeof(detail::RingShared)) * 8; ++bit)
    ASSERT_TRUE(flip(bit));
  constexpr std::size_t kData = detail::kRingDataOffset;
  for (int i = 0; i < 1500; ++i) ASSERT_TRUE(flip(8 * kData + below(8 * (good.size() - kData))));
  EXPECT_EQ(worst, 1U);
}

TEST_F(Recovery, EveryBitOfOneFrameIsProtected) {
  std::vector<char> const good = make_file();
  std::uint64_t start = 0, end = 0;
  {
    RingFile const ring = RingFile::open(file());
    start = ring.tail();
    for (int i = 0; i < 20; ++i) start = ring.read(start)->end;
    end = start + sizeof(detail::FrameHeader) + ring.read(start)->payload.size();
  }
  for (std::uint64_t position = start; position < end; ++position) {
    for (int bit = 0; bit < 8; ++bit) {
      with_bit_flipped(good, detail::kRingDataOffset + position % kMinRing, bit, [&](RingFile const& ring) {
        ReadBack const read = read_all(ring);
        EXPECT_EQ(read.wrong, 0U);
        EXPECT_EQ(read.missing, 1U);
        ASSERT_EQ(ring.damage().size(), 1U);
        EXPECT_EQ(ring.damage()[0].from, start);
      });
      ASSERT_FALSE(HasFailure());
    }
  }
}

TEST_F(Recovery, ATornRegionCostsWhatStoodInIt) {
  std::vector<char> const good = make_file();
  for (int i = 0; i < 100; ++i) {
    std::vector<char> bad = good;
    std::size_t const size = 1 + below(5000);
    std::size_t const at = detail::kRingDataOffset + below(kMinRing - size);
    for (std::size_t k = 0; k < size; ++k) bad[at + k] = static_cast<char>(random_());
    write_file(file(), bad);
    RingFile const ring = RingFile::open(file());
    ReadBack const read = read_all(ring);
    ASSERT_EQ(read.wrong, 0U);
    ASSERT_EQ(read.whole.size() + read.missing, kHeld);
    ASSERT_EQ(ring.next_sequence(), kWritten + 1);
    ASSERT_LE(read.missing, size / 24 + 2);
  }
}

TEST_F(Recovery, AFileCutOffAnywhereKeepsWhatIsLeft) {
  std::vector<char> const good = make_file();
  for (int i = 0; i < 200; ++i) {
    std::size_t const size = below(good.size());
    write_file(file(), std::span(good).first(size));
    if (size < detail::kRingDataOffset) {
      EXPECT_THROW((void)RingFile::open(file()), SpoolError);
      continue;
    }
    RingFile const ring = RingFile::open(file());
    ReadBack const read = read_all(ring);
    ASSERT_EQ(read.wrong, 0U);
    ASSERT_EQ(read.whole.size() + read.missing, kHeld);
  }
}

TEST_F(Recovery, WhatIsNoRingIsRefusedWithOneLine) {
  auto const refusal = [&]() -> std::string {
    try {
      (void)RingFile::open(file());
      return "opened";
    } catch (SpoolError const& error) {
      return error.what();
    }
  };
  write_file(file(), std::vector<char>(100'000, 'x'));
  EXPECT_NE(refusal().find("no ring of logboom"), std::string::npos);
  write_file(file(), std::vector<char>(100, 'x'));
  EXPECT_NE(refusal().find("cut off"), std::string::npos);
  std::vector<char> newer = make_file();
  newer[8] = newer[2048 + 8] = 2;
  write_file(file(), newer);
  EXPECT_NE(refusal().find("newer version (2"), std::string::npos);
  EXPECT_NE(refusal().find(file().string()), std::string::npos);
  std::filesystem::remove(file());
  ASSERT_EQ(::mkfifo(file().c_str(), 0600), 0);
  EXPECT_THROW((void)RingFile::open(file()), std::system_error);
}

// As long as nobody has looked, a changed bit in what the process did not live to seal may pass for what was logged; from the first look on it does not.
TEST_F(Recovery, WhatWasNotSealedIsSealedByTheFirstWhoOpensIt) {
  {
    RingFile ring = RingFile::create(file(), 0, kMinRing);
    RingProducer producer = ring.producer();
    for (int i = 0; i < 12; ++i) ASSERT_TRUE(write_record(producer));
  }
  { EXPECT_EQ(read_all(RingFile::open(file())).whole.size(), 12U); }
  std::vector<char> const good = read_file(file());
  std::size_t const end = detail::kRingDataOffset + RingFile::look(file()).head();
  for (std::size_t at = detail::kRingDataOffset; at < end; ++at) {
    for (int const bit : {0, 7}) {
      with_bit_flipped(good, at, bit, [&](RingFile const& ring) {
        ReadBack const read = read_all(ring);
        EXPECT_EQ(read.wrong, 0U);
        EXPECT_LE(read.missing, 1U);
        EXPECT_EQ(read.whole.size() + read.missing, 12U);
      });
    }
  }
}

TEST_F(Recovery, ALookLeavesTheFileAsItIs) {
  std::vector<char> bad = make_file();
  bad[detail::kRingDataOffset + 5'000] = static_cast<char>(bad[detail::kRingDataOffset + 5'000] ^ 1);
  bad.resize(bad.size() - 100'000);
  write_file(file(), bad);
  { EXPECT_FALSE(RingFile::look(file()).damage().empty()); }
  EXPECT_EQ(read_file(file()), bad);
}

// Different words of the two copies: each is right in the other.
TEST_F(Recovery, AnIdentityIsMadeOfTwoDamagedCopies) {
  std::vector<char> bad = make_file();
  for (std::size_t const at : {std::size_t{3}, std::size_t{33}, std::size_t{2048 + 17}, std::size_t{2048 + 66}})
    bad[at] = static_cast<char>(~bad[at]);
  write_file(file(), bad);
  EXPECT_EQ(read_all(RingFile::open(file())).whole.size(), kHeld);
}

// The identity's boot id stands at byte 40 of either copy; with another one, only the sealed frames count.
TEST_F(Recovery, AfterARestartOfTheMachineOnlySealedFramesAreTrusted) {
  {
    RingFile ring = RingFile::create(file(), 0, kMinRing);
    RingProducer producer = ring.producer();
    for (int i = 0; i < 30; ++i) ASSERT_TRUE(write_record(producer));
    ring.seal();
    for (int i = 0; i < 5; ++i) ASSERT_TRUE(write_record(producer));
  }
  std::vector<char> const same_boot = read_file(file());
  EXPECT_EQ(read_all(RingFile::open(file())).whole.size(), 35U);

  std::vector<char> other = same_boot;
  constexpr std::size_t kBootAt = 40, kCheckAt = 68, kIdentitySize = 136;
  for (std::size_t const copy : {std::size_t{0}, std::size_t{2048}}) {
    other[copy + kBootAt] = static_cast<char>(~other[copy + kBootAt]);
    std::memset(other.data() + copy + kCheckAt, 0, 4);
    std::uint64_t magic = 0;
    std::memcpy(&magic, other.data(), sizeof magic);
    std::uint32_t const check =
        check_bytes(magic, std::as_bytes(std::span(other.data() + copy, kIdentitySize)));
    std::memcpy(other.data() + copy + kCheckAt, &check, sizeof check);
  }
  write_file(file(), other);
  ReadBack const read = read_all(RingFile::open(file()));
  EXPECT_EQ(read.whole.size(), 30U);
  EXPECT_EQ(read.missing, 5U);
}

// A record that holds a copy of another frame, header and all, must not be taken for that frame when its own header is damaged.
TEST_F(Recovery, AFrameInsideARecordIsNone) {
  {
    RingFile ring = RingFile::create(file(), 0, kMinRing);
    RingProducer producer = ring.producer();
    ASSERT_TRUE(write_record(producer));
    std::uint64_t const first_end = producer.head;
    std::vector<std::byte> copy(producer.data, producer.data + first_end);
    std::byte* const at = detail::look_and_reserve(producer, copy.size()).payload;
    std::memcpy(at, copy.data(), copy.size());
    detail::commit(producer, copy.size());
    ASSERT_TRUE(write_record(producer));
    ring.seal();
    producer.data[first_end] ^= std::byte{0x10};
  }
  RingFile const ring = RingFile::open(file());
  ReadBack const read = read_all(ring);
  EXPECT_EQ(read.whole, (std::vector<std::uint64_t>{1, 3}));
  EXPECT_EQ(read.missing, 1U);
}

TEST_F(Recovery, DroppedAndDeadWithAnEmptyRing) {
  {
    RingFile ring = RingFile::create(file(), 0, kMinRing);
    RingProducer producer = ring.producer();
    while (write_record(producer)) {
    }
    detail::drop(producer, 77);
    ring.release(producer.head, producer.sequence - 1);
  }
  RingFile const ring = RingFile::open(file());
  auto const drops = ring.pending_drops();
  EXPECT_EQ(drops.count, 1U);
  EXPECT_EQ(drops.ticks, 77);
  EXPECT_EQ(drops.first, ring.base());
  EXPECT_EQ(ring.next_sequence(), drops.first + 1);
}

// The sender has declared the first drop in its thread's stead and released up to it; the thread dropped one more meanwhile.
TEST_F(Recovery, DropsOfWhichTheFirstIsReleasedAlreadyKeepTheirCount) {
  for (bool const declared : {false, true}) {
    std::filesystem::remove(file());
    std::uint64_t first = 0;
    {
      RingFile ring = RingFile::create(file(), 0, kMinRing);
      RingProducer producer = ring.producer();
      while (write_record(producer)) {
      }
      first = producer.sequence;
      detail::drop(producer, 77);
      std::uint64_t const end = producer.head;
      detail::drop(producer, 78);
      ring.release(end, first + 1);
      if (declared) {
        ASSERT_TRUE(write_record(producer));
      }
    }
    RingFile const ring = RingFile::open(file());
    EXPECT_TRUE(ring.damage().empty());
    EXPECT_EQ(ring.base(), first + 1);
    EXPECT_EQ(ring.next_sequence(), first + (declared ? 3U : 2U));
    if (declared) {
      auto const gap = ring.read(ring.tail());
      ASSERT_TRUE(gap);
      EXPECT_EQ(gap->kind, detail::kKindGap);
      EXPECT_EQ(gap->next, first + 2);
      EXPECT_TRUE(ring.read(gap->end));
    } else {
      EXPECT_EQ(ring.pending_drops().first, first);
      EXPECT_EQ(ring.pending_drops().count, 2U);
    }
  }
}

TEST_F(Recovery, AScanOfHostileBytesEndsSoon) {
  {
    RingFile ring = RingFile::create(file(), 0, std::size_t{8} << 20U);
    RingProducer producer = ring.producer();
    ASSERT_TRUE(write_record(producer));
    // every word looks like the header of a frame of full length
    for (std::uint64_t at = 0; at + 16 < ring.capacity(); at += 8) {
      std::uint64_t const word = detail::kMaxFrame - 100;
      std::memcpy(producer.data + at, &word, sizeof word);
    }
    producer.shared->producer.head.store_relaxed(ring.capacity() - 64);
  }
  RingFile const ring = RingFile::open(file());  // 8 GiB to hash, were it not bounded
  EXPECT_TRUE(read_all(ring).whole.empty());
}

}  // namespace
}  // namespace logboom::spool
