// A collector in the test's own hands, and spools with records in them: for the tests of the speaker, the sender and the replay.
#pragma once

#include "delivery/control.hpp"
#include "delivery/endpoint.hpp"
#include "delivery/receiver_ledger.hpp"
#include "publisher/background.hpp"
#include "record/wire.hpp"
#include "spool/spool.hpp"
#include "wire_fixture.hpp"

#include <gtest/gtest.h>
#include <logboom/detail/clock.hpp>
#include <logboom/detail/ring.hpp>

#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>
#include <algorithm>
#include <cstring>
#include <filesystem>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <zmq.hpp>

namespace logboom::publisher::test {

/// A directory of the test's own, short enough for ipc paths, gone with it.
class Scratch {
 public:
  Scratch() {
    std::string name = "/tmp/logboom-XXXXXX";
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp failed");
    path_ = name;
  }
  ~Scratch() {
    std::error_code error;
    std::filesystem::remove_all(path_, error);
  }
  Scratch(Scratch const&) = delete;
  Scratch& operator=(Scratch const&) = delete;
  std::filesystem::path const& path() const { return path_; }
  delivery::Endpoint endpoint(std::string const& name = "bus") const {
    return delivery::parse_endpoint("ipc://" + (path_ / name).string());
  }

 private:
  std::filesystem::path path_;
};

/// While it lives nothing can be opened.
class NoDescriptors {
 public:
  NoDescriptors() {
    getrlimit(RLIMIT_NOFILE, &before_);
    int const lowest_free = dup(0);
    close(lowest_free);
    rlimit none = before_;
    none.rlim_cur = static_cast<rlim_t>(lowest_free);
    setrlimit(RLIMIT_NOFILE, &none);
  }
  ~NoDescriptors() { setrlimit(RLIMIT_NOFILE, &before_); }
  NoDescriptors(NoDescriptors const&) = delete;
  NoDescriptors& operator=(NoDescriptors const&) = delete;

 private:
  rlimit before_{};
};

/// What a collector has stored: outlives it, as a file does.
struct Stored {
  struct Stream {
    std::uint64_t last = 0;
    std::vector<std::string> messages;                          // of the records, in the order stored
    std::vector<std::pair<std::uint64_t, std::uint64_t>> gaps;  // declared by the publisher or by the ledger, inclusive
    std::uint64_t lost() const {
      std::uint64_t sum = 0;
      for (auto const& [first, last_lost] : gaps) sum += last_lost - first + 1;
      return sum;
    }
  };
  std::map<std::pair<PublisherId, std::uint64_t>, Stream> streams;
  std::vector<std::string> problems;  // twice, out of order, with a hole

  std::size_t records() const {
    std::size_t sum = 0;
    for (auto const& [key, stream] : streams) sum += stream.messages.size();
    return sum;
  }
};

/// PULL and ROUTER on one address; does what the protocol says a collector does, unless told otherwise.
class FakeCollector {
 public:
  FakeCollector(delivery::Endpoint const& endpoint, Stored& stored)
      : stored_(&stored), pull_(context_, zmq::socket_type::pull), router_(context_, zmq::socket_type::router) {
    static std::mt19937_64 random(std::random_device{}());
    epoch = random();
    std::vector<Progress> rows;
    for (auto const& [key, stream] : stored.streams) rows.push_back({key.first, key.second, stream.last});
    ledger.load(rows);
    for (auto* socket : {&pull_, &router_}) socket->set(zmq::sockopt::linger, 0);
    pull_.set(zmq::sockopt::rcvhwm, 8);
    pull_.bind(endpoint.push);
    router_.bind(endpoint.control);
  }

  bool commits = true;   // else what is taken stays pending
  bool reads = true;     // PULL
  bool answers = true;   // control
  std::size_t lose = 0;  // batches to forget as if they had been lost on the way
  std::uint64_t window = 1 << 20;
  std::map<PublisherId, std::uint64_t> windows;  // of these, another one
  std::string levels;
  std::uint64_t report_every = 0;
  std::uint64_t epoch = 0;
  delivery::ReceiverLedger ledger;

  std::size_t batches = 0, hellos = 0, resends = 0, flushes = 0, byes = 0, duplicates = 0;
  std::size_t largest = 0;  // bytes of a batch
  wire::Publisher last_publisher;
  std::vector<delivery::PublisherReport> reports;

