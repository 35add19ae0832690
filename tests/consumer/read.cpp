// A collector, a viewer and a query inside a user's program: ENDPOINT and DATABASE are its arguments.
// Prints how many records the database holds.
#include <logboom/collector.hpp>
#include <logboom/query.hpp>
#include <logboom/subscriber.hpp>

#include <chrono>
#include <cstddef>
#include <cstdio>
#include <thread>

int main(int argc, char** argv) {
  if (argc != 3) return 2;

  logboom::CollectorOptions collector_options;
  collector_options.endpoints = {argv[1]};
  collector_options.database = argv[2];
  logboom::Collector collector(collector_options);
  std::thread running([&] { collector.run(); });

  logboom::SubscriberOptions subscriber_options;
  subscriber_options.endpoint = argv[1];
  logboom::Subscriber subscriber(subscriber_options);
  bool const live = subscriber.wait_until_live(std::chrono::seconds(10));

  collector.stop();
  running.join();

  std::size_t records = 0;
  logboom::query(argv[2], {}, [&](logboom::Record const& record) {
    if (record.logger == "solver.grid") ++records;
    return true;
  });
  std::printf("%zu\n", records);
  return live ? 0 : 1;
}
