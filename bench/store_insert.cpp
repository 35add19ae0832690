// Rows a second of the store's writer beside the rate of raw prepared inserts of the same rows, in the same run and in turns,
// and bytes a row of either. Raw: one prepared INSERT of the narrow columns a row through SQLite's C interface, in
// transactions of 10,000 rows; default page size, no index, no ledger, no roll-up; WAL and synchronous FULL as the store.
// And the same into many files: a new one each 16 MiB. The longest transaction of either tells what that costs at the worst.
//   store_insert [ROWS [ROUNDS [DIRECTORY]]]
#include "record/block.hpp"
#include "store/store_writer.hpp"

#include <fmt/core.h>
#include <sqlite3.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <iterator>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using namespace logboom;
using Blocks = std::vector<std::unique_ptr<Block>>;

constexpr std::size_t kBlock = 250;           // records of a batch of 64 KiB
constexpr std::size_t kTransaction = 10'000;  // rows

struct Fleet {
  std::vector<std::shared_ptr<Site const>> sites;
  std::vector<std::shared_ptr<Source const>> sources;
};

/// 12 loggers with 5 call sites each; 200 processes on 8 hosts.
Fleet make_fleet() {
  Fleet fleet;
  for (int i = 0; i < 60; ++i) {
    Site site;
    site.level = i % 20 == 0 ? 40 : i % 7 == 0 ? 30 : 20;
    site.level_name = level_name(site.level);
    site.logger = fmt::format("app.module{}.part", i % 12);
    site.template_text = "request {id} of {user} took {ms:.1f} ms";
    site.file = "/usr/src/app/module.cpp";
    site.line = static_cast<std::uint32_t>(100 + i);
    site.function = "handle_request";
    fleet.sites.push_back(std::make_shared<Site const>(site));
  }
  for (unsigned i = 0; i < 200; ++i) {
    Source source;
    source.publisher[0] = std::byte(i % 251);
    source.publisher[15] = std::byte{1};
    source.host = fmt::format("host{}", i % 8);
    source.process = fmt::format("worker-{}", i);
    source.pid = 1000 + i;
    source.tid = 1000 + i;
    source.thread = "main";
    fleet.sources.push_back(std::make_shared<Source const>(source));
  }
  return fleet;
}

/// Messages of 60 to 120 characters, two to four fields.
Blocks make_blocks(std::size_t rows) {
  std::mt19937_64 random(20261120);
  Fleet const fleet = make_fleet();
  std::vector<std::uint64_t> sequences(fleet.sources.size());
  std::int64_t time = 1'795'000'000'000'000'000;
  Blocks blocks;
  for (std::size_t made = 0; made < rows;) {
    auto block = std::make_unique<Block>();
    block->sites = fleet.sites;
    std::size_t const from = random() % fleet.sources.size();
    block->sources = {fleet.sources[from]};
    for (std::size_t i = 0; i < kBlock && made < rows; ++i, ++made) {
      Entry& entry = block->entries.emplace_back();
      time += static_cast<std::int64_t>(random() % 2000);
      entry.time = time;
      entry.sequence = ++sequences[from];
      entry.site = static_cast<std::uint32_t>(random() % fleet.sites.size());
      std::string message = fmt::format("request {:016x} of user{:05} took {:.1f} ms", random(),
                                        random() % 10'000, static_cast<double>(random() % 10'000) / 10);
      message.resize(60 + random() % 61, '.');
      std::string fields =
          fmt::format(R"({{"id":{},"user":"user{:05}")", random() % 1'000'000, random() % 10'000);
      if (random() % 2 == 0) fields += fmt::format(R"(,"ms":{}.5)", random() % 1000);
      if (random() % 3 == 0) fields += R"(,"table":"users")";
      entry.message = block->arena.copy(message);
      entry.fields_json = block->arena.copy(fields + "}");
    }
    block->progress.push_back({fleet.sources[from]->publisher, 0, sequences[from]});
    blocks.push_back(std::move(block));
  }
  return blocks;
}

struct Result {
  double rows_per_second;
  double bytes_per_row;
};

template <class Work>
Result measure(std::filesystem::path const& file, std::size_t rows, Work const& work) {
  for (char const* end : {"", "-wal", "-shm", ".lock", ".d"})
    std::filesystem::remove_all(file.string() + end);
  auto const start = std::chrono::steady_clock::now();
  work();
  std::chrono::duration<double> const took = std::chrono::steady_clock::now() - start;
  auto const n = static_cast<double>(rows);
  return {n / took.count(), static_cast<double>(std::filesystem::file_size(file)) / n};
}

void check(int code, sqlite3* db) {
  if (code != SQLITE_OK && code != SQLITE_DONE && code != SQLITE_ROW)
    throw std::runtime_error(sqlite3_errmsg(db));
}

void bind_row(sqlite3_stmt* insert, Block const& block, Entry const& entry) {
  sqlite3_bind_int64(insert, 1, entry.time);
  sqlite3_bind_int(insert, 2, block.sites[entry.site]->level);
  sqlite3_bind_int64(insert, 3, entry.site + 1);
  sqlite3_bind_int64(insert, 4, static_cast<sqlite3_int64>(block.sources[entry.source]->pid));
  sqlite3_bind_int64(insert, 5, static_cast<sqlite3_int64>(entry.sequence));
  sqlite3_bind_text(insert, 6, entry.message.data(), static_cast<int>(entry.message.size()), SQLITE_STATIC);
  sqlite3_bind_text(insert, 7, entry.fields_json.data(), static_cast<int>(entry.fields_json.size()),
                    SQLITE_STATIC);
}

