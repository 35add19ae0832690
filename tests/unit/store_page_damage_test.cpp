// Each bit of what SQLite keeps in each kind of page: headers, pointers, the beginnings of rows. Of a small store with small pages, so that it has all kinds of them.
// ctest: timeout=900
#include "store_damage_fixture.hpp"

#include "store/inspection.hpp"
#include "store/salvage.hpp"
#include "store/schema.hpp"
#include "store/time_span.hpp"

#include <algorithm>
#include <utility>

namespace logboom::store {
namespace {

class StorePageDamageTest : public StoreDamageTest {
 protected:
  static constexpr std::size_t kPage = 512;
  static constexpr std::uint64_t kStreams = 90;
  static constexpr std::uint64_t kLast = 1'194;  // of the stream with gaps

  struct Page {
    std::size_t at = 0;
    std::string what;
  };

  void SetUp() override {
    StoreDamageTest::SetUp();
    make_with_small_pages();
    {
      StoreWriter writer(path);
      for (std::uint64_t first = 1; first <= 200; first += 50) writer.write(some(first, 50));
      write_long_text(writer);
      write_streams(writer);
      write_gaps(writer);
    }
    split_spans();
    good_ = read_bytes(path);
    all_ = content(path);
    rest_ = rest(path);
    ledger_ = sorted(salvage_ledger(path).ledger);
    ASSERT_EQ(ledger_.size(), 3 + kStreams);
    pages_ = pages();
    remove_logs();
  }

