// A viewer that ends with the publishers, against a real collector: with and without a store, and never before the last record.
#include "collector_fixture.hpp"

#include <logboom/subscriber.hpp>

#include <gmock/gmock.h>

namespace logboom::collector {
namespace {

using namespace std::chrono_literals;

class UntilIdleTest : public CollectorTest {
 protected:
  SubscriberOptions options() const {
    SubscriberOptions made;
    made.endpoint = options_.endpoints.front();
    made.filter.loggers = {"app"};
    made.until_idle = 1;
    return made;
  }
  /// Everything until the end.
  static std::size_t count_to_the_end(Subscriber& subscriber) {
    std::size_t count = 0;
    auto const end = std::chrono::steady_clock::now() + kPatience;
    while (!subscriber.ended() && std::chrono::steady_clock::now() < end) {
      if (subscriber.next(100ms)) ++count;
    }
    EXPECT_TRUE(subscriber.ended());
    return count;
  }
  void work(int number, std::uint64_t records) {
    auto& worker = publisher(number);
    worker.hello();
    ASSERT_TRUE(worker.hear<delivery::Welcome>());
    for (std::uint64_t first = 1; first <= records; first += 100)
      worker.batch(first, std::min<std::uint64_t>(100, records + 1 - first));
    worker.say(delivery::Bye{worker.id(), {{0, records}}});
    ASSERT_TRUE(worker.hear<delivery::Bye>());
  }
};

TEST_F(UntilIdleTest, SeesEverythingBeforeTheEnd) {
  start();
  Subscriber subscriber(options());
  ASSERT_TRUE(subscriber.wait_until_live(kPatience));
  work(1, 3'000);  // more than the viewer's queues hold: the rest comes from the store
  EXPECT_EQ(count_to_the_end(subscriber), 3'000U);
  EXPECT_EQ(subscriber.missed(), 0U);
  EXPECT_FALSE(subscriber.next(0ms).has_value()) << "and stays at its end";
}

TEST_F(UntilIdleTest, WorksWithoutAStore) {
  options_.database.clear();
  start();
  Subscriber subscriber(options());
  ASSERT_TRUE(subscriber.wait_until_live(kPatience));
  work(1, 50);
  EXPECT_EQ(count_to_the_end(subscriber), 50U);
}

TEST_F(UntilIdleTest, WaitsForTheSecondPublisher) {
  start();
  Subscriber subscriber(options());
  ASSERT_TRUE(subscriber.wait_until_live(kPatience));
  auto& second = publisher(2);
  second.hello();
  ASSERT_TRUE(second.hear<delivery::Welcome>());
  work(1, 10);
  while (auto const record = subscriber.next(1500ms)) EXPECT_FALSE(subscriber.ended());
  EXPECT_FALSE(subscriber.ended());
  second.batch(1, 5);
  second.say(delivery::Bye{second.id(), {{0, 5}}});
  EXPECT_EQ(count_to_the_end(subscriber), 5U);
}

TEST_F(UntilIdleTest, WithHistoryThoseCountThatCameBefore) {
  start();
  work(1, 10);
  auto with_history = options();
  with_history.replay = true;
  Subscriber subscriber(with_history);
  EXPECT_EQ(count_to_the_end(subscriber), 10U);

  Subscriber without(options());
  ASSERT_TRUE(without.wait_until_live(kPatience));
  EXPECT_FALSE(without.next(1500ms).has_value());
  EXPECT_FALSE(without.ended());
}

TEST_F(UntilIdleTest, FinishEndsItWhenNobodyIsThereHoweverManyCame) {
  start();
  auto forever = options();
  forever.until_idle = 0;
  Subscriber subscriber(forever);
  ASSERT_TRUE(subscriber.wait_until_live(kPatience));
  eventually(
      [&, ticks = 0]() mutable {  // an old tick that says that nobody is there waits in the queue
        std::this_thread::sleep_for(20ms);
        return ++ticks > 75;
      },
      "ticks");
  work(1, 100);
  work(2, 100);
  subscriber.finish();
  EXPECT_EQ(count_to_the_end(subscriber), 200U);

  Subscriber nobody(forever);
  nobody.finish();
  EXPECT_EQ(count_to_the_end(nobody), 0U);
}

TEST_F(UntilIdleTest, FinishWaitsForThoseThatAreThere) {
  start();
  Subscriber subscriber(options());
  ASSERT_TRUE(subscriber.wait_until_live(kPatience));
  auto& worker = publisher(1);
  worker.hello();
  ASSERT_TRUE(worker.hear<delivery::Welcome>());
  subscriber.finish();
  EXPECT_FALSE(subscriber.next(1000ms).has_value());
  EXPECT_FALSE(subscriber.ended());
  worker.batch(1, 5);
  worker.say(delivery::Bye{worker.id(), {{0, 5}}});
  EXPECT_EQ(count_to_the_end(subscriber), 5U);
}

TEST_F(UntilIdleTest, StopAndFinishTogetherStop) {
  start();
  Subscriber subscriber(options());
  subscriber.finish();
  subscriber.stop();
  EXPECT_FALSE(subscriber.next(kPatience).has_value());
  EXPECT_FALSE(subscriber.wait_until_live(kPatience));
  EXPECT_FALSE(subscriber.next(kPatience).has_value());
}

TEST_F(UntilIdleTest, AsManyAsAskedFor) {
  start();
  auto both = options();
  both.until_idle = 2;
  Subscriber subscriber(both);
  ASSERT_TRUE(subscriber.wait_until_live(kPatience));
  work(1, 10);
  while (auto const record = subscriber.next(1500ms)) EXPECT_FALSE(subscriber.ended());
  EXPECT_FALSE(subscriber.ended());
  work(2, 10);
  EXPECT_EQ(count_to_the_end(subscriber), 10U);
}

}  // namespace
}  // namespace logboom::collector
