// The sender's half as a whole: speaks for one spool to one collector at a time: hello, batches, acks, resends, bye. The same for a live publisher, for a dead one and for a collector
// that forwards. Joins the window (what to do), what there is to send and the link (what carries it); must not know sockets, clocks, threads, rings or frames.
#pragma once

#include "delivery/endpoint.hpp"
#include "delivery/link.hpp"
#include "delivery/outgoing.hpp"
#include "delivery/sender_window.hpp"

#include <logboom/level.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace logboom::delivery {

/// One thread; never blocks. What it refers to outlives it.
class Speaker {
 public:
  static constexpr std::int64_t kFailover = 3000;  // ms without a welcome, then the next collector is tried

  struct Hooks {
    std::function<void(std::string_view rules)> levels;  // rules of the collector, when they change
    std::function<void(Level level, std::string_view line)> report;  // what a person should know; each thing once
    std::function<std::string(Welcome const&)> objection = {};  // why nothing is to be sent to this collector; "": none
    std::function<PublisherReport()> state = {};  // asked for now and then, where the collector wants to know; may be empty
  };

  Speaker(Link& link, std::vector<Endpoint> endpoints, wire::Publisher const& publisher, Outgoing& feed,
          Hooks hooks);

  /// One round. @param now monotonic milliseconds. @return whether something came or went
  /// @throws std::exception for want of sockets, descriptors or memory: nothing is given up by it, and the next round may succeed
  bool step(std::int64_t now);
  /// There is a batch that the link had no room for.
  bool blocked() const { return blocked_; }

  /// Nothing more will be added to the feed: from now on bye is said once all is committed.
  void end() { ending_ = true; }
  /// The collector has said that all of it is stored, and nothing came after that.
  bool bye_answered() const { return bye_answered_; }
  /// A collector may have heard of this publisher, and waits for its bye.
  bool known() const { return known_; }
  /// A collector has said something, ever.
  bool heard() const { return heard_; }
  /// Why no collector takes anything from here, by its own word or because the keys cannot be used; "": it is not known that none does.
  std::string const& refusal() const { return refusal_; }
  bool drained() const { return feed_->drained(window_) && window_.settled(); }
  /// Everything up to these numbers is committed (see Feed::ends()).
  bool committed(std::vector<std::pair<std::uint64_t, std::uint64_t>> const& ends) const;
  /// Asks the collector to commit at once what it has received.
  void hurry() { hurry_ = true; }

  SenderWindow const& window() const { return window_; }
  /// A ring was added to the feed.
  void open_streams() { feed_->open_streams(window_); }
  std::uint64_t sent() const { return sent_; }  // records, repeats included

 private:
  bool follow_connection(std::int64_t now);
  bool hear(std::int64_t now);
  void take(Control const& message, std::int64_t now);
  bool send(std::int64_t now);
  void greet(std::int64_t now);
  void part(std::int64_t now);
  void tell_state(std::int64_t now);
  void obey(std::string const& rules);
  void try_next_collector(std::int64_t now);
  void report_once(Level level, std::string line);
  void refused(Level level, std::string line);
  void shut(std::int64_t now);
  void reset_batch();

  Link* link_;
  std::vector<Endpoint> endpoints_;
  std::size_t active_ = 0;
  wire::Publisher const* publisher_;
  Outgoing* feed_;
  Hooks hooks_;
  SenderWindow window_;
  Outgoing::Batch batch_;  // made, not yet taken by PUSH
  bool blocked_ = false;   // PUSH did not take it
  bool open_ = false;
  bool release_due_ = false;  // an ack was heard of which the feed does not know yet
  bool stale_ = false;        // what PUSH holds is to be discarded
  bool ending_ = false;
  bool bye_answered_ = false;
  bool greeted_ = false;  // since the last bye
  bool known_ = false;
  bool heard_ = false;
  bool hurry_ = false;
  std::int64_t silent_since_ = INT64_MIN;  // no welcome since
  std::optional<std::string> rules_;  // none heard yet: what a parent's collector said before a fork may still be in force
  std::string reported_;
  std::string refusal_;
  std::int64_t state_every_ = 0;          // ms; 0: the collector does not want to know
  std::int64_t state_next_ = 0;           // not before
  std::optional<PublisherReport> state_;  // as it was told last
  std::uint64_t sent_ = 0;
  std::uint64_t flushes_ = 0;
};

}  // namespace logboom::delivery
