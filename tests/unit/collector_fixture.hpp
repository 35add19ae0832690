// A collector in a directory of its own, running in a thread, and publishers put together by hand: for the tests of the collector.
#pragma once

#include "delivery/control.hpp"
#include "delivery/endpoint.hpp"
#include "record/wire.hpp"

#include <logboom/collector.hpp>
#include <logboom/query.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <msgpack.hpp>
#include <zmq.hpp>

namespace logboom::collector {

inline constexpr std::chrono::seconds kPatience{60};  // a test that waits longer has failed

/// Polls until the condition holds; the test fails when it never does.
inline void eventually(std::function<bool()> const& condition, char const* what) {
  auto const end = std::chrono::steady_clock::now() + kPatience;
  while (!condition()) {
    ASSERT_LT(std::chrono::steady_clock::now(), end) << what << " did not come true";
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

/// One publisher with one stream a number, whose batches and control messages the test makes one by one.
class HandMadePublisher {
 public:
  HandMadePublisher(std::string const& endpoint, int number)
      : push_(context_, zmq::socket_type::push), control_(context_, zmq::socket_type::dealer) {
    auto const parsed = delivery::parse_endpoint(endpoint);
    who_.id[0] = static_cast<std::byte>(number);
    who_.host = "host";
    who_.process = "worker";
    who_.pid = static_cast<std::uint64_t>(number);
    push_.set(zmq::sockopt::linger, 0);
    control_.set(zmq::sockopt::linger, 0);
    push_.connect(parsed.push);
    control_.connect(parsed.control);
  }

  PublisherId const& id() const { return who_.id; }

  void say(delivery::Control const& message) { say(delivery::encode(message)); }
  void say(std::vector<std::byte> const& frame) { control_.send(zmq::buffer(frame), zmq::send_flags::none); }
  void hello(std::vector<delivery::Hello::Stream> streams = {{0, 1, 1}}) {
    say(delivery::Hello{wire::kVersion, who_, std::move(streams)});
  }
  /// The next answer of this kind; others before it are dropped. Nothing when none comes within `patience`.
  template <class Kind>
  std::optional<Kind> hear(std::chrono::milliseconds patience = kPatience) {
    auto const end = std::chrono::steady_clock::now() + patience;
    for (;;) {
      auto const left =
          std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
      zmq::pollitem_t item{control_.handle(), 0, ZMQ_POLLIN, 0};
      if (left.count() <= 0 || zmq::poll(&item, 1, left) == 0) return std::nullopt;
      zmq::message_t frame;
      if (!control_.recv(frame)) return std::nullopt;
      auto const message = delivery::decode({static_cast<std::byte const*>(frame.data()), frame.size()});
      if (auto const* found = std::get_if<Kind>(&message)) return *found;
    }
  }
  /// Acks, until one says that the stream is committed up to `last`.
  bool hear_ack(std::uint64_t last, std::uint64_t stream = 0) {
    while (auto const ack = hear<delivery::Ack>()) {
      for (auto const& state : ack->streams) {
        if (state.stream == stream && state.committed >= last) return true;
      }
    }
    return false;
  }

  /// Records [first, first + count) of a stream.
  void batch(std::uint64_t first, std::uint64_t count, std::uint64_t base = 1, std::uint64_t stream = 0) {
    send(encode(first, count, base, stream));
  }
  std::string encode(std::uint64_t first, std::uint64_t count, std::uint64_t base, std::uint64_t stream,
                     std::string const& text = "") const {
    msgpack::sbuffer buffer;
    msgpack::packer<msgpack::sbuffer> pack(buffer);
    auto const version = wire::kVersion;
    pack.pack_array(6).pack(version);
    pack.pack_array(5).pack_bin(16).pack_bin_body(reinterpret_cast<char const*>(who_.id.data()), 16);
    pack.pack(who_.host).pack(who_.pid).pack(who_.process).pack(1);
    pack.pack_array(1)
        .pack_array(7)
        .pack(1)
        .pack(20)
        .pack("INFO")
        .pack("record {n}{text}")
        .pack("f")
        .pack(1)
        .pack("g");
    pack.pack_array(1).pack_array(2).pack(1).pack("app");
    pack.pack_array(1).pack_array(3).pack(0).pack(5).pack("main");
    pack.pack_array(1).pack_array(5).pack(stream).pack(base).pack(first).pack(0);
    pack.pack_array(static_cast<std::uint32_t>(count));
    for (std::uint64_t n = first; n < first + count; ++n)
      pack.pack_array(4).pack(std::int64_t{1'700'000'000'000'000'000}).pack(1).pack(1).pack_array(2).pack(n).pack(text);
    return {buffer.data(), buffer.size()};
  }
  /// Waits until ZeroMQ takes it: for a peer, and for room.
  void send(std::string const& frame) { push_.send(zmq::buffer(frame), zmq::send_flags::none); }
  bool try_send(std::string const& frame) {
    return push_.send(zmq::buffer(frame), zmq::send_flags::dontwait).has_value();
  }
  void send_parts(std::vector<std::string> const& parts) {
    for (std::size_t i = 0; i < parts.size(); ++i)
      push_.send(zmq::buffer(parts[i]),
                 i + 1 < parts.size() ? zmq::send_flags::sndmore : zmq::send_flags::none);
  }

 private:
  zmq::context_t context_;
  zmq::socket_t push_;
  zmq::socket_t control_;
  wire::Publisher who_;
};

class CollectorTest : public testing::Test {
 protected:
  CollectorTest() {
    std::string name = "/tmp/lb-unit-XXXXXX";
    directory_ = ::mkdtemp(name.data());
    options_.endpoints = {"ipc://" + (directory_ / "bus").native()};
    options_.database = (directory_ / "logs.sqlite").native();
    options_.notice = [this](std::string_view line) { notices_ += std::string(line) + "\n"; };
  }
  ~CollectorTest() override {
    if (thread_.joinable()) stop();
    collector_.reset();
    std::filesystem::remove_all(directory_);
  }

  void start() {
    collector_ = std::make_unique<Collector>(options_);
    thread_ = std::thread([this] {
      try {
        collector_->run();
      } catch (...) {
        failure_ = std::current_exception();
      }
    });
  }
  void join() { thread_.join(); }
  void stop() {
    collector_->stop();
    join();
  }
  HandMadePublisher& publisher(int number = 1) {
    publishers_.push_back(std::make_unique<HandMadePublisher>(options_.endpoints.front(), number));
    return *publishers_.back();
  }
  /// Everything stored but the collector's own records.
  std::vector<Record> stored() const {
    std::vector<Record> found;
    query(options_.database, {}, [&](Record const& record) {
      if (record.logger != "logboom.collector") found.push_back(record);
      return true;
    });
    return found;
  }
  std::vector<std::uint64_t> stored_sequences() const {
    std::vector<std::uint64_t> found;
    for (auto const& record : stored()) {
      if (record.sequence > 0 && record.logger == "app") found.push_back(record.sequence);
    }
    return found;
  }

  std::filesystem::path directory_;
  CollectorOptions options_;
  std::string notices_;
  std::unique_ptr<Collector> collector_;
  std::vector<std::unique_ptr<HandMadePublisher>> publishers_;
  std::thread thread_;
  std::exception_ptr failure_;
};

}  // namespace logboom::collector
