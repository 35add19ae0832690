// The collector as a program's own object, with real sockets and a real store.
#include "collector_fixture.hpp"

#include "record/record_codec.hpp"

#include <gmock/gmock.h>

#include <sys/resource.h>
#include <algorithm>
#include <atomic>
#include <csignal>
#include <numeric>

namespace logboom::collector {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

std::vector<std::uint64_t> numbers(std::uint64_t first, std::uint64_t last) {
  std::vector<std::uint64_t> all(last - first + 1);
  std::iota(all.begin(), all.end(), first);
  return all;
}

TEST_F(CollectorTest, StoresABatchAndAcksIt) {
  start();
  auto& worker = publisher();
  worker.hello();
  auto const welcome = worker.hear<delivery::Welcome>();
  ASSERT_TRUE(welcome);
  EXPECT_EQ(welcome->epoch, collector_->status().epoch);
  EXPECT_THAT(welcome->streams, ElementsAre(delivery::StreamState{0, 0, 1}));
  worker.batch(1, 100);
  ASSERT_TRUE(worker.hear_ack(100));
  EXPECT_EQ(stored_sequences(), numbers(1, 100)) << "acked, so it is in the file";
  auto const record = stored().at(6);
  EXPECT_EQ(record.message, "record 7");
  EXPECT_EQ(record.process, "worker");
  EXPECT_EQ(record.thread, "main");
}

TEST_F(CollectorTest, TakesEachRecordOnceWhateverIsSentTwice) {
  start();
  auto& worker = publisher();
  worker.hello();
  worker.hear<delivery::Welcome>();
  worker.batch(1, 10);
  worker.batch(1, 10);
  worker.batch(5, 10);
  worker.batch(3, 4);
  ASSERT_TRUE(worker.hear_ack(14));
  stop();
  EXPECT_EQ(stored_sequences(), numbers(1, 14));
  EXPECT_EQ(collector_->status().duplicates, 10U + 6U + 4U);
}

TEST_F(CollectorTest, ADuplicateIsAckedAgain) {
  start();
  auto& worker = publisher();
  worker.hello();
  worker.hear<delivery::Welcome>();
  worker.batch(1, 10);
  ASSERT_TRUE(worker.hear_ack(10));
  worker.batch(1, 10);
  EXPECT_TRUE(worker.hear_ack(10));
}

TEST_F(CollectorTest, AsksForWhatIsMissingAndStoresNothingBeyondIt) {
  start();
  auto& worker = publisher();
  worker.hello();
  worker.hear<delivery::Welcome>();
  worker.batch(11, 10);
  auto const resend = worker.hear<delivery::Resend>();
  ASSERT_TRUE(resend);
  EXPECT_THAT(resend->expected, ElementsAre(std::pair<std::uint64_t, std::uint64_t>{0, 1}));
  worker.batch(1, 20);
  ASSERT_TRUE(worker.hear_ack(20));
  EXPECT_EQ(stored_sequences(), numbers(1, 20));
}

TEST_F(CollectorTest, DeclaresWhatThePublisherNoLongerHolds) {
  start();
  auto& worker = publisher();
  worker.hello();
  worker.hear<delivery::Welcome>();
  worker.batch(1, 10);
  worker.batch(31, 5, 31);
  ASSERT_TRUE(worker.hear_ack(35));
  stop();
  EXPECT_THAT(stored_sequences(), SizeIs(15));
  EXPECT_EQ(collector_->status().gap_records, 20U);
  auto const all = stored();
  EXPECT_TRUE(std::any_of(all.begin(), all.end(), [](Record const& record) {
    return record.logger == "logboom.gap" && record.message.starts_with("20 records lost");
  }));
}

TEST_F(CollectorTest, GoesOnWhereTheStoreEndsAfterARestart) {
  start();
  auto& worker = publisher();
  worker.hello();
  worker.hear<delivery::Welcome>();
  worker.batch(1, 10);
  ASSERT_TRUE(worker.hear_ack(10));
  auto const epoch = collector_->status().epoch;
  stop();
  collector_.reset();
  start();
  EXPECT_NE(collector_->status().epoch, epoch);
  worker.hello({{0, 1, 21}});
  auto const welcome = worker.hear<delivery::Welcome>();
  ASSERT_TRUE(welcome);
  EXPECT_THAT(welcome->streams, ElementsAre(delivery::StreamState{0, 10, 11}));
  worker.batch(1, 20);
  ASSERT_TRUE(worker.hear_ack(20));
  EXPECT_EQ(stored_sequences(), numbers(1, 20));
}

TEST_F(CollectorTest, StoresPlainRecordsInBothForms) {
  start();
  auto& worker = publisher();
  worker.send(R"({"message": "json", "level": 40, "answer": 42})");
  worker.send(std::string("\x81\xa7message\xa4pack", 14));
  eventually([&] { return stored().size() == 2; }, "two plain records");
  EXPECT_EQ(stored()[0].message, "json");
  EXPECT_EQ(stored()[0].level, 40);
  EXPECT_EQ(stored()[1].message, "pack");
  EXPECT_EQ(stored()[1].level, 20);
}

TEST_F(CollectorTest, BadFramesAreCountedAndDisturbNobody) {
  start();
  auto& worker = publisher();
  auto& hostile = publisher(2);
  worker.hello();
  worker.hear<delivery::Welcome>();
  for (int i = 0; i < 500; ++i) hostile.send(std::string(static_cast<std::size_t>(i), '\xc1'));
  hostile.send(std::string(100'000, '\x91'));
  hostile.send_parts({"{}", "{}", "{}"});
  auto newer = worker.encode(1, 1, 1, 0);
  newer[1] = 2;  // the version
  worker.send(newer);
  auto const told = worker.hear<delivery::Error>();
  ASSERT_TRUE(told) << "the sender of a newer batch is told";
  EXPECT_THAT(told->text, HasSubstr("version 2"));
  worker.batch(1, 10);
  ASSERT_TRUE(worker.hear_ack(10));
  eventually([&] { return collector_->status().bad_frames == 503; }, "503 bad frames");
}

TEST_F(CollectorTest, WhoseBatchIsTooLargeIsToldAndKeepsItsConnection) {
  start();
  auto& worker = publisher();
  worker.hello();
  worker.hear<delivery::Welcome>();
  worker.send(worker.encode(1, 1, 1, 0, std::string(wire::kMaxMessage, 'x')));
  auto const told = worker.hear<delivery::Error>();
  ASSERT_TRUE(told);
  EXPECT_THAT(told->text, HasSubstr("at most 1048576 are taken"));
  eventually([&] { return collector_->status().bad_frames == 1; }, "the frame is counted");
  worker.batch(1, 10);
  EXPECT_TRUE(worker.hear_ack(10));
}

TEST_F(CollectorTest, FlushIsAnsweredAfterTheCommit) {
  options_.commit_interval = 10min;  // nothing but the flush, or an empty queue, makes it commit
  start();
  auto& worker = publisher();
  worker.hello();
  worker.hear<delivery::Welcome>();
  worker.batch(1, 10);
  worker.hear_ack(10);
  worker.say(delivery::Flush{77});
  auto const answer = worker.hear<delivery::Flushed>();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->token, 77U);
  EXPECT_THAT(stored_sequences(), SizeIs(10));
}

TEST_F(CollectorTest, ByeIsAnsweredWhenAllIsStored) {
  start();
  auto& worker = publisher();
  worker.hello();
  worker.hear<delivery::Welcome>();
  worker.say(delivery::Bye{worker.id(), {{0, 10}}});
  worker.batch(1, 10);
  ASSERT_TRUE(worker.hear<delivery::Bye>());
  EXPECT_THAT(stored_sequences(), SizeIs(10));
  eventually([&] { return collector_->status().publishers == 0; }, "nobody connected");
}

TEST_F(CollectorTest, UntilIdleEndsWithTheLastBye) {
  options_.until_idle = true;
  start();
  auto& first = publisher(1);
  auto& second = publisher(2);
  for (auto* worker : {&first, &second}) {
    worker->hello();
    worker->hear<delivery::Welcome>();
  }
  first.batch(1, 5);
  first.say(delivery::Bye{first.id(), {{0, 5}}});
  ASSERT_TRUE(first.hear<delivery::Bye>());
  eventually([&] { return collector_->status().publishers == 1; }, "one publisher left");
  second.batch(1, 5);
  second.say(delivery::Bye{second.id(), {{0, 5}}});
  ASSERT_TRUE(second.hear<delivery::Bye>());
  join();
  EXPECT_THAT(stored_sequences(), SizeIs(10));
}

TEST_F(CollectorTest, StopStoresAndAcksWhatHasArrived) {
  start();
  auto& worker = publisher();
  worker.hello();
  worker.hear<delivery::Welcome>();
  for (std::uint64_t i = 0; i < 200; ++i) worker.batch(1 + i * 50, 50);
  stop();
  auto const last = stored_sequences().size();
  EXPECT_GT(last, 0U);
  EXPECT_EQ(stored_sequences(), numbers(1, last));
  EXPECT_TRUE(worker.hear_ack(last)) << "what was stored at the end is acked as well";
}

TEST_F(CollectorTest, StopTellsPublishersToWait) {
  start();
  auto& worker = publisher();
  worker.hello();
  worker.hear<delivery::Welcome>();
  stop();
  auto const ack = worker.hear<delivery::Ack>();
  ASSERT_TRUE(ack);
  EXPECT_EQ(ack->window, 0U);
}

TEST_F(CollectorTest, StopBeforeRunEndsItAtOnce) {
  collector_ = std::make_unique<Collector>(options_);
  collector_->stop();
  collector_->run();
}

TEST_F(CollectorTest, WithoutAStoreRecordsAreNumberedFromOneAndAckedAllTheSame) {
  options_.database.clear();
  start();
  auto& worker = publisher();
  worker.hello();
  worker.hear<delivery::Welcome>();
  worker.batch(1, 10);
  ASSERT_TRUE(worker.hear_ack(10));
  eventually([&] { return collector_->status().last_id >= 10; }, "ten records");
  EXPECT_FALSE(std::filesystem::exists(directory_ / "logs.sqlite"));
}

TEST_F(CollectorTest, AFullDiskHoldsPublishersBackLosesNothingAndPasses) {
  options_.queue_bytes = 1U << 20U;
  start();
  auto& worker = publisher();
  worker.hello();
  worker.hear<delivery::Welcome>();
  worker.batch(1, 1);
  ASSERT_TRUE(worker.hear_ack(1));

  auto* const before = std::signal(SIGXFSZ, SIG_DFL);  // the program's own business, and the end of it
  rlimit limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &limit), 0);
  rlimit const small{1, limit.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  // The collector stops reading at 1 MiB, ZeroMQ's queues and the kernel's fill up, and then there is no more room.
  std::uint64_t next = 2;
  auto refused = 0;
  while (refused < 200 && next < 1'000'000) {
    if (worker.try_send(worker.encode(next, 50, 1, 0, std::string(1'000, 'x')))) {
      next += 50;
      refused = 0;
    } else {
      ++refused;
      std::this_thread::sleep_for(1ms);
    }
  }
  EXPECT_LT(next, 1'000'000U) << "back-pressure";
  EXPECT_LT(collector_->status().queued_bytes, 4U << 20U);
  worker.hello({{0, 2, next}});
  EXPECT_EQ(worker.hear<delivery::Welcome>()->window, 0U);
  EXPECT_EQ(stored_sequences(), numbers(1, 1));

  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
  ASSERT_TRUE(worker.hear_ack(next - 1));
  std::signal(SIGXFSZ, before);
  EXPECT_EQ(stored_sequences(), numbers(1, next - 1));
  stop();
  EXPECT_THAT(notices_, HasSubstr("trying on"));
  EXPECT_THAT(notices_, HasSubstr("can be written again"));
}

TEST_F(CollectorTest, AStoreThatWasMovedAwayIsBegunAnewAndSaidSo) {
  start();
  auto& worker = publisher();
  worker.hello();
  auto const epoch = worker.hear<delivery::Welcome>()->epoch;
  worker.batch(1, 10);
  ASSERT_TRUE(worker.hear_ack(10));
  std::filesystem::rename(options_.database, directory_ / "old.sqlite");
  worker.batch(6, 15);  // half of it was stored before: that is in the old file, and not again in the new one
  ASSERT_TRUE(worker.hear_ack(20));
  eventually([&] { return collector_->status().epoch != epoch; }, "another epoch");
  stop();
  EXPECT_EQ(stored_sequences(), numbers(11, 20));
  auto const old = (directory_ / "old.sqlite").native();
  EXPECT_THAT(
      notices_,
      HasSubstr("moved or removed while it was written, and opened anew; the records until now are in " + old));
  options_.database = old;
  EXPECT_EQ(stored_sequences(), numbers(1, 10));
}

TEST_F(CollectorTest, ABegunFileKnowsHowFarTheOldOneWas) {
  start();
  auto& worker = publisher();
  worker.hello();
  worker.hear<delivery::Welcome>();
  worker.batch(1, 10);
  ASSERT_TRUE(worker.hear_ack(10));
  std::filesystem::remove(options_.database);
  worker.batch(11, 10);
  ASSERT_TRUE(worker.hear_ack(20));
  stop();
  EXPECT_THAT(notices_, HasSubstr("were rescued into " + options_.database + ".rescued-"));
  collector_.reset();
  start();  // another collector, which has the ledger from the file alone
  worker.hello();
  EXPECT_EQ(worker.hear<delivery::Welcome>()->streams.at(0).committed, 20U);
  worker.batch(1, 25);
  ASSERT_TRUE(worker.hear_ack(25));
  stop();
  EXPECT_EQ(stored_sequences(), numbers(11, 25));
}

TEST_F(CollectorTest, ServesViewersWithSyncAndLiveRecords) {
  start();
  auto& worker = publisher();
  worker.hello();
  worker.hear<delivery::Welcome>();
  worker.batch(1, 10);
  ASSERT_TRUE(worker.hear_ack(10));

  zmq::context_t context;
  zmq::socket_t viewer(context, zmq::socket_type::sub);
  viewer.set(zmq::sockopt::rcvtimeo, static_cast<int>(std::chrono::milliseconds(kPatience).count()));
  viewer.connect(delivery::parse_endpoint(options_.endpoints.front()).live);
  viewer.set(zmq::sockopt::subscribe, "2app.");
  viewer.set(zmq::sockopt::subscribe, "Sabc");
  zmq::message_t topic;
  zmq::message_t message;
  auto const next = [&] {
    return viewer.recv(topic).has_value() && viewer.recv(message).has_value() ? topic.to_string()
                                                                              : std::string("nothing");
  };
  auto const body = [&] { return std::span(static_cast<std::byte const*>(message.data()), message.size()); };
  ASSERT_EQ(next(), "Sabc");
  auto const sync = decode_counters(body());
  EXPECT_EQ(sync.epoch, collector_->status().epoch);
  worker.batch(11, 5);
  for (std::uint64_t n = 11; n <= 15; ++n) {
    ASSERT_EQ(next(), "2app.");
    std::uint64_t counter = 0;
    auto const record = decode_live(body(), &counter);
    EXPECT_EQ(counter, n);
    EXPECT_EQ(record.sequence, n);
    EXPECT_GT(record.id, sync.id);
  }
}

/// Ids of what a publisher of this number has stored.
std::vector<std::int64_t> ids_of(std::vector<Record> const& records, int number) {
  std::vector<std::int64_t> found;
  for (auto const& record : records) {
    if (record.publisher[0] == static_cast<std::byte>(number)) found.push_back(record.id);
  }
  return found;
}

TEST_F(CollectorTest, OnePublisherThatFloodsDoesNotKeepAnotherWaiting) {
  start();
  auto& flooder = publisher(1);
  auto& quiet = publisher(2);
  for (auto* worker : {&flooder, &quiet}) {
    worker->hello();
    worker->hear<delivery::Welcome>();
  }
  constexpr std::uint64_t kBatch = 500;
  std::atomic<std::uint64_t> flooded = 0;
  std::jthread const flood([&](std::stop_token const& stop) {
    for (std::uint64_t first = 1; !stop.stop_requested(); first += kBatch) {
      auto const frame = flooder.encode(first, kBatch, 1, 0);
      while (!flooder.try_send(frame) && !stop.stop_requested()) std::this_thread::sleep_for(1ms);
      flooded += kBatch;
    }
  });
  eventually([&] { return flooded > 20 * kBatch; }, "the flood");
  // All at once: they wait side by side with the flooder's, so that how they were stored tells whose turn it was. One batch a record.
  constexpr std::uint64_t kQuiet = 50;
  for (std::uint64_t n = 1; n <= kQuiet; ++n) quiet.batch(n, 1);
  ASSERT_TRUE(quiet.hear_ack(kQuiet));
  auto const records = stored();
  auto const mine = ids_of(records, 2);
  ASSERT_THAT(mine, SizeIs(kQuiet));
  // By turns there is one batch between two. A few may have more: the quiet one's own threads get no processor for a while.
  std::vector<std::int64_t> between;
  for (std::size_t i = 1; i < mine.size(); ++i)
    between.push_back((mine[i] - mine[i - 1] - 1) / std::int64_t{kBatch});
  std::sort(between.begin(), between.end());
  EXPECT_LE(between[between.size() * 9 / 10], 2) << testing::PrintToString(between);
}

TEST_F(CollectorTest, ItsOwnEventsAreRecords) {
  start();
  auto& worker = publisher();
  worker.hello();
  worker.hear<delivery::Welcome>();
  worker.say(delivery::Bye{worker.id(), {}});
  worker.hear<delivery::Bye>();
  stop();
  std::vector<std::string> own;
  Query own_records;
  own_records.filter.loggers = {"logboom.collector"};
  query(options_.database, own_records, [&](Record const& record) {
    own.push_back(record.message);
    return true;
  });
  ASSERT_THAT(own, SizeIs(4));
  EXPECT_THAT(own[0], HasSubstr("collecting on ipc://"));
  EXPECT_THAT(own[1], HasSubstr("worker (pid 1 on host) joined"));
  EXPECT_THAT(own[2], HasSubstr("left"));
  EXPECT_THAT(own[3], HasSubstr("stopped"));
}

TEST_F(CollectorTest, ReloadsSinksAndTellsWhatNeedsARestart) {
  SinkOptions sink;
  sink.type = SinkOptions::Type::kNull;
  sink.name = "a";
  options_.sinks = {sink};
  start();
  auto& worker = publisher();
  worker.hello();
  worker.hear<delivery::Welcome>();
  worker.batch(1, 3);
  ASSERT_TRUE(worker.hear_ack(3));
  auto wanted = options_;
  sink.name = "b";
  wanted.sinks.push_back(sink);
  wanted.max_connections = 99;
  wanted.publish = false;
  EXPECT_THAT(collector_->reload(wanted), ElementsAre("publish", "max_connections"));
  EXPECT_THAT(collector_->status().sinks, SizeIs(2));
  auto wrong = options_;
  wrong.sinks.clear();
  wrong.level_rules = "app=loud";
  EXPECT_THROW(collector_->reload(wrong), std::invalid_argument);
  EXPECT_THAT(collector_->status().sinks, SizeIs(2)) << "nothing is changed";
  EXPECT_THAT(collector_->reload(options_), IsEmpty());
  collector_->note(level::kWarning, "a word");
  stop();
  auto const sinks = collector_->status().sinks;
  ASSERT_THAT(sinks, SizeIs(1));
  EXPECT_EQ(sinks[0].name, "a");
  EXPECT_GE(sinks[0].written, 3U) << "those of the worker, and the collector's own";
}

TEST_F(CollectorTest, RefusesWhatCannotBe) {
  auto const refused = [&](auto change) {
    auto options = options_;
    change(options);
    EXPECT_THROW(Collector{options}, std::invalid_argument);
  };
  refused([](auto& options) { options.endpoints = {"pigeon://x"}; });
  refused([](auto& options) { options.endpoints = {"inproc://x"}; });
  refused([](auto& options) { options.level_rules = "app=loud"; });
  refused([](auto& options) { options.queue_bytes = 1; });
  refused([](auto& options) { options.commit_interval = 0ms; });
  refused([](auto& options) { options.sinks.emplace_back().format = "%(nonsense"; });
  start();
  EXPECT_THROW(Collector{options_}, std::system_error) << "the address is in use";
  auto options = options_;
  options.endpoints = {"ipc://" + (directory_ / "other").native()};
  EXPECT_THROW(Collector{options}, StoreError) << "the file is in use";
}

}  // namespace
}  // namespace logboom::collector
