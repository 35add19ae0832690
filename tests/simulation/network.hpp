// The network of the simulation: a link per speaker, with a connection for batches and one for control, each of which is late, loses, repeats and breaks in its own ways, as ZeroMQ's
// over TCP do. Must not know what a batch or a message says.
#pragma once

#include "dice.hpp"
#include "disk.hpp"
#include "faults.hpp"

#include "delivery/link.hpp"
#include "record/block.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace logboom::simulation {

using Bytes = std::vector<std::byte>;

struct Parcel {
  Bytes bytes;
  std::int64_t arrives = 0;
};

class Network;

/// A process's way to its collector. The network outlives it.
class SimulatedLink final : public delivery::Link {
 public:
  static constexpr std::size_t kPush = 8;       // batches that PUSH holds
  static constexpr std::size_t kPipe = 12;      // and the kernels
  static constexpr std::size_t kControl = 100;  // messages, each way

  SimulatedLink(Network& network, PublisherId const& id, std::string name);
  ~SimulatedLink() override;

  void open(delivery::Endpoint const& endpoint) override;
  void reopen_push() override;
  void close() noexcept override;
  std::optional<Change> change() override;
  bool send(std::span<std::byte const> batch) override;
  bool say(delivery::Control const& message) override;
  std::optional<delivery::Control> hear() override;

  // --- faults
  void cut_control();
  void cut_push();
  /// @param up what the publisher says is lost, @param down what the collector says
  void half_open(bool up, bool down);
  void stay_away(std::int64_t until) { control_again_ = push_again_ = until; }

  PublisherId const& id() const { return id_; }
  std::string const& target() const { return target_; }
  /// When there is something to do at this end; or far away.
  std::int64_t next_arrival() const;

 private:
  friend class Network;

  void advance();
  void break_control(bool told);
  void break_push(bool survive);

  Network* network_;
  PublisherId id_;
  std::string name_;
  std::string target_;  // empty: closed

  bool control_up_ = false;
  std::string route_;
  std::int64_t control_again_ = 0;
  std::deque<Change> changes_;
  std::deque<Parcel> up_, down_;
  bool loses_up_ = false, loses_down_ = false;
  std::int64_t notice_ = 0;  // of a half-open connection, by heartbeats

  bool push_up_ = false;
  std::int64_t push_again_ = 0;
  std::deque<Bytes> push_;
  std::deque<Parcel> pipe_;
  bool loses_push_ = false;
};

class Network {
 public:
  Network(Dice& dice, FaultSet const& faults) : dice_(&dice), faults_(&faults) {}

  // --- collectors
  /// What a collector's process has of the network; all of it ends with the process.
  void listen(std::string const& address);
  void hang_up(std::string const& address);
  std::optional<Bytes> receive_batch(std::string const& address);
  struct Letter {
    std::string route;
    Bytes bytes;
  };
  std::optional<Letter> receive_control(std::string const& address);
  enum class Sent { kDone, kBusy, kGone };
  Sent send_control(std::string const& address, std::string const& route, std::span<std::byte const> frame);
  std::int64_t next_arrival(std::string const& address) const;
  /// Of the publisher that has this route.
  PublisherId const* speaker_of(std::string const& route) const;

  // --- the schedule
  std::int64_t now = 0;
  bool faulty = true;  // else it carries everything, in a few ms
  double loss = 0;     // of batches
  double duplication = 0;
  std::vector<SimulatedLink*> const& links() const { return links_; }
  void advance();
  std::function<void(std::string const& who, std::string what)> note;  // set only when somebody reads it
  std::uint64_t lost = 0, repeated = 0, late = 0;

 private:
  friend class SimulatedLink;
  struct Stray {
    Parcel parcel;
    std::string route;  // empty: a batch
  };
  struct Listener {
    std::deque<Stray> strays;  // of connections that are gone; what is in the collector's kernel is read all the same
    std::map<std::string, std::int64_t> ghosts;  // routes whose end the collector has not noticed, until then
  };

  bool happens(Fault kind, double probability) {
    return faulty && faults_->has(kind) && dice_->chance(probability);
  }
  void leave(std::string const& target, Parcel parcel, std::string route);
  Listener* at(std::string const& address);

  Dice* dice_;
  FaultSet const* faults_;
  std::vector<SimulatedLink*> links_;
  std::map<std::string, Listener> listeners_;
  std::uint64_t routes_ = 0;
};

/// Of an encoded control message, for the history.
std::string describe(std::span<std::byte const> frame);

}  // namespace logboom::simulation
