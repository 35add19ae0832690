// Publishers of the simulation: one that logs, and whoever takes over what a dead one left. Rings, overflow, feed and speaker are the ones that ship; only the threads around them are not.
#pragma once

#include "process.hpp"

#include "delivery/speaker.hpp"
#include "publisher/feed.hpp"
#include "record/wire.hpp"
#include "spool/clock_file.hpp"
#include "spool/overflow.hpp"
#include "spool/ring_file.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace logboom::simulation {

/// Names of a spool and its records.
struct Identity {
  wire::Publisher publisher;
  std::string name, directory;
  static Identity make(std::uint64_t index);
};

/// In the order of src/publisher/sender.cpp's rounds.
class Publisher final : public Process {
 public:
  struct Plan {
    std::uint64_t streams = 1;
    bool blocks = false;           // when there is no room; else what comes is dropped
    std::size_t record_bytes = 0;  // of padding
    std::uint64_t overflow_bytes = 0;
    std::uint64_t eagerness = 10;  // records at once, at most
    std::vector<delivery::Endpoint> endpoints;
  };

  Publisher(World& world, Identity const& identity, Plan plan);

  bool step(std::int64_t now) override;
  std::int64_t next_arrival() const override { return std::max(link_.next_arrival(), speak_again_); }

  /// It logs no more, and ends when all is stored.
  void stop() { stopping_ = true; }
  bool over() const { return over_; }
  Identity const& identity() const { return identity_; }
  SimulatedLink& link() { return link_; }

 private:
  struct Ring {
    std::shared_ptr<spool::RingFile> file;
    detail::RingProducer producer;
    std::int64_t waits_since = -1;  // the log call, for room
  };

  void log(Ring& ring);
  bool write(Ring& ring);
  void ask_for_flush();
  void watch_flush();
  void watch_bounds() const;
  void end(std::int64_t now);

  Identity const identity_;
  Plan const plan_;
  spool::ClockFile clock_;
  spool::Overflow overflow_;
  std::vector<Ring> rings_;
  publisher::Feed feed_;
  SimulatedLink link_;
  delivery::Speaker speaker_;
  std::string record_;  // buffer
  std::int64_t seal_next_ = 0, speak_again_ = 0;
  std::optional<std::vector<std::pair<std::uint64_t, std::uint64_t>>> flush_;  // streams and ends
  std::int64_t drained_at_ = -1;
  bool stopping_ = false, over_ = false;
};

/// In the order of src/publisher/replay.cpp.
class Adopter final : public Process {
 public:
  /// @throws std::system_error when files cannot be opened now
  Adopter(World& world, Identity const& identity, std::vector<delivery::Endpoint> endpoints);

  bool step(std::int64_t now) override;
  std::int64_t next_arrival() const override { return std::max(link_.next_arrival(), speak_again_); }

  bool done() const { return done_; }
  Identity const& identity() const { return identity_; }
  SimulatedLink& link() { return link_; }

 private:
  std::uint64_t add_rings();

  Identity const identity_;
  wire::Publisher const speaks_as_;
  spool::ClockFile clock_;
  spool::Overflow overflow_;
  publisher::Feed feed_;
  std::uint64_t rings_;
  SimulatedLink link_;
  delivery::Speaker speaker_;
  std::int64_t speak_again_ = 0;
  bool welcomed_ = false, done_ = false;
};

}  // namespace logboom::simulation
