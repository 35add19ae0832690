// Call sites: numbered once, named in the spool before they are used, bounded. A program of its own, since it uses up the process's numbers.
#include "publisher_fixture.hpp"

#include "publisher/registry.hpp"

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace logboom::publisher::test {
namespace {

void log_here(Logger log, int i) { LOGBOOM_INFO(log, "here {}", i); }

TEST(CallSites, AreNumberedOnceWhoeverComesFirst) {
  Bus bus;
  Logger const log = bus.logger();
  std::uint32_t const before = site_count();
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) threads.emplace_back([log, t] { log_here(log, t); });
  for (auto& thread : threads) thread.join();
  EXPECT_LE(site_count(), std::max<std::uint32_t>(before, 6) + 1);
  EXPECT_EQ(bus.records().size(), 8U);
}

// What a dead process leaves can be read without it: sites and loggers of before and after the spool was made.
TEST(CallSites, AreInTheSpoolOfEveryPublisher) {
  Bus first;
  log_here(first.logger("first"), 1);
  Bus second;
  log_here(second.logger("second"), 2);
  LOGBOOM_WARNING(second.logger("third"), "only here");
  LOGBOOM_WARNING(first.logger("fourth"), "and {} here", 4);
  for (Bus* const bus : {&first, &second}) {
    std::filesystem::path const directory = bus->engine().spool()->directory();
    std::vector<std::string> expected;
    for (Record const& record : bus->records())
      expected.push_back(record.logger + ": " + record.message + ", " + record.level_name);
    bus->close();
    auto adopted = spool::Spool::adopt(directory);
    ASSERT_TRUE(adopted);
    std::vector<std::string> found;
    auto const rings = adopted->open_rings();
    for (auto const& ring : rings.readable) {
      for (Record const& record : records_of(ring, adopted->publisher(), adopted->catalogue())) {
        found.push_back(record.logger + ": " + record.message + ", " + record.level_name);
        EXPECT_EQ(record.file, __FILE__);
      }
    }
    EXPECT_EQ(found, expected);
    EXPECT_EQ(found.size(), 2U);
  }
}

// No other call site or logger need come for what a full disk kept out of the catalogue.
TEST(CallSites, WhatAFullDiskRefusedIsWrittenWhenThereIsRoom) {
  Bus bus;
  log_here(bus.logger("before"), 1);  // takes the ring
  {
    FullDisk const full;
    LOGBOOM_ERROR(bus.logger("after"), "a site that is new");
    EXPECT_NE(bus.engine().problem(), "");
  }
  auto const end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (bus.engine().problem() != "" && std::chrono::steady_clock::now() < end) std::this_thread::yield();
  EXPECT_EQ(bus.engine().problem(), "");
  std::filesystem::path const directory = bus.engine().spool()->directory();
  bus.close();
  auto adopted = spool::Spool::adopt(directory);
  ASSERT_TRUE(adopted);
  Record last;
  auto const rings = adopted->open_rings();
  for (auto const& ring : rings.readable) {
    for (Record& record : records_of(ring, adopted->publisher(), adopted->catalogue()))
      last = std::move(record);
  }
  EXPECT_EQ(last.logger, "after");
  EXPECT_EQ(last.message, "a site that is new");
}

TEST(CallSites, BeyondTheBoundKeepLevelAndFirstArgument) {
  Bus bus;
  std::vector<std::unique_ptr<detail::CallSite>> sites;
  while (site_count() < 65'536) {
    sites.emplace_back(new detail::CallSite{level::kInfo, 1U, "{}", "file", "function"});
    ASSERT_NE(register_site(*sites.back(), 0), 0U);
  }
  LOGBOOM_ERROR(bus.logger("x"), "one site more: {}", std::string("argument"));
  Record const record = bus.only();
  EXPECT_EQ(record.level, level::kError);
  EXPECT_EQ(record.message, "argument");
  EXPECT_EQ(record.logger, "x");
  EXPECT_EQ(site_count(), 65'536U);
}

}  // namespace
}  // namespace logboom::publisher::test