void insert_raw(std::string const& file, Blocks const& blocks) {
  sqlite3* db = nullptr;
  check(sqlite3_open(file.c_str(), &db), db);
  auto const run = [db](char const* sql) { check(sqlite3_exec(db, sql, nullptr, nullptr, nullptr), db); };
  run("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA secure_delete=OFF;"
      "CREATE TABLE record(id INTEGER PRIMARY KEY, created INTEGER, level INTEGER, site_id INTEGER, "
      "source_id INTEGER, "
      "sequence INTEGER, message TEXT, fields TEXT)");
  sqlite3_stmt* insert = nullptr;
  check(
      sqlite3_prepare_v2(db,
                         "INSERT INTO record(created, level, site_id, source_id, sequence, message, fields) "
                         "VALUES(?, ?, ?, ?, ?, ?, ?)",
                         -1, &insert, nullptr),
      db);
  std::size_t pending = 0;
  for (auto const& block : blocks) {
    for (Entry const& entry : block->entries) {
      if (pending++ == 0) run("BEGIN");
      bind_row(insert, *block, entry);
      check(sqlite3_step(insert), db);
      sqlite3_reset(insert);
      if (pending == kTransaction) {
        run("COMMIT");
        pending = 0;
      }
    }
  }
  if (pending != 0) run("COMMIT");
  sqlite3_finalize(insert);
  sqlite3_close(db);
}

/// @return ms that the longest transaction took.
double insert_store(std::string const& file, Blocks const& blocks, std::uint64_t file_size) {
  store::StoreWriter writer(file, {.retention = {.file_size = file_size}});
  std::size_t const group = kTransaction / kBlock;
  std::chrono::duration<double, std::milli> longest{};
  for (std::size_t i = 0; i < blocks.size(); i += group) {
    auto const start = std::chrono::steady_clock::now();
    writer.write({&blocks[i], std::min(group, blocks.size() - i)});
    longest =
        std::max<std::chrono::duration<double, std::milli>>(longest, std::chrono::steady_clock::now() - start);
  }
  return longest.count();
}

struct Spread {
  double median, low, high;
};

Spread spread(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return {values[values.size() / 2], values.front(), values.back()};
}

}  // namespace

int main(int argc, char** argv) try {
  std::size_t const rows = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 500'000;
  std::size_t const rounds = argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 7;
  auto const directory =
      std::filesystem::path(argc > 3 ? argv[3] : std::filesystem::temp_directory_path().string()) /
      fmt::format("logboom-store-insert-{}", std::random_device{}());
  if (rows == 0 || rounds == 0) throw std::invalid_argument("ROWS and ROUNDS are at least 1");
  std::filesystem::create_directories(directory);
  Blocks const blocks = make_blocks(rows);
  std::vector<double> raw_rates, store_rates, ratios, many_rates, many_ratios, longest, many_longest;
  std::ptrdiff_t files = 0;
  Result raw{};
  Result stored{};
  for (std::size_t round = 0; round < rounds; ++round) {
    auto const file = directory / "bench.sqlite";
    raw = measure(file, rows, [&] { insert_raw(file.string(), blocks); });
    stored = measure(file, rows, [&] { longest.push_back(insert_store(file.string(), blocks, 0)); });
    auto const many =
        measure(file, rows, [&] { many_longest.push_back(insert_store(file.string(), blocks, 16U << 20U)); });
    many_rates.push_back(many.rows_per_second);
    many_ratios.push_back(many.rows_per_second / stored.rows_per_second);
    std::error_code none;
    files = std::distance(std::filesystem::directory_iterator(file.string() + ".d", none), {});
    raw_rates.push_back(raw.rows_per_second);
    store_rates.push_back(stored.rows_per_second);
    ratios.push_back(stored.rows_per_second / raw.rows_per_second);
  }
  std::filesystem::remove_all(directory);
  auto const [r, r_low, r_high] = spread(raw_rates);
  auto const [s, s_low, s_high] = spread(store_rates);
  auto const [q, q_low, q_high] = spread(ratios);
  fmt::print("{} rows, {} rounds in turns, median (lowest–highest)\n", rows, rounds);
  fmt::print("  raw prepared inserts  {:9.0f} rows/s ({:.0f}–{:.0f})  {:5.0f} bytes/row\n", r, r_low, r_high,
             raw.bytes_per_row);
  fmt::print("  store writer          {:9.0f} rows/s ({:.0f}–{:.0f})  {:5.0f} bytes/row, index included\n", s,
             s_low, s_high, stored.bytes_per_row);
  fmt::print("  store / raw           {:9.2f}        ({:.2f}–{:.2f})\n", q, q_low, q_high);
  auto const [m, m_low, m_high] = spread(many_rates);
  auto const [n, n_low, n_high] = spread(many_ratios);
  auto const [t, t_low, t_high] = spread(longest);
  auto const [u, u_low, u_high] = spread(many_longest);
  fmt::print("  into files of 16 MiB  {:9.0f} rows/s ({:.0f}–{:.0f})  {} closed\n", m, m_low, m_high, files);
  fmt::print("  many files / one      {:9.2f}        ({:.2f}–{:.2f})\n", n, n_low, n_high);
  fmt::print(
      "  longest transaction   {:9.1f} ms     ({:.1f}–{:.1f}); with many files {:.1f} ms ({:.1f}–{:.1f})\n",
      t, t_low, t_high, u, u_low, u_high);
  return 0;
} catch (std::exception const& error) {
  fmt::print(stderr, "store_insert: {}\n", error.what());
  return 1;
}
