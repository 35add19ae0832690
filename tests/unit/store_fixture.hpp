// What the store's tests share: a directory of their own, blocks made by hand, and Debian's sqlite3 as an independent reader.
#pragma once

#include "record/block.hpp"
#include "store/store_writer.hpp"

#include <SQLiteCpp/Column.h>
#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Statement.h>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace logboom::store {

using Blocks = std::vector<std::unique_ptr<Block>>;

inline PublisherId publisher_id(unsigned n) {
  PublisherId id{};
  id[0] = std::byte{0xab};
  id[14] = std::byte(n >> 8U);
  id[15] = std::byte(n);
  return id;
}

inline std::shared_ptr<Site const> make_site(Level level, std::string logger) {
  Site site;
  site.level = level;
  site.level_name = level_name(level);
  site.logger = std::move(logger);
  return std::make_shared<Site const>(std::move(site));
}

/// A block with one site and one source, of `count` records numbered from `first`.
inline std::unique_ptr<Block> make_block(unsigned publisher, std::uint64_t first, std::size_t count,
                                         std::int64_t time = 1'795'168'800'000'000'000) {
  auto block = std::make_unique<Block>();
  block->sites.push_back(std::make_shared<Site const>(Site{.level = 20,
                                                           .level_name = "INFO",
                                                           .logger = "app",
                                                           .template_text = "{n}",
                                                           .file = "a.cpp",
                                                           .line = 7,
                                                           .function = "f"}));
  block->sources.push_back(std::make_shared<Source const>(Source{.publisher = publisher_id(publisher),
                                                                 .host = "host",
                                                                 .process = "worker",
                                                                 .pid = 100 + publisher,
                                                                 .started = 5,
                                                                 .stream = 0,
                                                                 .tid = 200,
                                                                 .thread = "main"}));
  for (std::size_t i = 0; i < count; ++i) {
    Entry& entry = block->entries.emplace_back();
    entry.time = time + static_cast<std::int64_t>(i);
    entry.sequence = first + i;
    entry.message = block->arena.copy(fmt::format("message {}", first + i));
  }
  block->progress.push_back({publisher_id(publisher), 0, first + count - 1});
  return block;
}

template <class... Block>
Blocks blocks_of(Block... block) {
  Blocks blocks;
  (blocks.push_back(std::move(block)), ...);
  return blocks;
}

class StoreTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "logboom-store-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    directory = name;
    path = (directory / "logs.sqlite").string();
  }
  void TearDown() override { std::filesystem::remove_all(directory); }

  /// What Debian's sqlite3 prints, run as a user would.
  std::string sqlite3(std::string const& sql) const {
    std::ofstream(directory / "query.sql") << sql;
    std::string const command =
        fmt::format("sqlite3 '{}' < '{}' 2>&1", path, (directory / "query.sql").string());
    FILE* pipe = ::popen(command.c_str(), "r");
    std::string out;
    std::array<char, 4096> part{};
    while (std::size_t const n = std::fread(part.data(), 1, part.size(), pipe)) out.append(part.data(), n);
    ::pclose(pipe);
    if (!out.empty() && out.back() == '\n') out.pop_back();
    return out;
  }

  std::int64_t number(std::string const& sql) const {
    SQLite::Database db(path, SQLite::OPEN_READWRITE);
    return db.execAndGet(sql).getInt64();
  }

  std::filesystem::path directory;
  std::string path;
};

}  // namespace logboom::store
