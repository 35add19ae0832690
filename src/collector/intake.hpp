// The one thread that owns the bus's sockets: takes turns between batches, control, viewers and what the store has committed.
// Must not know SQLite or spools.
#pragma once

#include "collector/admission.hpp"
#include "collector/bus_sockets.hpp"
#include "collector/commit_queue.hpp"
#include "collector/control_server.hpp"
#include "collector/doorkeeper.hpp"
#include "collector/own_log.hpp"
#include "collector/publisher_table.hpp"
#include "collector/reception.hpp"
#include "collector/sink_set.hpp"
#include "collector/subscription_budget.hpp"
#include "delivery/receiver_ledger.hpp"
#include "inputs/published_records.hpp"
#include "inputs/python_input.hpp"
#include "sinks/publish.hpp"
#include "sinks/zmq_log.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace logboom::collector {

/// Written by the intake, read by anybody.
struct IntakeCounters {
  std::atomic<std::uint64_t> epoch = 0, records = 0, gap_records = 0, duplicates = 0, bad_frames = 0,
                             publishers = 0;
  std::atomic<std::int64_t> last_id = 0;
};

class Intake {
 public:
  static constexpr int kBatchesAtOnce = 64;  // before control has its turn
  static constexpr int kControlAtOnce = 256;
  static constexpr int kSyncsAtOnce = 8;                            // of viewers: an answer may have 2 MiB
  static constexpr std::chrono::milliseconds kSettled{200};         // nobody joined or left for this long
  static constexpr std::chrono::milliseconds kQuiet{50};            // drain: nothing arrived for this long
  static constexpr std::chrono::milliseconds kLongestDrain{2'000};  // drain: of those who go on sending

  struct Options {
    ControlServer::Facts facts;
    std::size_t queue_bytes = 0;
    std::int64_t last_id = 0;
    bool live = true;
    /// Whether all that publishers had left behind by then has been looked for. Not set: nobody reads spools here.
    std::function<bool(std::chrono::steady_clock::time_point)> looked_since;
    /// Fills in what only the collector as a whole knows, for an answer to a question after it. May take a millisecond. Not set: nothing.
    ControlServer::Describe describe;
  };

  /// @param wake eventfd, written to by whoever has news for the intake
  Intake(BusSockets& bus, Doorkeeper& door, CommitQueue& queue, OwnLog& log, delivery::ReceiverLedger ledger,
         int wake, Options options);

  /// Its blocks are taken as well; it outlives this.
  void add_input(inputs::PythonInput& input) { input_ = &input; }
  void add_input(inputs::PublishedRecords& input) { published_ = &input; }
  /// It outlives this.
  void add_sinks(SinkSet& sinks) { sinks_ = &sinks; }
  /// Rules that all publishers are told, from the next turn on. From any thread; whoever calls wakes the intake.
  void set_levels(std::string rules);
  /// Who is let in is asked there what they may do. It outlives this.
  void ask_rights_of(Admission& admission);
  /// All connections are cut in the next turn. From any thread; whoever calls wakes the intake.
  void cut_all();
  void set_zmq_log(std::unique_ptr<sinks::ZmqLog> log) { zmq_log_ = std::move(log); }

  /// Waits for something to do, not longer than `most`, and does it.
  void do_work(std::chrono::milliseconds most);
  /// Takes what has arrived, lets publishers know that they are to wait, and returns when all of it is committed and acked, or the store failed for good.
  void drain();
  /// Every publisher that said hello has said bye, at least one did, nothing is left in a spool, and all is committed.
  bool idle() const;

  IntakeCounters const& counters() const noexcept { return counters_; }

 private:
  using Clock = std::chrono::steady_clock;

  bool wait(std::chrono::milliseconds most);
  void take_turns();
  void settle();
  void receive_batches();
  void receive_batch();
  void take_inputs();
  void receive_published();
  void serve_control();
  void serve_viewers();
  void watch_doors();
  void watch_handshakes();
  void watch_viewers();
  void take_commits();
  void start_epoch(std::int64_t last_id);
  void hand_over(bool drained);
  void watch_queue();
  void watch_trouble();
  void watch_clock();
  void follow_orders();
  void update_counters();
  void watch_rates(Clock::time_point now);
  void describe(delivery::Status& status) const;
  std::size_t present() const noexcept;
  bool looked_since(Clock::time_point at) const;
  void watch_presence();
  LivePresence presence() const;
  void end_drain();
  std::string_view host_of(zmq::message_t& frame) const;
  ControlServer::Sent send_control(std::string const& route, std::span<std::byte const> frame);
  void send_live(std::string_view topic, std::string_view message);

  BusSockets& bus_;
  Doorkeeper& door_;
  CommitQueue& queue_;
  OwnLog& log_;
  int const wake_;
  Options const options_;
  delivery::ReceiverLedger ledger_;
  PublisherTable publishers_;
  ControlServer control_;
  Reception reception_;
  inputs::PythonInput* input_ = nullptr;
  inputs::PublishedRecords* published_ = nullptr;
  std::vector<zmq_pollitem_t> items_;  // of wait()
  std::optional<sinks::LivePublisher> live_;
  SubscriptionBudget subscribed_;
  SinkSet* sinks_ = nullptr;
  std::unique_ptr<sinks::ZmqLog> zmq_log_;
  std::mutex orders_;
  std::optional<std::string> new_levels_;  // under the mutex, as the next
  bool cut_all_ = false;
  Admission* admission_ = nullptr;
  std::uint64_t failed_handshakes_ = 0;  // as was said last
  IntakeCounters counters_;

  std::uint64_t pushed_ = 0;     // number of the last block pushed
  std::uint64_t committed_ = 0;  // and of the last one committed
  bool full_ = false;            // PULL is not read
  bool draining_ = false;
  bool closed_ = false;  // nothing is pushed any more
  bool troubled_ = false;
  bool received_ = false;  // something, in the last turn
  Clock::time_point next_tick_{}, next_probe_{};
  Clock::time_point rated_{};      // when rates were brought up to date
  Rate rows_;                      // of records committed
  std::int64_t committed_at_ = 0;  // ns since the epoch; 0: nothing was yet
  Clock::time_point last_busy_{};
  std::pair<std::uint64_t, std::size_t> seen_{};  // publishers that came, that are present
  Clock::time_point last_change_{};               // of these
  std::uint64_t joined_before_ = 0;               // publishers that came before this epoch and left
  bool settled_ = false;
};

}  // namespace logboom::collector
