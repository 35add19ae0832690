// The sender's half of the delivery protocol (docs/protocol.md, "Publisher"): when to say hello, what may be sent, from where to send again,
// what may be forgotten. A pure state machine: no socket, no clock, no thread, no record contents in it.
#pragma once

#include "delivery/control.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <span>
#include <utility>
#include <vector>

namespace logboom::delivery {

/// One per publisher that is spoken for and per speaker. Times are milliseconds of any monotonic clock; hello_due() and bye_due() are to be asked every few of them.
///
/// The owner sends, of each stream, consecutive records from cursor() on, reports each batch with sent(), and after rewound() returns true closes its PUSH
/// socket, opens it anew, and goes on from the new cursors. It may forget records up to committed(), and no other.
class SenderWindow {
 public:
  static constexpr std::size_t kMaxBatches = 64;  // in flight: sent and not committed
  static constexpr std::int64_t kHelloEvery =
      300;  // ms, until a welcome comes; doubled for each that is not answered, up to kHelloAtMost
  static constexpr std::int64_t kHelloAtMost = 2000;
  static constexpr std::int64_t kStall =
      300;  // ms without progress of a stream that has unacked records; doubled by each resend in vain, up to kStallAtMost
  static constexpr std::int64_t kStallAtMost = 5000;
  static constexpr std::int64_t kPatience = 2;  // times as long as the last progress took, if that is more
  static constexpr std::int64_t kGrace =
      200;  // ms after a rewind in which requests to resend are taken for echoes of what was in the pipe before it

  struct Range {
    std::uint64_t stream = 0, first = 0, end = 0;
  };  // records [first, end)

  // --- streams
  /// A stream whose oldest record held is `base`. Known streams stay as they are. At most wire::kMaxStreams: beyond that it returns false.
  bool open_stream(std::uint64_t stream, std::uint64_t base);
  /// Forgets a stream to which nothing will be added. False: not all of it that was sent is committed.
  bool close_stream(std::uint64_t stream);
  std::uint64_t cursor(std::uint64_t stream) const;     // number of the next record to send
  std::uint64_t committed(std::uint64_t stream) const;  // everything up to it may be forgotten
  bool refused(std::uint64_t stream) const;  // the collector has no room for the stream now: do not send of it

  // --- what happened
  void connected(std::int64_t now);  // the control connection stands
  void disconnected();               // it does not any more; nothing may be sent until the next welcome
  void change_collector();  // as disconnected(); the next welcome comes from another collector with a ledger of its own
  void said_hello(std::int64_t now);
  void welcome(Welcome const& message, std::int64_t now);
  void ack(Ack const& message, std::int64_t now);
  void resend(Resend const& message, std::int64_t now);
  void sent(std::span<Range const> ranges, std::size_t bytes, std::int64_t now);
  /// Nothing of it needs to be sent any more: it was made before an ack came, or its streams are closed.
  bool outdated(std::span<Range const> ranges) const;
  void said_bye(std::int64_t now) { last_bye_ = now; }
  void bye_answered() { last_bye_ = kNever; }

  // --- what to do
  bool hello_due(std::int64_t now) const;
  std::vector<Hello::Stream> hello_streams() const;
  bool may_send() const;                                                // one more batch, of any size
  std::size_t bytes() const { return welcomed_ ? window_ : SIZE_MAX; }  // that may be in flight
  bool rewound() { return std::exchange(rewound_, false); }             // PUSH is to be opened anew
  bool moved() { return std::exchange(moved_, false); }  // cursors may have gone back (rewound() or not)
  bool settled() const { return in_flight_.empty() && all_committed(); }  // everything sent is committed
  bool bye_due(std::int64_t now) const {
    return welcomed_ && (last_bye_ == kNever || now - last_bye_ >= kHelloEvery);
  }
  std::vector<std::pair<std::uint64_t, std::uint64_t>> last() const;  // for bye: the last record sent of each stream

  bool welcomed() const { return welcomed_; }
  std::size_t in_flight() const { return in_flight_.size(); }
  std::size_t in_flight_bytes() const { return in_flight_bytes_; }
  std::uint64_t resent() const { return resent_; }  // records sent that had been sent before
  std::uint64_t rewinds() const { return rewinds_; }
  unsigned unanswered() const { return unanswered_; }  // hellos since the last welcome
  std::uint64_t acked() const { return acked_; }       // records committed since the streams were opened

 private:
  static constexpr std::int64_t kNever = INT64_MIN;

  struct Stream {
    std::uint64_t committed = 0;
    std::uint64_t expected = 0;  // by the collector; 0: not told
    std::uint64_t cursor = 1;
    std::uint64_t sent_end = 1;  // after the last number that was sent from here
    bool refused = false;
    std::int64_t progressed =
        0;  // when something of it was taken or committed last, or the first of it was sent
    std::int64_t stall = kStall;   // patience with it
    std::int64_t struck = kNever;  // when a welcome showed for the first time that it stands still

    // After what was sent, by whoever spoke for the stream before as well, as far as the collector still has it: what it forgot with its death
    // and this owner never held (a power cut may take the end of a spool) will not come.
    std::uint64_t end() const { return std::max(sent_end, cursor); }
    bool pending() const { return cursor > committed + 1; }
    bool stalled(std::int64_t now) const { return pending() && now - progressed >= stall; }
  };
  struct Batch {
    std::vector<Range> ranges;
    std::size_t bytes = 0;
  };

  void learn(StreamState const& state, std::int64_t now);
  bool stands_still(Stream& stream, std::int64_t now) const;
  void rewind(std::int64_t now);
  void retire();
  bool all_committed() const;
  std::int64_t hello_interval() const;

  std::map<std::uint64_t, Stream> streams_;
  std::deque<Batch> in_flight_;
  std::size_t in_flight_bytes_ = 0;
  std::uint64_t epoch_ = 0;
  std::uint64_t window_ = 0;
  bool connected_ = false;
  bool welcomed_ = false;
  bool suspicious_ = true;  // what was sent may have been lost on the way: the next welcome rewinds
  bool hello_now_ = false;
  unsigned unanswered_ = 0;  // hellos since the last welcome
  std::int64_t last_hello_ = kNever;
  std::int64_t last_bye_ = kNever;
  std::int64_t last_rewind_ = kNever;
  bool sent_since_rewind_ = false;
  bool rewound_ = false;
  bool moved_ = false;
  std::uint64_t resent_ = 0;
  std::uint64_t rewinds_ = 0;
  std::uint64_t acked_ = 0;
};

}  // namespace logboom::delivery
