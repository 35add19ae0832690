// A collector of the simulation, and what it forwards to a hub. Ledger, control server, reception, appender, upstream spool and speaker are the ones that ship; the store is the oracle's, and the
// intake's turns and the store's thread are taken in the order of src/collector/intake.cpp and collector.cpp.
#pragma once

#include "process.hpp"

#include "collector/control_server.hpp"
#include "collector/own_log.hpp"
#include "collector/publisher_table.hpp"
#include "collector/reception.hpp"
#include "delivery/receiver_ledger.hpp"
#include "delivery/speaker.hpp"
#include "sinks/selector.hpp"
#include "upstream/appender.hpp"
#include "upstream/forward_feed.hpp"
#include "upstream/forward_spool.hpp"
#include "upstream/loss_file.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace logboom::simulation {

class Collector final : public Process {
 public:
  struct Plan {
    std::string address;
    std::string hub;     // that it forwards to; empty: it does not
    bool waits = false;  // when the upstream spool is full
    std::size_t queue_bytes = 64U << 10U;
    std::size_t streams = 1000;     // of the ledger in memory
    std::size_t publishers = 1000;  // of the table
    std::uint64_t fuse = 0;         // it dies while it begins, after so many acts; 0: it does not
  };

  Collector(World& world, Plan plan, Store& store);
  ~Collector() override;

  bool step(std::int64_t now) override;
  std::int64_t next_arrival() const override;

  /// Nothing is under way in it: all is committed, and the hub has it.
  bool idle() const;
  std::size_t publishers() const { return publishers_.size(); }
  SimulatedLink* link() { return forward_ ? &forward_->link : nullptr; }

  std::int64_t store_fails_until = 0, store_slow_until = 0;

 private:
  using Blocks = std::vector<std::unique_ptr<Block>>;

  struct Forward {
    Forward(World& world, Plan const& plan, std::string const& name);

    upstream::ForwardSpool spool;
    upstream::LossFile losses;
    wire::Publisher self;
    upstream::Appender appender;
    upstream::ForwardFeed feed;
    SimulatedLink link;
    delivery::Speaker speaker;
    std::int64_t speak_again = 0;
  };

  void begin();
  void take_turns(std::int64_t now);
  void take_commits();
  void settle();
  void serve_control(std::int64_t now);
  void receive_batches(std::int64_t now);
  void hand_over();
  void watch_queue();
  void watch_bounds() const;
  collector::ControlServer::Sent send(std::string const& route, std::span<std::byte const> frame);
  void check_sent(std::string const& route, std::span<std::byte const> frame) const;
  void store_step(std::int64_t now);
  bool append();
  bool deliver(std::int64_t now);

  Plan const plan_;
  Store& store_;
  collector::OwnLog log_;
  std::optional<Forward> forward_;
  delivery::ReceiverLedger ledger_;
  collector::PublisherTable publishers_;
  std::optional<collector::ControlServer> control_;
  std::optional<collector::Reception> reception_;

  std::deque<std::unique_ptr<Block>> pending_;
  Blocks group_, done_;
  std::size_t bytes_ = 0;  // of all blocks that were not collected
  std::deque<std::size_t> sizes_;
  std::uint64_t pushed_ = 0, committed_ = 0, written_ = 0;
  bool full_ = false, appended_ = false, worked_ = false;
  std::int64_t store_next_ = 0, probe_next_ = 0;
};

}  // namespace logboom::simulation
