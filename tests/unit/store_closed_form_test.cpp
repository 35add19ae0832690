// Closed files of a store, compressed and with an index of their words: found in all the same, brought to the form of the present choice, and whole whatever happens meanwhile.
// ctest: timeout=180
#include "store_retention_fixture.hpp"

#include "store/closed_form.hpp"
#include "store/next_file.hpp"
#include "store/repair.hpp"

#include <gmock/gmock.h>

#include <filesystem>
#include <stdexcept>

namespace logboom::store {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class ClosedFormTest : public RetentionTest {
 protected:
  /// Records that say `message N …` and every hundredth more; in closed files of that form, and the current one.
  void write(RetentionOptions const& form) {
    options.retention.compress = form.compress;
    options.retention.full_text = form.full_text;
    StoreWriter writer(path, options);
    for (; list_closed(path).size() < 2 || next < 1'000; next += 100) {
      auto block = make_block(1, next, 100, kStart * kSecondNs);
      for (Entry& entry : block->entries) entry.message = block->arena.copy(entry_text(entry.sequence));
      block->entries[7].exception = block->arena.copy(fmt::format("Übel: Time-Out of solver{}", next));
      block->entries[9].message = block->arena.copy(fmt::format("message {} out of time, solver", next + 9));
      writer.write(blocks_of(std::move(block)));
      writer.wait_idle();
    }
    writer.wait_idle();
  }
  std::vector<std::int64_t> with_words(std::string const& text, std::size_t last = 0) const {
    Query query;
    query.text = text;
    query.last = last;
    return ids(query);
  }
  std::vector<std::int64_t> each_hundredth(std::int64_t first) const {
    std::vector<std::int64_t> all;
    for (std::int64_t id = first; id < static_cast<std::int64_t>(next); id += 100) all.push_back(id);
    return all;
  }
  void expect_found() {
    EXPECT_EQ(ids(), span(1, static_cast<std::int64_t>(next - 1)));
    EXPECT_EQ(with_words("TIME-out"), each_hundredth(8)) << "words one behind the other";
    EXPECT_EQ(with_words("\"out of\""), both());
    EXPECT_EQ(with_words("out time"), both()) << "in any order";
    EXPECT_EQ(with_words("ubel solver*"), each_hundredth(8)) << "no case, no diacritics, prefix";
    EXPECT_EQ(with_words("message solver"), each_hundredth(10));
    EXPECT_EQ(with_words("solver1"), span(8, 8));
    EXPECT_THAT(with_words("solve"), IsEmpty()) << "whole words";
    EXPECT_EQ(with_words("time", 3).size(), 3U);
    EXPECT_EQ(with_words("time", 3).back(), static_cast<std::int64_t>(next) - 91);
    Query both_ways;
    both_ways.text = "solver";
    both_ways.filter.regex = "of time";
    EXPECT_EQ(ids(both_ways), each_hundredth(10));
  }
  std::vector<std::int64_t> both() const {
    std::vector<std::int64_t> all;
    for (std::int64_t const id : each_hundredth(8)) {
      all.push_back(id);
      all.push_back(id + 2);
    }
    return all;
  }
};

TEST_F(ClosedFormTest, WordsAreFoundWithoutAnIndex) {
  write({});
  expect_found();
}

TEST_F(ClosedFormTest, WordsAreFoundByTheIndexAsWithout) {
  write({.full_text = true});
  for (ClosedFile const& file : list_closed(path)) {
    EXPECT_EQ(in_file(file.path, "SELECT count(*) FROM sqlite_schema WHERE name = 'record_text'"), 1);
    EXPECT_EQ(SQLite::Database(file.path).execAndGet("PRAGMA integrity_check").getString(), "ok");
    EXPECT_EQ(SQLite::Database(file.path).execAndGet("PRAGMA journal_mode").getString(), "delete");
  }
  expect_found();
}

TEST_F(ClosedFormTest, CompressedFilesAreReadAsTheyAre) {
  write({.full_text = true, .compress = true});
  auto const files = list_closed(path);
  for (ClosedFile const& file : files) {
    EXPECT_TRUE(file.compressed);
    EXPECT_FALSE(std::filesystem::exists(file.path.substr(0, file.path.size() - 4)));
  }
  expect_found();
  auto const unpacked = (directory / "unpacked.sqlite").string();
  ASSERT_EQ(std::system(fmt::format("zstd -q -d '{}' -o '{}'", files[0].path, unpacked).c_str()), 0)
      << "any zstd";
  EXPECT_EQ(SQLite::Database(unpacked).execAndGet("PRAGMA integrity_check").getString(), "ok");
  EXPECT_LT(std::filesystem::file_size(files[0].path), std::filesystem::file_size(unpacked) / 4);
  EXPECT_EQ(StoreReader(files[0].path).fetch(1)->sequence, 1U) << "named itself";
  for (auto const& left : std::filesystem::directory_iterator(path + ".d"))
    EXPECT_TRUE(left.path().extension() == ".zst" || left.path() == next_path(path)) << left.path();
  // And a store can be gone on with from one.
  for (char const* end : {"", "-wal", "-shm"}) std::filesystem::remove(path + end);
  StoreWriter const writer(path, options);
  EXPECT_EQ(writer.last_id() + 1, [&] {
    StoreReader const last(files.back().path);
    return last.last_id() + 1;
  }());
  EXPECT_THAT(writer.ledger(), SizeIs(1));
}

TEST_F(ClosedFormTest, FilesOfAnOlderChoiceAreBroughtToTheNewOne) {
  write({});
  EXPECT_FALSE(list_closed(path)[0].compressed);
  options.retention.compress = true;
  {
    StoreWriter writer(path, options);
    writer.wait_idle();
  }
  for (ClosedFile const& file : list_closed(path)) EXPECT_TRUE(file.compressed);
  EXPECT_EQ(ids(), span(1, static_cast<std::int64_t>(next - 1)));
}

TEST_F(ClosedFormTest, ADamagedFileIsAnErrorAndNotAShorterAnswer) {
  write({.compress = true});
  auto const file = list_closed(path)[0].path;
  auto const size = std::filesystem::file_size(file);
  auto const refusal = [&] {
    try {
      static_cast<void>(ids());
    } catch (StoreError const& error) {
      return std::string(error.what());
    }
    return std::string("accepted");
  };
  {
    std::fstream damaged(file, std::ios::in | std::ios::out | std::ios::binary);
    damaged.seekp(static_cast<std::streamoff>(size / 2));
    damaged << "damage damage damage";
  }
  EXPECT_THAT(refusal(), testing::AllOf(HasSubstr(file), HasSubstr("damaged")));
  std::filesystem::resize_file(file, size - 1);
  EXPECT_THAT(refusal(), HasSubstr(file));
  std::filesystem::resize_file(file, 0);
  EXPECT_THAT(refusal(), HasSubstr(file));
}

TEST_F(ClosedFormTest, AFileThatLostItsTableOfFramesIsRepairedWithoutLoss) {
  write({.compress = true});
  auto const before = ids();
  auto const file = list_closed(path)[0].path;
  std::filesystem::resize_file(file, std::filesystem::file_size(file) - 5);
  EXPECT_THROW((void)ids(), StoreError);
  Repair const done = repair_file(file);
  EXPECT_EQ(done.file, file.substr(0, file.size() - 4)) << "not compressed; the collector will do that";
  ASSERT_TRUE(done.salvaged);
  ASSERT_THAT(done.salvaged->places, SizeIs(1));
  EXPECT_EQ(done.salvaged->places[0].what, "the table of its frames");
  EXPECT_EQ(done.salvaged->lost, 0U);
  EXPECT_EQ(ids(), before);
}

TEST_F(ClosedFormTest, ADeathAmidTheRewritingLeavesOneFileOfIt) {
  write({});
  auto const files = list_closed(path);
  std::ofstream(files[0].path + ".part") << "half an index";
  std::ofstream(files[0].path + ".part-journal") << "x";
  std::ofstream(files[1].path + ".zst.part") << "half of it";
  // Renamed, but the original not yet unlinked; of what was compressed before it had its place.
  std::ofstream(files[0].path + ".zst") << "whole";
  EXPECT_EQ(ids(), span(1, static_cast<std::int64_t>(next - 1)));
  options.retention = {.file_size = options.retention.file_size, .full_text = true, .compress = true};
  {
    StoreWriter writer(path, options);
    writer.wait_idle();
  }
  for (ClosedFile const& file : list_closed(path)) EXPECT_TRUE(file.compressed);
  for (auto const& left : std::filesystem::directory_iterator(path + ".d"))
    EXPECT_TRUE(left.path().extension() == ".zst" || left.path() == next_path(path)) << left.path();
  EXPECT_EQ(ids(), span(1, static_cast<std::int64_t>(next - 1)));
  EXPECT_EQ(with_words("solver1"), span(8, 8));
}

TEST_F(ClosedFormTest, AFullDiskLeavesTheFileAsItIs) {
  write({});
  auto const files = list_closed(path);
  std::filesystem::create_directories(files[0].path + ".zst.part/in-the-way");
  try {
    finish_closed(files[0], {.compress = true}, [] { return true; });
    FAIL();
  } catch (StoreError const& error) {
    EXPECT_TRUE(error.retryable());
    EXPECT_THAT(error.what(),
                testing::AllOf(HasSubstr(files[0].path + " stays as it is"), testing::Not(HasSubstr("\n"))));
  }
  EXPECT_FALSE(finish_closed(files[1], {.full_text = true, .compress = true}, [] { return false; }));
  EXPECT_EQ(ids(), span(1, static_cast<std::int64_t>(next - 1)));
}

TEST_F(ClosedFormTest, WordsThatCannotBeMeantAreRefused) {
  { StoreWriter const writer(path); }
  for (char const* text : {"-- !", "\"open", " ", "a ++", "*"})
    EXPECT_THROW(with_words(text), std::invalid_argument) << text;
  EXPECT_THROW(with_words(std::string(5'000, 'x')), std::invalid_argument);
  EXPECT_THAT(with_words("AND OR NOT NEAR(a) message:x ^y \"a\"*"), IsEmpty()) << "no operators";
}

}  // namespace
}  // namespace logboom::store
