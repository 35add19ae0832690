// What the tests of a store of many files share: a writer whose files are full soon, a clock of their own, and what all files together hold.
#pragma once

#include "store_fixture.hpp"

#include "store/closed_files.hpp"
#include "store/store_reader.hpp"

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace logboom::store {

inline constexpr std::int64_t kDay = 86'400;
inline constexpr std::int64_t kStart = 1'795'168'800;
inline constexpr std::int64_t kSecondNs = 1'000'000'000;

class RetentionTest : public StoreTest {
 protected:
  void SetUp() override {
    StoreTest::SetUp();
    options.retention.file_size = 256U << 10U;
    options.notice = [this](std::string line) {
      std::lock_guard const guard(mutex);
      notices.push_back(std::move(line));
    };
    options.now = [this] { return now.load(); };
  }

  /// Records sequence … of stream 0 of publisher 1, some 400 KiB of them: more than a file takes.
  void fill(StoreWriter& writer) {
    auto block = make_block(1, next, 100, now * kSecondNs);
    for (Entry& entry : block->entries) entry.message = block->arena.copy(entry_text(entry.sequence));
    writer.write(blocks_of(std::move(block)));
    next += 100;
    writer.wait_idle();
  }
  static std::string entry_text(std::uint64_t sequence) {
    return fmt::format("message {} {}", sequence, std::string(4'000, 'x'));
  }
  std::int64_t newest_closed() const {
    auto const files = list_closed(path);
    return files.empty() ? 0 : files.back().first_id;
  }
  /// Fills and closes so many files, and begins the next.
  void close_files(StoreWriter& writer, int count) {
    for (; count > 0; --count) {
      for (auto const before = newest_closed(); newest_closed() == before;) {
        fill(writer);
        ASSERT_LT(next, 1'000'000U);
      }
    }
    writer.wait_idle();
  }
  std::vector<std::int64_t> ids(Query const& query = {}) const {
    std::vector<std::int64_t> found;
    logboom::query(path, query, [&](Record const& record) {
      EXPECT_EQ(record.message.substr(0, record.message.find(' ', 8)),
                fmt::format("message {}", record.sequence));
      found.push_back(record.id);
      return true;
    });
    return found;
  }
  static std::vector<std::int64_t> span(std::int64_t first, std::int64_t last) {
    std::vector<std::int64_t> all;
    for (std::int64_t id = first; id <= last; ++id) all.push_back(id);
    return all;
  }
  /// That all files together hold records 1 … `last` of the one stream, once each, in order; and the ledger says so.
  void expect_exactly(std::uint64_t last) {
    std::vector<std::uint64_t> sequences;
    std::int64_t before = 0;
    logboom::query(path, {}, [&](Record const& record) {
      EXPECT_EQ(record.id, before + 1);
      before = record.id;
      sequences.push_back(record.sequence);
      return true;
    });
    ASSERT_EQ(sequences.size(), last);
    for (std::uint64_t i = 0; i < last; ++i) ASSERT_EQ(sequences[i], i + 1);
    EXPECT_EQ(number("SELECT max(last) FROM ledger"), static_cast<std::int64_t>(last));
  }

  std::int64_t in_file(std::string const& file, std::string const& sql) const {
    return SQLite::Database(file).execAndGet(sql).getInt64();
  }

  WriterOptions options;
  std::atomic<std::int64_t> now = kStart;
  std::uint64_t next = 1;
  std::mutex mutex;
  std::vector<std::string> notices;
};

}  // namespace logboom::store