  void make_with_small_pages() const {
    SQLite::Database db(path, SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
    db.exec(fmt::format("PRAGMA page_size={}", kPage));
    migrate_schema(db, path);
  }

  static void write_long_text(StoreWriter& writer) {
    auto block = make_block(1, 101, 1);
    block->entries[0].exception = block->arena.copy(std::string(5 * kPage, 'e'));
    writer.write(blocks_of(std::move(block)));
  }

  /// So many that the ledger is a tree.
  static void write_streams(StoreWriter& writer) {
    auto block = std::make_unique<Block>();
    for (std::uint64_t stream = 0; stream < kStreams; ++stream)
      block->progress.push_back({publisher_id(4), stream, 1'000 + stream});
    writer.write(blocks_of(std::move(block)));
  }

  /// Most of them go again, so that there are free pages, with rows that are no more.
  static void write_gaps(StoreWriter& writer) {
    auto block = std::make_unique<Block>();
    for (std::uint64_t i = 0; i < 120; ++i) {
      block->gaps.push_back({.publisher = publisher_id(3),
                             .stream = 0,
                             .first = 10 * i + 1,
                             .last = 10 * i + 4,
                             .time = 5,
                             .reason = "late"});
    }
    block->progress.push_back({publisher_id(3), 0, kLast});
    writer.write(blocks_of(std::move(block)));
    Blocks late;
    for (std::uint64_t i = 10; i < 120; ++i) {
      late.push_back(make_block(3, 10 * i + 1, 4));
      late.back()->progress = {{publisher_id(3), 0, kLast}};
      late.back()->arrivals = {{{publisher_id(3), 0, 10 * i + 1, 10 * i + 4}, 0}};
    }
    writer.write(late);
  }

  /// So many, each of few records, that they are a tree.
  void split_spans() const {
    SQLite::Database db(path, SQLite::OPEN_READWRITE);
    db.exec("DELETE FROM span");
    SQLite::Statement runs(
        db, "SELECT min(id), max(id), min(created), max(created) FROM record GROUP BY id / 12 ORDER BY 1");
    SQLite::Statement add(db, fmt::format("INSERT INTO span({}) VALUES(?, ?, ?, ?, ?)", kSpanColumns));
    while (runs.executeStep()) {
      TimeSpan const span{runs.getColumn(0).getInt64(), runs.getColumn(1).getInt64(),
                          runs.getColumn(2).getInt64(), runs.getColumn(3).getInt64()};
      add.bind(1, span.first_id);
      add.bind(2, span.last_id);
      add.bind(3, span.min_created);
      add.bind(4, span.max_created);
      add.bind(5, span.checksum());
      add.exec();
      add.reset();
    }
  }

  static std::vector<Progress> sorted(std::vector<Progress> ledger) {
    std::sort(ledger.begin(), ledger.end(), [](Progress const& a, Progress const& b) {
      return std::pair(a.publisher, a.stream) < std::pair(b.publisher, b.stream);
    });
    return ledger;
  }

  /// One or two of each kind that each table and index has, and of free pages.
  std::vector<Page> pages() const {
    std::vector<Page> found;
    SQLite::Database db(path, SQLite::OPEN_READWRITE);
    SQLite::Statement select(db,
                             "SELECT name, pagetype, min(pageno), max(pageno) FROM dbstat WHERE pageno > 1 "
                             "GROUP BY name, pagetype");
    while (select.executeStep()) {
      auto const what = select.getColumn(0).getString() + ", " + select.getColumn(1).getString();
      auto const first = static_cast<std::size_t>(select.getColumn(2).getInt64());
      auto const last = static_cast<std::size_t>(select.getColumn(3).getInt64());
      found.push_back({(first - 1) * kPage, what});
      if (last != first && full()) found.push_back({(last - 1) * kPage, what});
    }
    std::size_t const trunk = number_at(good_, 32, 4);
    EXPECT_GT(number_at(good_, 36, 4), 1U) << "there are free pages";
    if (trunk == 0) return found;
    found.push_back({(trunk - 1) * kPage, "free, trunk"});
    found.push_back({(number_at(good_, (trunk - 1) * kPage + 8, 4) - 1) * kPage, "free, leaf"});
    return found;
  }

  bool is_kind(Page const& page, char const* kind) const { return page.what.ends_with(kind); }

  std::size_t header_of(Page const& page) const {
    if (page.what.starts_with("free") || is_kind(page, "overflow")) return 0;
    return is_kind(page, "internal") ? 12 : 8;
  }

  /// Of the first, the middle and the last row: where the page has their place, and the place.
  std::vector<std::pair<std::size_t, std::size_t>> rows_of(Page const& page) const {
    std::vector<std::pair<std::size_t, std::size_t>> rows;
    auto const count = number_at(good_, page.at + 3, 2);
    for (std::size_t const i : {std::size_t{0}, std::size_t{count / 2}, std::size_t{count - 1}}) {
      auto const pointer = page.at + header_of(page) + 2 * i;
      rows.emplace_back(pointer, page.at + number_at(good_, pointer, 2));
      if (count == 1) break;
    }
    return rows;
  }

  struct Allowed {
    std::size_t records = 0, streams = 0;
    bool gaps = false;
  };

  /// One row at most, and that of this page's table.
  Allowed one_row_of(Page const& page) const {
    if (page.what.starts_with("record, ")) return {.records = 1};
    if (page.what.starts_with("ledger, ")) return {.streams = 1};
    if (page.what.starts_with("gap, ")) return {.gaps = true};
    return {};
  }

  /// Each bit in the full form; else every so manieth, which in the end is each bit of some byte.
  static std::size_t step(std::size_t otherwise) { return full() ? 1 : otherwise; }
#ifdef LOGBOOM_SANITIZED
  static constexpr std::size_t kStep = 5;  // it takes six times as long there
#else
  static constexpr std::size_t kStep = 3;
#endif

  /// The store with one bit turned round, for every `every`th bit of `bytes` bytes of the page.
  template <class Work>
  void with_each_bit(Page const& page, std::size_t at, std::size_t bytes, std::size_t every, Work const& work) {
    for (std::size_t bit = 0; bit < 8 * bytes && !HasFatalFailure(); bit += every) {
      SCOPED_TRACE(fmt::format("{}: bit {} of byte {} of page {}", page.what, bit % 8, at + bit / 8 - page.at,
                               page.at / kPage + 1));
      Bytes bad = good_;
      char& byte = bad[at + bit / 8];
      byte = static_cast<char>(byte ^ (1 << bit % 8));
      write_bytes(path, bad);
      remove_logs();
      work();
    }
  }
  void try_each_bit(Page const& page, std::size_t at, std::size_t bytes, Allowed const& allowed) {
    with_each_bit(page, at, bytes, step(kStep), [&] {
      try_damaged(allowed);
      ++tried_;
    });
  }
  /// Of the pointer to its last page, which an internal page has at its place 8.
  template <class Work>
  void with_each_bit_of_the_last_pointer(std::string_view what, Work const& work) {
    auto const root =
        std::find_if(pages_.begin(), pages_.end(), [&](Page const& page) { return page.what == what; });
    ASSERT_NE(root, pages_.end());
    with_each_bit(*root, root->at + 8, 4, 1, work);
  }

  void try_damaged(Allowed const& allowed) {
    bool const thorough = tried_ % 4 == 0 || full();
    bool const whole = thorough && inspect_file(path).whole();
    if (whole) {
      ASSERT_EQ(lost(all_, content(path)), 0U);
      ASSERT_TRUE(rest(path) == rest_) << rest(path);
    }
    remove_logs();
    auto const ledger = sorted(salvage_ledger(path).ledger);
    std::size_t same = 0;
    for (Progress const& progress : ledger) {
      same +=
          static_cast<std::size_t>(std::count_if(ledger_.begin(), ledger_.end(), [&](Progress const& known) {
            return known.publisher == progress.publisher && known.stream == progress.stream &&
                   known.last == progress.last;
          }));
    }
    ASSERT_EQ(same, ledger.size()) << "what is known of a stream is right";
    ASSERT_GE(same + allowed.streams, ledger_.size());

    auto const to = (directory / "salvaged.sqlite").string();
    std::filesystem::remove(to);
    Salvaged const got = salvage(path, to);
    auto const missing = lost(all_, content(to));
    ASSERT_LE(missing, allowed.records);
    ASSERT_EQ(got.lost, missing);
    if (whole) {
      ASSERT_EQ(got.lost, 0U);
    }
    if (thorough) {
      ASSERT_TRUE(inspect_file(to).whole());
    }
    if (missing == 1) {
      ASSERT_EQ(got.declared, 1U);
    } else if (allowed.streams == 0 && !allowed.gaps) {
      ASSERT_TRUE(rest(to) == rest_) << rest(to);
    }
  }

  /// Comes to an end.
  void read_all() const {
    try {
      query(path, {}, [](Record const&) { return true; });
    } catch (StoreError const& error) {
      EXPECT_EQ(error.kind(), StoreError::Kind::kDamaged) << error.what();
    }
  }

  Bytes good_;
  Content all_;
  std::string rest_;
  std::vector<Progress> ledger_;
  std::vector<Page> pages_;
  int tried_ = 0;
};

TEST_F(StorePageDamageTest, ThereIsEachKindOfPage) {
  for (char const* what : {"record, internal", "record, leaf", "record, overflow", "record_warnings, internal",
                           "record_warnings, leaf", "span, internal", "span, leaf", "ledger, internal",
                           "ledger, leaf", "gap, leaf", "site, leaf", "source, leaf", "publisher, leaf",
                           "minute, leaf", "minute_level, leaf", "meta, leaf"}) {
    EXPECT_TRUE(std::any_of(pages_.begin(), pages_.end(), [&](Page const& page) { return page.what == what; }))
        << what;
  }
  remove_logs();
  auto const to = (directory / "salvaged.sqlite").string();
  (void)salvage(path, to);
  EXPECT_EQ(lost(all_, content(to)), 0U);
  EXPECT_EQ(rest(to), rest_) << "what was removed does not come back";
}

TEST_F(StorePageDamageTest, AnyBitOfAPagesHeaderCostsNothing) {
  for (Page const& page : pages_) ASSERT_NO_FATAL_FAILURE(try_each_bit(page, page.at, header_of(page), {}));
}

// Where the tree of the records ends new ones are added: not among others, nor with ids that are given.
TEST_F(StorePageDamageTest, AWrongPointerToTheLastPageIsSeenBeforeAnythingIsWritten) {
  with_each_bit_of_the_last_pointer("record, internal", [&] {
    read_all();
    try {
      StoreWriter const writer(path);
      EXPECT_EQ(writer.last_id(), static_cast<std::int64_t>(all_.size()));
    } catch (StoreError const& error) {
      EXPECT_EQ(error.kind(), StoreError::Kind::kDamaged) << error.what();
    }
  });
}

// What they say is believed only with its checksum, and what they do not say is looked for.
TEST_F(StorePageDamageTest, NoBitOfTheSpansHidesARecord) {
  Query late;
  late.filter.since = 1'795'168'800'000'000'045;
  auto const found = [&] {
    std::vector<std::int64_t> ids;
    query(path, late, [&](Record const& record) {
      ids.push_back(record.id);
      return true;
    });
    return ids;
  };
  auto const expected = found();
  EXPECT_EQ(expected.size(), 20U);
  for (Page const& page : pages_) {
    if (!page.what.starts_with("span, ")) continue;
    with_each_bit(page, page.at, kPage, step(3 * kStep), [&] { ASSERT_EQ(found(), expected); });
  }
}

// Where the spans end the writer adds to them: not to another table.
TEST_F(StorePageDamageTest, AWrongPointerToTheLastSpansCostsNothing) {
  with_each_bit_of_the_last_pointer("span, internal", [&] {
    StoreWriter(path).write(some(1, 50));
    auto const to = (directory / "salvaged.sqlite").string();
    std::filesystem::remove(to);
    Salvaged const got = salvage(path, to);
    ASSERT_EQ(got.records, all_.size() + 50);
    ASSERT_EQ(got.lost, 0U);
  });
}

// Of a text that is longer than a page, where it goes on; of free pages, which they are.
TEST_F(StorePageDamageTest, AnyBitOfAChainCostsOneRecordAtMost) {
  for (Page const& page : pages_) {
    if (is_kind(page, "overflow")) {
      ASSERT_NO_FATAL_FAILURE(try_each_bit(page, page.at, 4, {.records = 1}));
    } else if (page.what == "free, trunk") {
      ASSERT_NO_FATAL_FAILURE(try_each_bit(page, page.at, 16, {}));
    }
  }
}

TEST_F(StorePageDamageTest, AnyBitOfAPointerToARowCostsNothing) {
  for (Page const& page : pages_) {
    if (header_of(page) == 0) continue;
    for (auto const& [pointer, row] : rows_of(page))
      ASSERT_NO_FATAL_FAILURE(try_each_bit(page, pointer, 2, {}));
  }
}

// In the middle of a tree the page below, everywhere the row's length and id, and of what its columns are.
TEST_F(StorePageDamageTest, AnyBitOfARowsBeginningCostsThatRowAtMost) {
  for (Page const& page : pages_) {
    if (header_of(page) == 0) continue;
    auto const rows = rows_of(page);
    std::size_t const bytes = is_kind(page, "internal") ? 6 : full() ? 16 : 5;
    for (std::size_t i = 0; i < (full() ? rows.size() : std::min<std::size_t>(rows.size(), 1)); ++i)
      ASSERT_NO_FATAL_FAILURE(try_each_bit(page, rows[i].second, bytes, one_row_of(page)));
  }
}

}  // namespace
}  // namespace logboom::store
