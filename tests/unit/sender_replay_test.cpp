// Spools of dead publishers: what a killed process left is stored exactly once, whoever sends it, with what is damaged declared, and then it is gone.
#include "publisher/adopter.hpp"
#include "publisher/feed.hpp"
#include "publisher/recovery.hpp"
#include "sender_fixture.hpp"

#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <fstream>
#include <optional>
#include <thread>

namespace logboom::publisher {
namespace {

namespace fs = std::filesystem;
using test::FakeCollector;
using test::SpoolWriter;
using test::Stored;

class ReplayTest : public testing::Test {
 protected:
  void TearDown() override { stop_collector(); }

  /// A collector on a thread of its own, since recover() blocks.
  void collect() {
    collecting = true;
    thread = std::thread([this] {
      FakeCollector collector(scratch.endpoint(), stored);
      for (auto const& id : kept_waiting) collector.windows[id] = 0;
      while (collecting) {
        collector.step();
        if (lose.exchange(false)) collector.lose = 1;
        std::this_thread::yield();
      }
      byes += collector.byes;
      hellos += collector.hellos;
    });
  }
  void stop_collector() {
    collecting = false;
    if (thread.joinable()) thread.join();
  }

  /// A process that writes into a spool below `root` and is killed. `work` runs in it.
  template <class Work>
  void die(std::uint64_t streams, Work const& work, std::vector<std::string> const& endpoints = {}) {
    int ready[2];
    ASSERT_EQ(pipe(ready), 0);
    auto const child = fork();
    if (child == 0) {
      SpoolWriter writer(root(), streams, spool::kMinRing, endpoints);
      work(writer);
      char const done = 1;
      if (write(ready[1], &done, 1) != 1) _exit(1);
      for (;;) pause();
    }
    char done = 0;
    ASSERT_EQ(read(ready[0], &done, 1), 1);
    kill(child, SIGKILL);
    int status = 0;
    waitpid(child, &status, 0);
    close(ready[0]);
    close(ready[1]);
  }

  Recovered recover_all(std::chrono::milliseconds patience = std::chrono::seconds(20)) {
    auto recovery = make_recovery(patience);
    return sweep(recovery);
  }
  Recovery make_recovery(std::chrono::milliseconds patience) {
    auto options = RecoverOptions::to({scratch.endpoint()});
    options.patience = patience;
    options.report = [this](std::string_view line) { reports.emplace_back(line); };
    return Recovery(std::move(options));
  }
  Recovered sweep(Recovery& recovery) const {
    fs::path const paths[] = {root()};
    return recovery.sweep(paths);
  }
  PublisherId owner(fs::path const& directory) const {
    return spool::Spool::adopt(directory).value().publisher().id;
  }
  fs::path root() const { return scratch.path() / "spool"; }