  void step() {
    if (answers) {
      while (control_message()) {
      }
    }
    if (reads) {
      for (int i = 0; i < 64 && batch(); ++i) {
      }
    }
    if (commits) commit();
  }

  void commit() {
    if (pending_.empty()) return;
    std::vector<Progress> progress;
    for (auto const& block : pending_) store(*block, progress);
    pending_.clear();
    ledger.commit(progress);
    for (auto const& [id, peer] : peers_) {
      delivery::Ack ack{epoch, window_of(id), {}};
      for (auto const& row : progress) {
        if (row.publisher == id) ack.streams.push_back(ledger.state(id, row.stream));
      }
      say(peer, ack);
    }
  }
  std::size_t pending() const { return pending_.size(); }

 private:
  static std::span<std::byte const> bytes(zmq::message_t const& message) {
    return {static_cast<std::byte const*>(message.data()), message.size()};
  }

  std::uint64_t window_of(PublisherId const& id) const {
    auto const found = windows.find(id);
    return found == windows.end() ? window : found->second;
  }

  void say(std::string const& peer, delivery::Control const& message) {
    auto const frame = delivery::encode(message);
    router_.send(zmq::buffer(peer), zmq::send_flags::sndmore | zmq::send_flags::dontwait);
    router_.send(zmq::const_buffer(frame.data(), frame.size()), zmq::send_flags::dontwait);
  }

  bool control_message() {
    zmq::message_t peer;
    zmq::message_t frame;
    if (!router_.recv(peer, zmq::recv_flags::dontwait)) return false;
    if (!router_.recv(frame, zmq::recv_flags::none)) return false;
    auto const name = peer.to_string();
    auto const message = delivery::decode(bytes(frame));
    if (auto const* hello = std::get_if<delivery::Hello>(&message)) {
      ++hellos;
      last_publisher = hello->publisher;
      peers_[hello->publisher.id] = name;
      std::vector<std::pair<std::uint64_t, std::uint64_t>> bases;
      for (auto const& stream : hello->streams) bases.emplace_back(stream.stream, stream.base);
      say(name, delivery::Welcome{wire::kVersion, epoch, window_of(hello->publisher.id), levels,
                                  ledger.hello(hello->publisher.id, bases), 0, report_every});
    }
    if (auto const* report = std::get_if<delivery::Report>(&message)) reports.push_back(report->report);
    if (std::holds_alternative<delivery::Flush>(message)) ++flushes;
    if (auto const* bye = std::get_if<delivery::Bye>(&message);
        bye != nullptr && ledger.complete(bye->id, bye->last)) {
      ++byes;
      say(name, delivery::Bye{bye->id, {}});
    }
    return true;
  }

  bool batch() {
    zmq::message_t frame;
    if (!pull_.recv(frame, zmq::recv_flags::dontwait)) return false;
    ++batches;
    largest = std::max(largest, frame.size());
    if (lose > 0) {
      --lose;
      return true;
    }
    decoder_.open(bytes(frame));
    auto block = std::make_unique<Block>();
    for (auto const& part : decoder_.streams()) take(part, *block);
    if (!block->progress.empty()) pending_.push_back(std::move(block));
    return true;
  }

  void take(wire::StreamPart const& part, Block& block) {
    using Kind = delivery::ReceiverLedger::Verdict::Kind;
    auto const& id = decoder_.publisher().id;
    auto const verdict = ledger.offer(id, part.stream, part.base, part.first, part.end, monotonic_ms());
    if (verdict.kind == Kind::kDuplicate) ++duplicates;
    if (verdict.kind == Kind::kAskAgain) {
      ++resends;
      if (auto const peer = peers_.find(id); peer != peers_.end())
        say(peer->second, delivery::Resend{epoch, {{part.stream, verdict.from}}});
    }
    if (verdict.kind != Kind::kTake) return;
    if (verdict.lost) decoder_.declare_lost(part, verdict.lost->first, verdict.lost->last, 0, "lost", block);
    decoder_.take(part, verdict.from, block);
  }

