// What tests of damaged stores share: a store with a bit of everything, its bytes, what is in it, and how a copy of it differs.
#pragma once

#include "store_fixture.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <map>
#include <random>
#include <string>
#include <vector>

namespace logboom::store {

using Bytes = std::vector<char>;

inline Bytes read_bytes(std::string const& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline void write_bytes(std::string const& file, Bytes const& bytes) {
  std::ofstream(file, std::ios::binary | std::ios::trunc)
      .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

/// Big-endian.
inline std::uint32_t number_at(Bytes const& bytes, std::size_t at, std::size_t size) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < size; ++i) value = value << 8U | static_cast<unsigned char>(bytes[at + i]);
  return value;
}

class StoreDamageTest : public StoreTest {
 protected:
  static constexpr std::int64_t kRecords = 4'000;

  StoreDamageTest() : seed_(seed_of_this_run()), random_(seed_) {}
  void TearDown() override {
    if (HasFailure()) std::printf("seed: LOGBOOM_TEST_SEED=%u\n", seed_);
    StoreTest::TearDown();
  }

  static std::uint32_t seed_of_this_run() {
    char const* const given = std::getenv("LOGBOOM_TEST_SEED");
    return given != nullptr ? static_cast<std::uint32_t>(std::stoul(given)) : std::random_device()();
  }
  static bool full() { return std::getenv("LOGBOOM_FULL") != nullptr; }
  std::size_t below(std::size_t bound) {
    return std::uniform_int_distribution<std::size_t>(0, bound - 1)(random_);
  }

  /// Texts of all sizes, one of which needs pages of its own; two publishers, a gap. Every other record is a warning.
  Blocks some(std::uint64_t first, std::size_t count) {
    auto const turn = (first - 1) / 100;
    auto const number = turn / 2 * 100 + (first - 1) % 100 + 1;
    auto block = make_block(1 + static_cast<unsigned>(turn % 2), number, count);
    block->sites.push_back(make_site(level::kWarning, "app"));
    std::size_t i = 0;
    for (Entry& entry : block->entries) {
      entry.site = static_cast<std::uint32_t>(i % 2);
      entry.fields_json = block->arena.copy(fmt::format(R"({{"n":{}}})", first + i));
      if (i % 7 == 0) entry.message = block->arena.copy(std::string(i * 3, 'm'));
      if ((first + i) % 997 == 0) entry.exception = block->arena.copy(std::string(40'000, 'e'));
      ++i;
    }
    return blocks_of(std::move(block));
  }

  void fill(StoreWriter& writer) {
    for (std::uint64_t first = 1; first <= kRecords; first += 100) writer.write(some(first, 100));
    auto gap = std::make_unique<Block>();
    gap->gaps.push_back(
        {.publisher = publisher_id(3), .stream = 0, .first = 1, .last = 9, .time = 5, .reason = "dropped"});
    gap->progress.push_back({publisher_id(3), 0, 9});
    writer.write(blocks_of(std::move(gap)));
  }

  using Content = std::map<std::int64_t, std::string>;

  /// All that is said of each record.
  static Content content(std::string const& file) {
    Content found;
    SQLite::Database db(file, SQLite::OPEN_READWRITE);
    SQLite::Statement select(db, "SELECT id, * FROM records");
    while (select.executeStep()) {
      std::string all;
      for (int i = 1; i < select.getColumnCount(); ++i) all += select.getColumn(i).getString() + '\x1f';
      found[select.getColumn(0).getInt64()] = all;
    }
    return found;
  }

  static std::string rest(std::string const& file) {
    SQLite::Database db(file, SQLite::OPEN_READWRITE);
    std::string all;
    for (char const* sql :
         {"SELECT hex(uuid), stream, last, missing FROM ledger JOIN publisher ON publisher.id = "
          "publisher_id ORDER BY 1, 2",
          "SELECT hex(uuid), stream, first, last, reason FROM gap JOIN publisher ON publisher.id = "
          "publisher_id ORDER BY 1, 2, 3",
          "SELECT minute, site_id, n FROM minute ORDER BY 1, 2",
          "SELECT minute, level, n FROM minute_level ORDER BY 1, 2"}) {
      SQLite::Statement select(db, sql);
      while (select.executeStep())
        for (int i = 0; i < select.getColumnCount(); ++i) all += select.getColumn(i).getString() + '|';
    }
    return all;
  }

  /// What is in `found` is as it was; @return how many are not there.
  static std::size_t lost(Content const& good, Content const& found) {
    for (auto const& [id, record] : found) {
      auto const known = good.find(id);
      if (known == good.end()) {
        ADD_FAILURE() << "record " << id << " never was";
      } else {
        EXPECT_EQ(record, known->second) << "record " << id << " is another";
      }
    }
    return good.size() - std::min(good.size(), found.size());
  }

  void remove_logs() const {
    for (char const* end : {"-wal", "-shm"}) std::filesystem::remove(path + end);
  }

  void remove_set_aside() const {
    for (auto const& entry : std::filesystem::directory_iterator(directory))
      if (entry.path().filename().string().find(".damaged-") != std::string::npos)
        std::filesystem::remove(entry.path());
  }

  std::uint32_t const seed_;
  std::mt19937 random_;
};

}  // namespace logboom::store