  test::Scratch scratch;
  Stored stored;
  std::thread thread;
  std::atomic<bool> collecting{false};
  std::atomic<bool> lose{false};
  std::size_t byes = 0, hellos = 0;
  std::vector<PublisherId> kept_waiting;  // the collector answers them, and takes nothing
  std::vector<std::string> reports;
};

TEST_F(ReplayTest, WhatKilledProcessesLeftIsStoredAndTheirSpoolsAreGone) {
  for (int process = 0; process < 3; ++process) {
    die(2, [](SpoolWriter& writer) {
      for (int i = 0; i < 300; ++i) {
        writer.write(0);
        writer.write(1);
      }
    });
  }
  collect();
  auto const recovered = recover_all();
  stop_collector();
  EXPECT_EQ(recovered.spools, 3U);
  EXPECT_EQ(recovered.records, 1800U);
  EXPECT_EQ(recovered.gaps, 0U);
  EXPECT_EQ(recovered.left + recovered.unreadable + recovered.in_use, 0U);
  EXPECT_TRUE(recovered.reached);
  EXPECT_THAT(stored.problems, testing::IsEmpty());
  EXPECT_EQ(stored.records(), 1800U);
  EXPECT_EQ(byes, 3U);
  EXPECT_TRUE(spool::Spool::list(root()).empty());
  EXPECT_THAT(reports, testing::IsEmpty());
}

TEST_F(ReplayTest, ASecondSpeakerGoesOnWhereTheDeadOneStopped) {
  // The dead one had sent half of it; the collector has stored that, and the ack did not arrive.
  die(1, [](SpoolWriter& writer) { writer.write_many(0, 400); });
  auto const directory = spool::Spool::list(root()).at(0);
  auto spool = spool::Spool::adopt(directory);
  ASSERT_TRUE(spool);
  auto& stream = stored.streams[{spool->publisher().id, 0}];
  stream.last = 150;
  spool.reset();
  collect();
  EXPECT_EQ(recover_all().spools, 1U);
  stop_collector();
  EXPECT_THAT(stored.problems, testing::IsEmpty());
  EXPECT_EQ(stream.last, 400U);
  EXPECT_EQ(stream.messages.size(), 250U);
  EXPECT_EQ(stream.messages.front(), SpoolWriter::message(0, 151));
}

TEST_F(ReplayTest, OverflowThenRingThenDropsAreSent) {
  die(1, [](SpoolWriter& writer) {
    writer.spool.overflow().set_bound(256 << 10);
    Feed feed(writer.spool, writer.catalogue, Feed::Kind::kLive);
    feed.add_ring(writer.rings[0].file);
    for (int i = 0; i < 8000; ++i) {
      if (!writer.write(0)) writer.drop(0);
      if (i % 100 == 0) feed.relieve(i * 10);
    }
  });
  collect();
  auto const recovered = recover_all();
  stop_collector();
  EXPECT_THAT(stored.problems, testing::IsEmpty());
  ASSERT_EQ(stored.streams.size(), 1U);
  auto const& stream = stored.streams.begin()->second;
  EXPECT_EQ(stream.last, 8000U);
  EXPECT_GT(stream.lost(), 0U);
  EXPECT_EQ(stream.lost(), recovered.gaps);
  EXPECT_EQ(stream.messages.size() + stream.lost(), 8000U);
  EXPECT_EQ(recovered.records, 8000U);
}

TEST_F(ReplayTest, WhatIsDamagedBecomesAGapWithItsCount) {
  die(1, [](SpoolWriter& writer) { writer.write_many(0, 400); });
  auto const directory = spool::Spool::list(root()).at(0);
  {
    std::fstream file(directory / "ring.0", std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(detail::kRingDataOffset + 8000));
    file << std::string(1000, '\xff');
  }
  collect();
  auto const recovered = recover_all();
  stop_collector();
  EXPECT_THAT(stored.problems, testing::IsEmpty());
  auto const& stream = stored.streams.begin()->second;
  EXPECT_EQ(stream.last, 400U);
  EXPECT_GT(stream.lost(), 0U);
  EXPECT_LT(stream.lost(), 40U);
  EXPECT_EQ(recovered.gaps, stream.lost());
  EXPECT_EQ(recovered.spools, 1U);
  EXPECT_THAT(reports, testing::Contains(testing::HasSubstr("is damaged at byte")));
  EXPECT_TRUE(fs::is_empty(root())) << "what is damaged is declared, and kept for nobody";
}

TEST_F(ReplayTest, WithoutACollectorTheSpoolStays) {
  die(1, [](SpoolWriter& writer) { writer.write_many(0, 10); });
  die(1, [](SpoolWriter& writer) { writer.write_many(0, 10); });
  auto const recovered = recover_all(std::chrono::milliseconds(50));
  EXPECT_EQ(recovered.left, 2U);
  EXPECT_FALSE(recovered.reached);
  EXPECT_EQ(spool::Spool::list(root()).size(), 2U);
  collect();
  EXPECT_EQ(recover_all().spools, 2U);
  stop_collector();
  EXPECT_EQ(stored.records(), 20U);
}

TEST_F(ReplayTest, ASpoolInUseIsLeftAlone) {
  // Its owner lives in another process: locks do not bind the one that holds them.
  int ready[2];
  int end[2];
  ASSERT_EQ(pipe(ready), 0);
  ASSERT_EQ(pipe(end), 0);
  auto const child = fork();
  if (child == 0) {
    close(end[1]);
    SpoolWriter writer(root(), 1);
    writer.write(0);
    char word = 1;
    if (write(ready[1], &word, 1) != 1) _exit(1);
    _exit(read(end[0], &word, 1) == 0 ? 0 : 1);
  }
  char word = 0;
  ASSERT_EQ(read(ready[0], &word, 1), 1);
  auto const recovered = recover_all(std::chrono::milliseconds(50));
  EXPECT_EQ(recovered.in_use, 1U);
  EXPECT_EQ(recovered.left, 0U);
  close(end[1]);
  int status = 0;
  waitpid(child, &status, 0);
  close(end[0]);
  close(ready[0]);
  close(ready[1]);
}

TEST_F(ReplayTest, ARingThatCannotBeReadIsSetAsideWithItsSpool) {
  die(2, [](SpoolWriter& writer) {
    writer.write_many(0, 10);
    writer.write_many(1, 10);
  });
  auto const directory = spool::Spool::list(root()).at(0);
  {
    std::ofstream file(directory / "ring.1", std::ios::binary | std::ios::trunc);
    file << "not a ring";
  }
  collect();
  auto const recovered = recover_all();
  stop_collector();
  EXPECT_EQ(recovered.records, 10U);
  EXPECT_EQ(stored.records(), 10U);
  EXPECT_TRUE(spool::Spool::list(root()).empty());
  auto aside = directory;
  aside += ".unreadable";
  EXPECT_TRUE(fs::exists(aside / "ring.1"));
  EXPECT_THAT(reports, testing::Contains(testing::HasSubstr("ring.1")));
  EXPECT_THAT(reports, testing::Contains(testing::HasSubstr("delete it when it is of no use")));
}

TEST_F(ReplayTest, StopIsObeyed) {
  die(1, [](SpoolWriter& writer) { writer.write_many(0, 10); });
  auto options = RecoverOptions::to({scratch.endpoint()});
  options.patience = std::chrono::hours(1);
  int asked = 0;
  options.stop = [&] { return ++asked > 5; };
  Recovery recovery(std::move(options));
  EXPECT_EQ(sweep(recovery).left, 1U);
}

// The oldest is the first: one that comes to no end must not keep the others from theirs, sweep after sweep.
TEST_F(ReplayTest, ASpoolThatIsNotTakenStarvesNoOther) {
  for (int i = 0; i < 5; ++i) die(1, [](SpoolWriter& writer) { writer.write_many(0, 10); });
  auto const first = spool::Spool::list(root()).at(0);
  kept_waiting = {owner(first)};
  collect();
  auto recovery = make_recovery(std::chrono::milliseconds(700));
  auto const found = sweep(recovery);
  EXPECT_EQ(found.spools, 4U);
  EXPECT_EQ(found.left, 1U);
  EXPECT_TRUE(found.reached);
  EXPECT_THAT(spool::Spool::list(root()), testing::ElementsAre(first));
  stop_collector();
  EXPECT_EQ(stored.records(), 40U);
}

TEST_F(ReplayTest, SpoolsThatAreNotTakenEndASweepAndAreTheLastOfTheNext) {
  for (int i = 0; i < 5; ++i) die(1, [](SpoolWriter& writer) { writer.write_many(0, 10); });
  auto const list = spool::Spool::list(root());
  for (std::size_t i = 0; i < Recovery::kStuck; ++i) kept_waiting.push_back(owner(list[i]));
  collect();
  auto recovery = make_recovery(std::chrono::milliseconds(700));
  auto found = sweep(recovery);
  EXPECT_EQ(found.spools, 0U);
  EXPECT_EQ(found.left, 5U);
  found = sweep(recovery);
  EXPECT_EQ(found.spools, 2U);
  EXPECT_EQ(found.left, 3U);
}

TEST_F(ReplayTest, WhatIsWrongWithASpoolIsToldOnce) {
  die(1, [](SpoolWriter& writer) { writer.write_many(0, 10); });
  std::ofstream(spool::Spool::list(root()).at(0) / "publisher") << "nobody's";
  auto recovery = make_recovery(std::chrono::milliseconds(100));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(sweep(recovery).unreadable, 1U);
  EXPECT_THAT(reports, testing::ElementsAre(testing::HasSubstr("is damaged")));
}

TEST_F(ReplayTest, EachSpoolGoesWhereItsPublisherWouldHaveSentIt) {
  auto const text = [this](std::string const& bus) { return scratch.endpoint(bus).text; };
  auto const ten = [](SpoolWriter& writer) { writer.write_many(0, 10); };
  die(1, ten, {text("bus")});
  die(1, ten, {text("elsewhere"), text("third")});
  die(1, ten);
  std::vector<std::vector<std::string>> asked;
  RecoverOptions options;
  options.destination = [&](std::span<std::string const> recorded) {
    asked.emplace_back(recorded.begin(), recorded.end());
    bool const ours = recorded.empty() || recorded.front() == text("bus");
    return ours ? std::vector{scratch.endpoint()} : std::vector<delivery::Endpoint>();
  };
  collect();
  Recovery recovery(std::move(options));
  auto const found = sweep(recovery);
  stop_collector();
  EXPECT_EQ(found.spools, 2U);
  EXPECT_EQ(found.others, 1U);
  EXPECT_EQ(stored.records(), 20U);
  EXPECT_THAT(asked, testing::UnorderedElementsAre(testing::ElementsAre(text("bus")), testing::IsEmpty(),
                                                   testing::ElementsAre(text("elsewhere"), text("third"))));
  EXPECT_EQ(spool::Spool::list(root()).size(), 1U);
}

TEST_F(ReplayTest, AnAdopterLeavesTheSpoolsOfOtherBusesAlone) {
  auto const ten = [](SpoolWriter& writer) { writer.write_many(0, 10); };
  die(1, ten, {scratch.endpoint("elsewhere").text});
  auto const other = spool::Spool::list(root()).at(0);
  die(1, ten, {"tcp://nowhere:1", scratch.endpoint().text});
  die(1, ten);  // an older version's
  collect();
  Adopter adopter({root()}, {scratch.endpoint("silent"), scratch.endpoint()}, {});
  adopter.allow();
  EXPECT_TRUE(test::until([&] { return adopter.adopted() == 2; }, [] { std::this_thread::yield(); }));
  adopter.stop();
  stop_collector();
  EXPECT_EQ(stored.records(), 20U);
  EXPECT_THAT(spool::Spool::list(root()), testing::ElementsAre(other));
}

TEST_F(ReplayTest, AnAdopterSendsWhatItFindsOnceItIsAllowed) {
  die(1, [](SpoolWriter& writer) { writer.write_many(0, 10); });
  collect();
  Adopter adopter({root()}, {scratch.endpoint()}, {});
  EXPECT_EQ(spool::Spool::list(root()).size(), 1U);
  adopter.allow();
  EXPECT_TRUE(test::until([&] { return adopter.adopted() == 1; }, [] { std::this_thread::yield(); }));
  adopter.stop();
  stop_collector();
  EXPECT_EQ(stored.records(), 10U);
}

}  // namespace
}  // namespace logboom::publisher