  /// Numbers and gaps of each stream follow each other without hole or overlap, up to the block's progress.
  void store(Block const& block, std::vector<Progress>& progress) {
    std::map<std::pair<PublisherId, std::uint64_t>, std::map<std::uint64_t, std::pair<std::uint64_t, std::string>>> items;
    for (auto const& gap : block.gaps) items[{gap.publisher, gap.stream}][gap.first] = {gap.last, {}};
    for (auto const& entry : block.entries) {
      auto const& source = *block.sources.at(entry.source);
      if (block.sites.at(entry.site)->logger == "logboom.gap") continue;
      auto const [at, added] = items[{source.publisher, source.stream}].try_emplace(
          entry.sequence, entry.sequence, std::string(entry.message));
      if (!added)
        stored_->problems.push_back("number " + std::to_string(entry.sequence) + " twice in a block");
    }
    for (auto const& [key, list] : items) {
      auto& stream = stored_->streams[key];
      for (auto const& [first, item] : list) {
        if (first != stream.last + 1)
          stored_->problems.push_back(std::to_string(first) + " after " + std::to_string(stream.last));
        if (item.second.empty())
          stream.gaps.emplace_back(first, item.first);
        else
          stream.messages.push_back(item.second);
        stream.last = item.first;
      }
    }
    for (auto const& row : block.progress) {
      if (stored_->streams[{row.publisher, row.stream}].last != row.last)
        stored_->problems.push_back("progress does not match the records");
      progress.push_back(row);
    }
  }

  zmq::context_t context_{1};
  Stored* stored_;
  zmq::socket_t pull_, router_;
  wire::BatchDecoder decoder_;
  std::vector<std::unique_ptr<Block>> pending_;
  std::map<PublisherId, std::string> peers_;
};

/// A spool and what writes it, as a publisher's threads would.
class SpoolWriter {
 public:
  struct Ring {
    std::shared_ptr<spool::RingFile> file;
    detail::RingProducer producer;
    std::uint64_t written = 0;
  };

  explicit SpoolWriter(std::filesystem::path const& root, std::uint64_t streams = 1,
                       std::size_t capacity = spool::kMinRing, std::vector<std::string> const& endpoints = {})
      : spool(spool::Spool::create(root, identity(), endpoints)) {
    spool.append_site({0, level::kInfo, "INFO", "", "test.cpp", "test", 1});
    spool.append_logger(1, "test");
    catalogue.sites[0] = {};
    for (std::uint64_t stream = 0; stream < streams; ++stream) {
      auto file = std::make_shared<spool::RingFile>(spool.create_ring(stream, capacity));
      file->set_thread(100 + stream, "thread-" + std::to_string(stream));
      auto const producer = file->producer();
      rings.push_back({std::move(file), producer, 0});
    }
  }

  static wire::Publisher identity() {
    static std::mt19937_64 random(std::random_device{}());
    wire::Publisher publisher;
    for (auto& byte : publisher.id) byte = static_cast<std::byte>(random());
    publisher.host = "host";
    publisher.pid = 4711;
    publisher.process = "writer";
    publisher.started = 1'700'000'000'000'000'000;
    return publisher;
  }
  static std::string message(std::uint64_t stream, std::uint64_t number) {
    return "stream " + std::to_string(stream) + " record " + std::to_string(number);
  }

  /// False: no room, and nothing is written.
  bool write(std::uint64_t stream, std::size_t padding = 0) {
    auto& ring = rings[stream];
    auto record = wire::test::ring_record(
        0, 1, {wire::test::text(message(stream, ring.written + 1) + std::string(padding, '.'))});
    detail::record_layout::store64(record.data() + detail::record_layout::kTimeAt + 1,
                                   static_cast<std::uint64_t>(detail::ticks()));
    auto* at = detail::reserve(ring.producer, record.size());
    if (at == nullptr) at = detail::look_and_reserve(ring.producer, record.size()).payload;
    if (at == nullptr) return false;
    std::memcpy(at, record.data(), record.size());
    detail::commit(ring.producer, record.size());
    ++ring.written;
    return true;
  }
  void write_many(std::uint64_t stream, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) ASSERT_TRUE(write(stream)) << "the ring is full";
  }
  /// A record for which there was no room: it has its number.
  void drop(std::uint64_t stream) {
    detail::drop(rings[stream].producer, detail::ticks());
    ++rings[stream].written;
  }

  spool::Spool spool;
  wire::test::TestCatalogue catalogue;
  std::vector<Ring> rings;
};

/// Calls `round` until `condition` holds. False after twenty seconds: the test has failed then.
template <class Condition, class Round>
bool until(Condition const& condition, Round const& round) {
  auto const end = monotonic_ms() + 20'000;
  while (!condition()) {
    if (monotonic_ms() > end) return false;
    round();
  }
  return true;
}

}  // namespace logboom::publisher::test
