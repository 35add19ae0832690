// ZeroMQ and nothing else, the yardstick for transport and live: PUSH → PULL of messages of a size, PUB → SUB at a rate with the time of sending in each; and SUB sockets
// that read and throw away what a collector publishes. Sockets as the library makes them, no options set.
#include "measurement.hpp"

#include <poll.h>
#include <CLI/CLI.hpp>
#include <zmq.hpp>

#include <cstring>
#include <stdexcept>

namespace {

struct Plan {
  std::string endpoint;
  std::size_t bytes = 65'536;
  std::uint64_t messages = 10'000;
  std::size_t sockets = 1;
  double rate = 0;
};

bench::Json push(Plan const& plan) {
  zmq::context_t context;
  zmq::socket_t socket(context, zmq::socket_type::push);
  socket.connect(plan.endpoint);
  std::string const bytes(plan.bytes, 'x');
  bench::wait_for_start();
  std::int64_t const begin = bench::monotonic();
  for (std::uint64_t i = 0; i < plan.messages; ++i) {
    zmq::message_t message(bytes);  // a copy, as a sender fills its own
    socket.send(message, zmq::send_flags::none);
  }
  return {{"begin", begin}, {"sent", bench::monotonic()}};
}

bench::Json pull(Plan const& plan) {
  zmq::context_t context;
  zmq::socket_t socket(context, zmq::socket_type::pull);
  socket.bind(plan.endpoint);
  std::fputs("ready\n", stderr);
  zmq::message_t message;
  std::uint64_t bytes = 0;
  for (std::uint64_t i = 0; i < plan.messages; ++i) {
    if (!socket.recv(message)) throw std::runtime_error("nothing received");
    bytes += message.size();
  }
  return {{"bytes", bytes}, {"end", bench::monotonic()}};
}

bench::Json pub(Plan const& plan) {
  zmq::context_t context;
  zmq::socket_t socket(context, zmq::socket_type::xpub);
  socket.bind(plan.endpoint);
  std::fputs("ready\n", stderr);
  zmq::message_t subscription;
  if (!socket.recv(subscription)) throw std::runtime_error("nobody subscribed");
  bench::Pace const pace(plan.rate);
  for (std::uint64_t i = 0; i < plan.messages; ++i) {
    pace.wait_for(i);
    zmq::message_t message(std::max(plan.bytes, sizeof(std::int64_t)));
    std::memset(message.data(), 'x', message.size());
    std::int64_t const now = bench::real_time();
    std::memcpy(message.data(), &now, sizeof now);
    socket.send(message, zmq::send_flags::none);
  }
  return {{"messages", plan.messages}};
}

bench::Json sub(Plan const& plan) {
  zmq::context_t context;
  zmq::socket_t socket(context, zmq::socket_type::sub);
  socket.set(zmq::sockopt::rcvtimeo, 10'000);  // PUB drops: the last may never come
  socket.connect(plan.endpoint);
  socket.set(zmq::sockopt::subscribe, "");
  std::vector<double> latencies;
  latencies.reserve(plan.messages);
  zmq::message_t message;
  while (latencies.size() < plan.messages && socket.recv(message)) {
    std::int64_t sent = 0;
    std::memcpy(&sent, message.data(), sizeof sent);
    latencies.push_back(static_cast<double>(bench::real_time() - sent) / 1e6);
  }
  auto const seen = latencies.size();
  return {{"seen", seen}, {"missed", plan.messages - seen}, {"ms", bench::distribution(std::move(latencies))}};
}

/// Until stdin ends.
bench::Json drain(Plan const& plan) {
  zmq::context_t context;
  context.set(zmq::ctxopt::max_sockets, static_cast<int>(plan.sockets + 16));
  std::vector<zmq::socket_t> sockets;
  std::vector<zmq::pollitem_t> items{{nullptr, STDIN_FILENO, ZMQ_POLLIN, 0}};
  for (std::size_t i = 0; i < plan.sockets; ++i) {
    auto& socket = sockets.emplace_back(context, zmq::socket_type::sub);
    socket.connect(plan.endpoint);
    socket.set(zmq::sockopt::subscribe, "");
    items.push_back({socket.handle(), 0, ZMQ_POLLIN, 0});
  }
  std::fputs("ready\n", stderr);
  std::uint64_t messages = 0, bytes = 0;
  zmq::message_t message;
  while (true) {
    zmq::poll(items, std::chrono::milliseconds(-1));
    if (items[0].revents != 0) break;
    for (auto& socket : sockets) {
      // Topic and record.
      for (int i = 0; i < 1000 && socket.recv(message, zmq::recv_flags::dontwait); ++i) {
        if (message.more()) continue;
        ++messages;
        bytes += message.size();
      }
    }
  }
  return {{"messages", messages}, {"bytes", bytes}, {"cpu", bench::cpu_seconds()}};
}

}  // namespace

int main(int argc, char** argv) {
  Plan plan;
  CLI::App app("Bare ZeroMQ sockets");
  std::string role;
  app.add_option("ROLE", role)->required()->check(CLI::IsMember({"push", "pull", "pub", "sub", "drain"}));
  app.add_option("ENDPOINT", plan.endpoint, "pull and pub bind it, the others connect")->required();
  app.add_option("--bytes", plan.bytes, "Of a message");
  app.add_option("--messages", plan.messages, "How many");
  app.add_option("--rate", plan.rate, "Messages a second; 0: as fast as it can");
  app.add_option("--sockets", plan.sockets, "Of drain");
  CLI11_PARSE(app, argc, argv);
  return bench::print_result("bare_sockets", [&] {
    return role == "push"   ? push(plan)
           : role == "pull" ? pull(plan)
           : role == "pub"  ? pub(plan)
           : role == "sub"  ? sub(plan)
                            : drain(plan);
  });
}
