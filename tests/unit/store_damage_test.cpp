// A store whose files are damaged: one bit anywhere, cut off anywhere, a sector overwritten. What is damaged is found, nothing else is lost, and a wrong record never passes for one.
// ctest: timeout=900
#include "store_damage_fixture.hpp"

#include "store/damaged_file.hpp"
#include "store/inspection.hpp"
#include "store/log_check.hpp"
#include "store/repair.hpp"
#include "store/salvage.hpp"
#include "store/schema.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <set>

namespace logboom::store {
namespace {

using testing::HasSubstr;
TEST_F(StoreDamageTest, OneBitAnywhereIsFoundAndCostsOneRecordAtMost) {
  {
    StoreWriter writer(path);
    fill(writer);
  }
  Bytes const good = read_bytes(path);
  Content const all = content(path);
  std::string const others = rest(path);
  ASSERT_TRUE(inspect_file(path).whole());
  remove_logs();
  auto const salvaged = (directory / "salvaged.sqlite").string();
  int damaged = 0;
  int const kFlips = full() ? 2'000 : 60;
  for (int i = 0; i < kFlips; ++i) {
    // The header, and the rest.
    std::size_t const at = i < 20 ? below(100) : below(good.size());
    int const bit = static_cast<int>(below(8));
    SCOPED_TRACE(fmt::format("bit {} of byte {}", bit, at));
    Bytes bad = good;
    bad[at] = static_cast<char>(bad[at] ^ (1 << bit));
    write_bytes(path, bad);
    remove_logs();
    Inspection const found = inspect_file(path);
    if (found.whole()) {
      ASSERT_EQ(lost(all, content(path)), 0U);
      ASSERT_EQ(rest(path), others);
      continue;
    }
    ++damaged;
    ASSERT_FALSE(found.places.empty());
    std::filesystem::remove(salvaged);
    remove_logs();
    Salvaged const got = salvage(path, salvaged);
    ASSERT_LE(lost(all, content(salvaged)), 1U);
    ASSERT_EQ(got.records + got.lost, all.size());
    ASSERT_TRUE(inspect_file(salvaged).whole());
    auto const of_gap = [](DamagedPlace const& place) { return place.what.find("gap") != std::string::npos; };
    if (std::any_of(got.places.begin(), got.places.end(), of_gap))
      continue;  // of which there is no second copy
    if (got.lost == 0) {
      ASSERT_EQ(rest(salvaged), others);
    } else {
      ASSERT_EQ(got.declared, 1U) << "a record that is lost is declared";
    }
  }
  EXPECT_GT(damaged, kFlips / 3) << "half of a file or more is content, little of its header";
}

TEST_F(StoreDamageTest, OneBitAnywhereKeepsNoWriterFromStarting) {
  {
    StoreWriter writer(path);
    fill(writer);
  }
  Bytes const good = read_bytes(path);
  for (int i = 0; i < (full() ? 1'000 : 110); ++i) {
    std::size_t const at = i < 100 ? static_cast<std::size_t>(i) : below(good.size());
    int const bit = static_cast<int>(below(8));
    SCOPED_TRACE(fmt::format("bit {} of byte {}", bit, at));
    Bytes bad = good;
    bad[at] = static_cast<char>(bad[at] ^ (1 << bit));
    write_bytes(path, bad);
    remove_logs();
    try {
      StoreWriter writer(path);
      writer.write(blocks_of(make_block(7, 1, 10)));
    } catch (StoreError const& error) {
      ASSERT_EQ(error.kind(), StoreError::Kind::kDamaged) << error.what();
      auto const aside = set_aside(path);
      ASSERT_TRUE(std::filesystem::exists(aside.kept));
      ASSERT_FALSE(std::filesystem::exists(path));
      ASSERT_EQ(aside.salvaged.ledger.size(), 3U);
      ASSERT_EQ(aside.salvaged.last_id, kRecords);
      std::filesystem::remove(aside.kept);
    }
    remove_set_aside();
  }
}

TEST_F(StoreDamageTest, CutOffAnywhereKeepsWhatIsLeft) {
  {
    StoreWriter writer(path);
    fill(writer);
  }
  Bytes const good = read_bytes(path);
  Content const all = content(path);
  remove_logs();
  auto const salvaged = (directory / "salvaged.sqlite").string();
  std::size_t most = all.size();
  std::vector<std::size_t> sizes;
  for (int i = 0; i < 12; ++i) sizes.push_back(below(good.size()));
  std::sort(sizes.rbegin(), sizes.rend());
  for (std::size_t const size : sizes) {
    SCOPED_TRACE(fmt::format("{} of {} bytes", size, good.size()));
    write_bytes(path, Bytes(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size)));
    remove_logs();
    EXPECT_FALSE(inspect_file(path).whole());
    std::filesystem::remove(salvaged);
    try {
      Salvaged const got = salvage(path, salvaged);
      EXPECT_LE(got.records, most) << "less of the file has no more records";
      most = got.records;
      (void)lost(all, content(salvaged));
      EXPECT_TRUE(inspect_file(salvaged).whole());
    } catch (StoreError const& error) {
      EXPECT_LT(size, 10U * 16'384) << error.what();
    }
  }
}

TEST_F(StoreDamageTest, ASectorThatIsOverwrittenCostsWhatStoodInIt) {
  {
    StoreWriter writer(path);
    fill(writer);
  }
  Bytes const good = read_bytes(path);
  Content const all = content(path);
  remove_logs();
  auto const salvaged = (directory / "salvaged.sqlite").string();
  for (int i = 0; i < (full() ? 500 : 12); ++i) {
    std::size_t const at = below(good.size() / 512) * 512;
    SCOPED_TRACE(fmt::format("512 bytes from {}", at));
    Bytes bad = good;
    for (std::size_t k = at; k < at + 512; ++k) bad[k] = static_cast<char>(random_());
    write_bytes(path, bad);
    remove_logs();
    std::filesystem::remove(salvaged);
    Salvaged const got = salvage(path, salvaged);
    // A record has some 70 bytes here, in the table and in pages of its own.
    EXPECT_LE(lost(all, content(salvaged)), 512U / 40) << got.damaged_places;
    EXPECT_TRUE(inspect_file(salvaged).whole());
  }
}

// --- the write-ahead log

/// A file with all of `records` in its log, as a writer leaves it that is killed.
class LogDamageTest : public StoreDamageTest {
 protected:
  void SetUp() override {
    StoreDamageTest::SetUp();
    auto const live = (directory / "live.sqlite").string();
    {
      StoreWriter writer(live);
      for (std::uint64_t first = 1; first <= 600; first += 20) writer.write(some(first, 20));
      db_ = read_bytes(live);
      log_ = read_bytes(live + "-wal");
    }
    all_ = content(live);
    ASSERT_GT(log_.size(), 32U + 24 + 16'384);
  }
  void put(Bytes const& log) const {
    write_bytes(path, db_);
    write_bytes(path + "-wal", log);
    std::filesystem::remove(path + "-shm");
  }

  Bytes db_, log_;
  Content all_;
};

TEST_F(LogDamageTest, WithoutDamageNothingIsFound) {
  put(log_);
  LogState const state = check_log(path + "-wal");
  EXPECT_TRUE(state.damage.empty());
  EXPECT_EQ(state.unfinished, 0U);
  EXPECT_EQ(state.page_size, 16'384U);
  EXPECT_EQ(state.frames, (log_.size() - 32) / (24 + 16'384));
}

TEST_F(LogDamageTest, AnyBitOfTheHeaderIsPutRight) {
  for (std::size_t at = 0; at < 32; ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      SCOPED_TRACE(fmt::format("bit {} of byte {}", bit, at));
      Bytes bad = log_;
      bad[at] = static_cast<char>(bad[at] ^ (1 << bit));
      put(bad);
      LogState const state = check_log(path + "-wal");
      ASSERT_EQ(state.damage.size(), 1U);
      ASSERT_TRUE(state.damage[0].healed);
      ASSERT_EQ(state.frames, (log_.size() - 32) / (24 + 16'384));
    }
  }
}

// What is right is not taken for wrong: a page stays as it is where its frame's sum may be what changed.
TEST_F(LogDamageTest, AnyBitOfTheLastFramesSumCostsNothing) {
  constexpr std::size_t kFrame = 24 + 16'384;
  auto const salvaged = (directory / "salvaged.sqlite").string();
  for (std::size_t at = log_.size() - kFrame + 16; at < log_.size() - kFrame + 24; ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      SCOPED_TRACE(fmt::format("bit {} of byte {}", bit, at));
      Bytes bad = log_;
      bad[at] = static_cast<char>(bad[at] ^ (1 << bit));
      put(bad);
      ASSERT_EQ(check_log(path + "-wal").damage.size(), 1U);
      std::filesystem::remove(salvaged);
      (void)salvage(path, salvaged);
      ASSERT_EQ(lost(all_, content(salvaged)), 0U);
    }
  }
}

// The number of pages that a commit gives may be what is wrong: pages that it leaves out are there.
TEST_F(LogDamageTest, AnyBitOfTheLastFramesHeaderCostsNothing) {
  constexpr std::size_t kFrame = 24 + 16'384;
  auto const salvaged = (directory / "salvaged.sqlite").string();
  for (std::size_t at = log_.size() - kFrame + 4; at < log_.size() - kFrame + 8; ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      SCOPED_TRACE(fmt::format("bit {} of byte {}", bit, at));
      Bytes bad = log_;
      bad[at] = static_cast<char>(bad[at] ^ (1 << bit));
      put(bad);
      std::filesystem::remove(salvaged);
      ASSERT_NO_THROW(salvage(path, salvaged));
      ASSERT_EQ(lost(all_, content(salvaged)), 0U);
    }
  }
}

// Of which page a frame is, where its transaction ends, and how many pages there are then: each bit of it, of frames of all kinds of pages.
TEST_F(LogDamageTest, AnyBitOfAFramesHeaderCostsNothing) {
  constexpr std::size_t kFrame = 24 + 16'384;
  auto const salvaged = (directory / "salvaged.sqlite").string();
  std::size_t const frames = (log_.size() - 32) / kFrame;
  int healed = 0, kept = 0, in_doubt = 0;
  for (std::size_t frame = 0; frame < frames; ++frame) {
    bool const thorough = frame % (full() ? 3 : 29) == 0;
    // The lowest bits of the page's number are those that may stay in doubt.
    for (std::size_t bit = thorough ? 0 : 24; bit < (thorough ? 24 * 8 : 32);
         bit += bit < 64 || full() ? 1 : 7) {
      std::size_t const at = 32 + frame * kFrame + bit / 8;
      SCOPED_TRACE(fmt::format("bit {} of byte {}, frame {} of {}", bit % 8, at, frame, frames));
      Bytes bad = log_;
      bad[at] = static_cast<char>(bad[at] ^ (1 << bit % 8));
      put(bad);
      LogState const state = check_log(path + "-wal");
      ASSERT_EQ(state.damage.size(), 1U);
      ASSERT_EQ(state.damage[0].offset, 32 + frame * kFrame);
      if (!state.damage[0].healed || full()) {
        std::filesystem::remove(salvaged);
        (void)salvage(path, salvaged);
        ASSERT_EQ(lost(all_, content(salvaged)), 0U);
      }
      bool const was_healed = state.damage[0].healed;
      ++(was_healed ? healed : state.damage[0].pages.empty() ? kept : in_doubt);
      if (was_healed && !thorough) {
        ASSERT_EQ(state.content[frame].page, number_at(log_, 32 + frame * kFrame, 4));
        continue;
      }
      try {
        StoreWriter const writer(path);
        ASSERT_EQ(writer.last_id(), 600);
        ASSERT_EQ(lost(all_, content(path)), 0U);
      } catch (StoreError const& error) {
        ASSERT_EQ(error.kind(), StoreError::Kind::kDamaged) << error.what();
        ASSERT_FALSE(state.damage[0].healed);
        ASSERT_EQ(salvage_ledger(path).ledger.size(), 2U);
      }
      remove_set_aside();
    }
  }
  std::printf("%d put right, %d kept, %d in doubt\n", healed, kept, in_doubt);
  EXPECT_GT(healed, 9 * (kept + in_doubt));
}

// Of a third of the bits the log's checksums tell that one is wrong, and not which.
TEST_F(LogDamageTest, OneBitAnywhereIsPutRightOrCostsOneRecord) {
  int healed = 0;
  int const flips = full() ? 2'000 : 60;
  auto const salvaged = (directory / "salvaged.sqlite").string();
  for (int i = 0; i < flips; ++i) {
    // Headers of the log and of frames, and pages.
    constexpr std::size_t kFrame = 24 + 16'384;
    std::size_t const frame = below((log_.size() - 32) / kFrame);
    std::size_t const at = i % 3 == 0   ? below(32)
                           : i % 3 == 1 ? 32 + frame * kFrame + below(24)
                                        : 32 + below(log_.size() - 32);
    int const bit = static_cast<int>(below(8));
    SCOPED_TRACE(fmt::format("bit {} of byte {}", bit, at));
    Bytes bad = log_;
    bad[at] = static_cast<char>(bad[at] ^ (1 << bit));
    put(bad);
    LogState const state = check_log(path + "-wal");
    ASSERT_EQ(state.damage.size(), 1U);
    std::filesystem::remove(salvaged);
    ASSERT_NO_THROW(salvage(path, salvaged));
    ASSERT_LE(lost(all_, content(salvaged)), state.damage[0].healed ? 0U : 1U);
    std::vector<std::string> told;
    try {
      WriterOptions options;
      options.damage = [&](std::string const& line) { told.push_back(line); };
      StoreWriter const writer(path, options);
      ASSERT_EQ(writer.last_id(), 600);
      ASSERT_THAT(told, testing::Contains(HasSubstr("-wal is damaged at byte")));
    } catch (StoreError const& error) {
      ASSERT_EQ(error.kind(), StoreError::Kind::kDamaged);
      ASSERT_FALSE(state.damage[0].healed);
    }
    if (state.damage[0].healed) {
      ++healed;
      ASSERT_EQ(lost(all_, content(path)), 0U);
    }
    remove_set_aside();
  }
  std::printf("%d of %d wrong bits were put right\n", healed, flips);
  EXPECT_GT(healed, flips / 2);
}

TEST_F(LogDamageTest, WhatIsBehindADamagedFrameIsKept) {
  for (int i = 0; i < 20; ++i) {
    constexpr std::size_t kFrame = 24 + 16'384;
    std::size_t const frames = (log_.size() - 32) / kFrame;
    std::size_t const frame = below(frames / 2);
    std::size_t const at = 32 + frame * kFrame + 24 + below(16'384 - 600);
    SCOPED_TRACE(fmt::format("512 bytes from {}, frame {} of {}", at, frame, frames));
    Bytes bad = log_;
    for (std::size_t k = at; k < at + 512; ++k) bad[k] = static_cast<char>(random_());
    put(bad);
    LogState const state = check_log(path + "-wal");
    ASSERT_EQ(state.damage.size(), 1U);
    ASSERT_FALSE(state.damage[0].healed);
    ASSERT_EQ(state.frames, frames);
    // Most pages are written again later, so that the damage is often of what nobody reads any more.
    auto const salvaged = (directory / "salvaged.sqlite").string();
    std::filesystem::remove(salvaged);
    (void)salvage(path, salvaged);
    ASSERT_LE(lost(all_, content(salvaged)), 13U);
    try {
      StoreWriter const writer(path);
      ASSERT_EQ(writer.last_id(), 600);
    } catch (StoreError const& error) {
      ASSERT_EQ(error.kind(), StoreError::Kind::kDamaged);
    }
    remove_set_aside();
  }
}

TEST_F(LogDamageTest, ATornLastTransactionIsNone) {
  constexpr std::size_t kFrame = 24 + 16'384;
  for (std::size_t const cut : {1U, 100U, 16'384U, 16'408U, 20'000U}) {
    put(Bytes(log_.begin(), log_.end() - static_cast<std::ptrdiff_t>(cut)));
    LogState const state = check_log(path + "-wal");
    EXPECT_TRUE(state.damage.empty()) << cut;
    EXPECT_LT(state.frames, log_.size() / kFrame);
    StoreWriter const writer(path);
    EXPECT_EQ(writer.last_id(), 580) << cut;
  }
}

// --- repair

TEST_F(StoreDamageTest, ARepairedFileTakesThePlaceOfTheDamagedOneWhichIsKept) {
  {
    StoreWriter writer(path);
    fill(writer);
  }
  Content const all = content(path);
  remove_logs();
  EXPECT_EQ(repair_file(path).file, "") << "nothing was the matter";
  Bytes bad = read_bytes(path);
  std::string const wanted = "message 1002";
  auto const at = std::search(bad.begin(), bad.end(), wanted.begin(), wanted.end());
  ASSERT_NE(at, bad.end());
  *at = 'M';
  write_bytes(path, bad);
  Repair const done = repair_file(path);
  EXPECT_EQ(done.before.damaged, 1U);
  EXPECT_THAT(done.before.places.at(0).what, HasSubstr("record 2002 does not have its checksum"));
  EXPECT_EQ(done.file, path);
  ASSERT_EQ(done.kept.size(), 1U);
  EXPECT_THAT(done.kept[0], HasSubstr(path + ".damaged-"));
  EXPECT_EQ(read_bytes(done.kept[0]), bad) << "as it was";
  EXPECT_EQ(done.salvaged.value().lost, 1U);
  Content const left = content(path);
  EXPECT_EQ(lost(all, left), 1U);
  EXPECT_FALSE(left.contains(2'002));
  EXPECT_EQ(
      number(
          "SELECT count(*) FROM gap WHERE first = 1002 AND last = 1002 AND reason = 'damaged in the store'"),
      1);
  EXPECT_TRUE(inspect_file(path).whole());
  // It goes on where it was.
  StoreWriter writer(path);
  EXPECT_EQ(writer.last_id(), kRecords);
  EXPECT_EQ(writer.ledger().size(), 3U);
  EXPECT_THROW((void)repair_file(path), StoreError) << "a collector writes to it";
}

TEST_F(StoreDamageTest, WhatWasSetAsideComesBackAsAClosedFile) {
  {
    StoreWriter writer(path);
    fill(writer);
  }
  remove_logs();
  Bytes bad = read_bytes(path);
  bad[0] = 'X';
  write_bytes(path, bad);
  auto const aside = set_aside(path);
  EXPECT_EQ(aside.salvaged.last_id, kRecords);
  WriterOptions options;
  options.least_id = kRecords + 1;
  StoreWriter writer(path, options);
  writer.write(blocks_of(make_block(9, 1, 10)));
  Repair const done = repair_file(aside.kept);  // while it is being written
  EXPECT_THAT(done.file, HasSubstr("logs.sqlite.d/"));
  EXPECT_THAT(done.kept, testing::ElementsAre(aside.kept));
  std::int64_t expected = 1;
  query(path, {}, [&](Record const& record) {
    EXPECT_EQ(record.id, expected++);
    return true;
  });
  EXPECT_EQ(expected, kRecords + 11);
}

TEST_F(StoreDamageTest, ARollUpThatDiffersIsSaidAndCountedAnew) {
  {
    StoreWriter writer(path);
    fill(writer);
  }
  auto const others = rest(path);
  auto const add = [&](char const* table, int n) {
    SQLite::Database(path, SQLite::OPEN_READWRITE).exec(fmt::format("UPDATE {} SET n = n + {}", table, n));
  };
  for (char const* table : {"minute", "minute_level"}) {
    add(table, 1);
    Inspection const found = inspect_file(path);
    ASSERT_FALSE(found.whole()) << table;
    EXPECT_THAT(found.places.front().what, HasSubstr(fmt::format("{}, a roll-up, differs", table)));
    auto const salvaged = (directory / fmt::format("{}.sqlite", table)).string();
    salvage(path, salvaged);
    EXPECT_EQ(rest(salvaged), others);
    add(table, -1);
  }
  EXPECT_TRUE(inspect_file(path).whole());
}

TEST_F(StoreDamageTest, ADamagedLedgerIsWorkedOutAnew) {
  {
    StoreWriter writer(path);
    fill(writer);
  }
  SQLite::Database(path, SQLite::OPEN_READWRITE)
      .exec("UPDATE ledger SET last = last + 1048576 WHERE publisher_id = 1");
  EXPECT_FALSE(inspect_file(path).whole());
  std::vector<std::string> told;
  WriterOptions options;
  options.damage = [&](std::string const& line) { told.push_back(line); };
  StoreWriter const writer(path, options);
  EXPECT_THAT(told, testing::ElementsAre(HasSubstr("1 damaged rows of the ledger")));
  std::uint64_t highest = 0;
  for (auto const& progress : writer.ledger()) highest = std::max(highest, progress.last);
  EXPECT_EQ(highest, static_cast<std::uint64_t>(kRecords) / 2);
}

TEST_F(StoreDamageTest, OtherFilesAreNotTakenForDamagedStores) {
  std::ofstream(path)
      << "just text, for more than a header of a database, so that it is not taken for an empty file at all";
  EXPECT_FALSE(was_a_store(path));
  EXPECT_THROW((void)salvage(path, path + ".to"), StoreError);
  EXPECT_FALSE(std::filesystem::exists(path + ".to"));
}

}  // namespace
}  // namespace logboom::store
