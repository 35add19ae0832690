// The public Subscriber against a real collector: live, history, holes, and that no call takes longer than it was told.
// ctest: timeout=180
#include "collector_fixture.hpp"

#include "record/record_codec.hpp"

#include <logboom/subscriber.hpp>

#include <SQLiteCpp/Column.h>
#include <SQLiteCpp/Database.h>
#include <gmock/gmock.h>

#include <atomic>
#include <fstream>

namespace logboom::collector {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::uint64_t> numbers(std::uint64_t first, std::uint64_t last) {
  std::vector<std::uint64_t> made;
  for (auto n = first; n <= last; ++n) made.push_back(n);
  return made;
}

class SubscriberTest : public CollectorTest {
 protected:
  SubscriberOptions viewer(std::string regex = "") const {
    SubscriberOptions options;
    options.endpoint = options_.endpoints.front();
    options.filter.loggers = {"app"};
    options.filter.regex = std::move(regex);
    return options;
  }
  void begin() {
    start();
    publisher().hello();
    publishers_.front()->hear<delivery::Welcome>();
  }
  /// Records first … last, stored.
  void log(std::uint64_t first, std::uint64_t last) {
    for (auto at = first; at <= last; at += 500)
      publishers_.front()->batch(at, std::min<std::uint64_t>(500, last + 1 - at));
    ASSERT_TRUE(publishers_.front()->hear_ack(last));
  }
  /// Sequences of the next `count` records.
  static std::vector<std::uint64_t> take(Subscriber& from, std::size_t count) {
    std::vector<std::uint64_t> found;
    auto const end = std::chrono::steady_clock::now() + kPatience;
    while (found.size() < count && std::chrono::steady_clock::now() < end) {
      if (auto const record = from.next(100ms)) found.push_back(record->sequence);
    }
    return found;
  }
};

TEST_F(SubscriberTest, LiveRecordsComeInOrder) {
  begin();
  log(1, 10);
  Subscriber subscriber(viewer());
  ASSERT_TRUE(subscriber.wait_until_live(kPatience));
  EXPECT_FALSE(subscriber.next(0ms)) << "what was before is history, and none was asked for";
  log(11, 1'500);
  EXPECT_EQ(take(subscriber, 1'490), numbers(11, 1'500));
  EXPECT_EQ(subscriber.missed(), 0U);
}

TEST_F(SubscriberTest, ACollectorThatComesLaterIsWaitedFor) {
  Subscriber subscriber(viewer());
  EXPECT_FALSE(subscriber.wait_until_live(1ms));
  EXPECT_FALSE(subscriber.next(1ms));
  begin();
  EXPECT_TRUE(subscriber.wait_until_live(kPatience));
}

TEST_F(SubscriberTest, StopEndsAWaitThatGoesOnAndThoseToCome) {
  begin();
  Subscriber subscriber(viewer());
  std::atomic<bool> returned = false;
  std::thread waiting([&] {
    EXPECT_FALSE(subscriber.next(1h));
    returned = true;
  });
  EXPECT_FALSE(subscriber.stopped());
  subscriber.stop();
  waiting.join();
  EXPECT_TRUE(returned);
  EXPECT_TRUE(subscriber.stopped());
  EXPECT_FALSE(subscriber.next(1h));
  subscriber.wait_until_live(1h);
}

TEST_F(SubscriberTest, ReplayJoinsEverythingToWhatComes) {
  begin();
  log(1, 2'000);
  auto options = viewer();
  options.replay = true;
  Subscriber subscriber(std::move(options));
  EXPECT_EQ(take(subscriber, 100), numbers(1, 100));
  log(2'001, 2'300);
  EXPECT_EQ(take(subscriber, 2'200), numbers(101, 2'300));
  EXPECT_EQ(subscriber.missed(), 0U);
}

TEST_F(SubscriberTest, HistoryIsTheNewestThatPass) {
  begin();
  log(1, 2'000);
  auto options = viewer("record .*5$");
  options.history = 3;
  Subscriber subscriber(std::move(options));
  EXPECT_THAT(take(subscriber, 3), ElementsAre(1975, 1985, 1995));
  log(2'001, 2'020);
  EXPECT_THAT(take(subscriber, 2), ElementsAre(2005, 2015));
}

TEST_F(SubscriberTest, HistoryCanBeReadFromANamedFile) {
  begin();
  log(1, 10);
  auto options = viewer();
  options.replay = true;
  options.database = options_.database;
  Subscriber subscriber(options);
  EXPECT_EQ(take(subscriber, 10), numbers(1, 10));
  options.database = (directory_ / "none.sqlite").native();
  EXPECT_THROW(Subscriber{options}, StoreError);
}

TEST_F(SubscriberTest, AFileThatTheCollectorDoesNotWriteIsRefused) {
  begin();
  log(1, 10);
  auto const copy = (directory_ / "copy.sqlite").native();
  {
    SQLite::Database db(options_.database, SQLite::OPEN_READWRITE, 5'000);
    db.exec("VACUUM INTO '" + copy + "'");
  }
  auto options = viewer();
  options.replay = true;
  options.database = copy;
  Subscriber subscriber(options);
  try {
    take(subscriber, 1);
    FAIL();
  } catch (StoreError const& error) {
    EXPECT_THAT(error.what(),
                testing::AllOf(HasSubstr(copy), HasSubstr(options_.database), HasSubstr("leave --db out")));
  }
}

TEST_F(SubscriberTest, ANamedFileMayBeCalledOtherwise) {
  begin();
  log(1, 10);
  auto options = viewer();
  options.replay = true;
  options.database = (directory_ / "link.sqlite").native();
  std::filesystem::create_symlink(options_.database, options.database);
  Subscriber subscriber(options);
  EXPECT_EQ(take(subscriber, 10), numbers(1, 10));
}

TEST_F(SubscriberTest, HistoryOfACollectorWithoutAStoreIsRefusedAndLiveGoesOn) {
  options_.database.clear();
  begin();
  auto options = viewer();
  options.replay = true;
  Subscriber subscriber(std::move(options));
  try {
    take(subscriber, 1);
    FAIL();
  } catch (StoreError const& error) {
    EXPECT_THAT(error.what(), HasSubstr("it has none"));
  }
  log(1, 10);
  EXPECT_EQ(take(subscriber, 10), numbers(1, 10));
}

TEST_F(SubscriberTest, WhatASlowViewerMissedIsReadFromTheStore) {
  begin();
  Subscriber subscriber(viewer());
  ASSERT_TRUE(subscriber.wait_until_live(kPatience));
  log(1, 20'000);
  EXPECT_EQ(take(subscriber, 500).size(), 500U);
  log(20'001, 20'001);
  auto seen = take(subscriber, 19'501);
  EXPECT_EQ(seen.size(), 19'501U);
  std::sort(seen.begin(), seen.end());
  EXPECT_EQ(std::unique(seen.begin(), seen.end()), seen.end()) << "none twice";
  EXPECT_EQ(subscriber.missed(), 0U);
}

TEST_F(SubscriberTest, WhatCannotBeReadIsCounted) {
  begin();
  auto options = viewer();
  options.refetch = false;
  Subscriber subscriber(std::move(options));
  ASSERT_TRUE(subscriber.wait_until_live(kPatience));
  log(1, 20'000);
  std::uint64_t shown = take(subscriber, 500).size();
  log(20'001, 20'001);
  eventually(
      [&] {
        while (subscriber.next(0ms)) ++shown;
        return shown + subscriber.missed() == 20'001;
      },
      "shown + missed = logged");
  EXPECT_GT(subscriber.missed(), 0U);
}

/// Zeros in the middle of the file, where only records of the middle are.
void damage_the_middle(std::string const& database) {
  {
    SQLite::Database db(database, SQLite::OPEN_READWRITE, 5'000);
    db.execAndGet("PRAGMA wal_checkpoint(PASSIVE)");
  }
  constexpr std::size_t kPage = 16'384;
  std::fstream file(database, std::ios::in | std::ios::out | std::ios::binary);
  auto const middle = std::filesystem::file_size(database) / kPage / 2 * kPage;
  file.seekp(static_cast<std::streamoff>(middle));
  std::string const zeros(8 * kPage, '\0');
  file.write(zeros.data(), static_cast<std::streamsize>(zeros.size()));
}

TEST_F(SubscriberTest, OfAHoleThatIsReadInPartOnlyTheRestIsMissed) {
  begin();
  Subscriber subscriber(viewer());
  ASSERT_TRUE(subscriber.wait_until_live(kPatience));
  log(1, 30'000);
  std::uint64_t shown = take(subscriber, 100).size();
  damage_the_middle(options_.database);
  log(30'001, 30'001);
  eventually(
      [&] {
        while (subscriber.next(0ms)) ++shown;
        return shown + subscriber.missed() == 30'001;
      },
      "shown + missed = logged");
  EXPECT_GT(subscriber.missed(), 0U) << "the damage was read";
  EXPECT_GT(shown, 5'000U) << "and what was before it, too";
}

TEST_F(SubscriberTest, ASearchForLittleInMuchReturnsInTimeAndGoesOn) {
  begin();
  log(1, 40'000);
  auto options = viewer("record 40000$");
  options.replay = true;
  Subscriber subscriber(std::move(options));
  ASSERT_TRUE(subscriber.wait_until_live(kPatience));
  int in_vain = 0;
  std::optional<Record> found;
  eventually(
      [&] {
        found = subscriber.next(0ms);
        if (!found) ++in_vain;
        return found.has_value();
      },
      "the record is found");
  EXPECT_EQ(found->sequence, 40'000U);
  EXPECT_GT(in_vain, 5);
}

/// Answers syncs, and takes questions without answering them.
class MuteCollector {
 public:
  /// @param id the newest in its store, as it says
  explicit MuteCollector(std::string const& address, std::int64_t id = 5)
      : id_(id), live_(context_, zmq::socket_type::xpub), control_(context_, zmq::socket_type::router) {
    auto const endpoint = delivery::parse_endpoint(address);
    live_.bind(endpoint.live);
    control_.bind(endpoint.control);
    thread_ = std::jthread([this](std::stop_token const& stop) { serve(stop); });
  }

  int questions() const { return questions_; }
  int syncs() const { return syncs_; }

 private:
  void serve(std::stop_token const& stop) {
    live_.set(zmq::sockopt::rcvtimeo, 10);
    while (!stop.stop_requested()) {
      zmq::message_t asked;
      while (control_.recv(asked, zmq::recv_flags::dontwait)) {
        if (!asked.more()) ++questions_;
      }
      if (!live_.recv(asked) || !asked.to_string_view().starts_with("\1S")) continue;
      LiveCounters counters;
      counters.epoch = 1;
      counters.id = id_;
      std::string answer;
      encode_counters(counters, answer);
      live_.send(zmq::buffer(asked.to_string_view().substr(1)), zmq::send_flags::sndmore);
      live_.send(zmq::buffer(answer), zmq::send_flags::none);
      ++syncs_;
    }
  }

  std::int64_t const id_;
  std::atomic<int> questions_{0}, syncs_{0};
  zmq::context_t context_;
  zmq::socket_t live_, control_;
  std::jthread thread_;
};

/// Its collector is killed between two answers: the sync's, and where its store is.
class KilledCollectorTest : public SubscriberTest {
 protected:
  /// A viewer misses five records meanwhile. `enough`: the collector has been mute for so long.
  void miss_while_mute(std::function<bool(MuteCollector const&)> const& enough) {
    auto const seen = options_.endpoints;
    begin();
    log(1, 5);
    auto asked = viewer();
    asked.replay = true;
    Subscriber subscriber(std::move(asked));
    EXPECT_EQ(take(subscriber, 5), numbers(1, 5));
    end();
    options_.endpoints = {seen.front() + "2"};
    store_five_more();
    options_.endpoints = seen;
    {
      MuteCollector const mute(
          seen.front(),
          SQLite::Database(options_.database).execAndGet("SELECT max(id) FROM record").getInt64());
      eventually(
          [&] {
            EXPECT_FALSE(subscriber.next(1ms).has_value());
            return enough(mute);
          },
          "it was mute for long enough");
    }
    start();
    EXPECT_EQ(take(subscriber, 5), numbers(1, 5));
    EXPECT_EQ(subscriber.missed(), 0U);
  }

 private:
  void store_five_more() {
    start();
    auto& other = publisher(2);
    other.hello();
    other.hear<delivery::Welcome>();
    other.batch(1, 5);
    ASSERT_TRUE(other.hear_ack(5));
    end();
  }
  void end() {
    stop();
    collector_.reset();
  }
};

TEST_F(KilledCollectorTest, TheNextOneIsAskedWhereTheStoreIs) {
  miss_while_mute([](MuteCollector const& mute) { return mute.questions() > 0; });
}

TEST_F(KilledCollectorTest, HoweverLateTheNextOneComes) {
  miss_while_mute([](MuteCollector const& mute) { return mute.syncs() > 1; });
}

TEST_F(SubscriberTest, ACollectorThatDoesNotSayWhereItsStoreIsHoldsNobodyUp) {
  MuteCollector const mute(options_.endpoints.front());
  auto options = viewer();
  options.replay = true;
  Subscriber subscriber(std::move(options));
  ASSERT_TRUE(subscriber.wait_until_live(kPatience));
  int returned = 0;
  EXPECT_THROW(eventually(
                   [&] {
                     subscriber.next(0ms);
                     return ++returned < 0;
                   },
                   "a StoreError"),
               StoreError);
  EXPECT_GT(returned, 1);
}

}  // namespace
}  // namespace logboom::collector
