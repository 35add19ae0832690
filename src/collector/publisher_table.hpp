// Who is connected on the control channel, and what each is owed: acks, requests to send again, the answer to a bye. Bounded.
// Must not know sockets, frames or the store.
#pragma once

#include "collector/rate.hpp"
#include "collector/rules_in_force.hpp"
#include "delivery/collector_state.hpp"
#include "record/block.hpp"
#include "record/wire.hpp"

#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace logboom::collector {

struct PublisherIdHash {
  std::size_t operator()(PublisherId const& id) const noexcept {
    std::size_t hash = 0;  // ids are random: any eight bytes are a hash
    std::memcpy(&hash, id.data(), sizeof hash);
    return hash;
  }
};

struct ConnectedPublisher {
  using StreamNumbers = std::vector<std::pair<std::uint64_t, std::uint64_t>>;  // stream, sequence number

  wire::Publisher who;
  std::string route;  // of the connection that said the last hello or bye; empty: gone. PublisherTable sets it
  std::int64_t heard = 0;                // monotonic ms
  std::vector<std::uint64_t> acks_owed;  // streams
  StreamNumbers resends_owed;            // stream, expected
  bool listed = false;                   // among those that are owed something
  std::optional<std::uint64_t> window;   // that it heard of last
  std::optional<StreamNumbers> bye;      // waits for the commit of these

  RulesInForce::Told rules;  // level rules that it was told last

  std::int64_t joined = 0;        // ns since the epoch, when it said hello first; 0: it has not
  std::uint64_t received = 0;     // records taken from it
  std::uint64_t gap_records = 0;  // declared lost
  Rate rate;                      // of `received`
  std::int64_t reported = 0;      // ns since the epoch; 0: never
  delivery::PublisherReport report;
};

class PublisherTable {
 public:
  static constexpr std::size_t kMaxPublishers = 16'384;
  static constexpr std::size_t kMaxOwed =
      wire::kMaxStreams;  // acks and requests kept a publisher; what is beyond is learnt from the next hello
  static constexpr std::size_t kMaxName = 255;    // bytes kept of a host's or a process's name
  static constexpr std::size_t kMaxByes = 1'024;  // waiting for their commit; who finds no room asks again

  explicit PublisherTable(std::size_t bound = kMaxPublishers) : bound_(bound) {}

  /// The publisher's entry, made if need be. At the bound one makes room that is gone, else the one silent the longest (it says hello again when it misses its acks).
  ConnectedPublisher& enter(wire::Publisher const& who, std::int64_t now);
  ConnectedPublisher* find(PublisherId const& id);
  void remove(PublisherId const& id);
  /// It speaks by this route from now on.
  void reach(ConnectedPublisher& publisher, std::string const& route);
  /// It is gone; its entry stays until somebody says its bye.
  void lose(ConnectedPublisher& publisher) { reach(publisher, {}); }
  /// It ends once these are committed. At the bound it is not remembered.
  void await(ConnectedPublisher& publisher, ConnectedPublisher::StreamNumbers last);
  void owe_ack(PublisherId const& id, std::uint64_t stream);
  void owe_resend(PublisherId const& id, std::uint64_t stream, std::uint64_t expected);

  /// Of a publisher's records so many were taken, and so many of its are lost.
  void count(PublisherId const& id, std::uint64_t received, std::uint64_t lost);
  /// About once a second. @param seconds since the call before
  void tick(double seconds);

  std::size_t size() const noexcept { return publishers_.size(); }
  std::size_t connected() const noexcept { return connected_; }  // not gone
  /// How many came so far, each entry once.
  std::uint64_t entered() const noexcept { return entered_; }

  bool awaits_any() const noexcept { return byes_ > 0; }

  auto begin() { return publishers_.begin(); }
  auto end() { return publishers_.end(); }
  auto begin() const { return publishers_.begin(); }
  auto end() const { return publishers_.end(); }

  /// Publishers that are owed something, each once. Empties the list.
  std::vector<PublisherId> take_owed();
  /// Put back: it could not be given yet.
  void owe_later(ConnectedPublisher& publisher) { list(publisher); }

 private:
  void make_room();
  void list(ConnectedPublisher& publisher);

  std::size_t const bound_;
  std::unordered_map<PublisherId, ConnectedPublisher, PublisherIdHash> publishers_;
  std::vector<PublisherId> owed_;
  std::size_t byes_ = 0;
  std::size_t connected_ = 0;
  std::uint64_t entered_ = 0;
};

}  // namespace logboom::collector
