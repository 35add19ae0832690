// The collector's side of the control channel (docs/protocol.md, "Control"): what is asked, and what each publisher is owed after a commit.
// Must not know sockets or threads: frames come in with the route they came by, frames go out through a function.
#pragma once

#include "collector/admission.hpp"
#include "collector/level_control.hpp"
#include "collector/own_log.hpp"
#include "collector/publisher_table.hpp"
#include "delivery/control.hpp"
#include "delivery/receiver_ledger.hpp"

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace logboom::collector {

class ControlServer {
 public:
  // What all publishers together may have in flight, shared out: it bounds what ZeroMQ's queues can hold of honest publishers.
  static constexpr std::uint64_t kWindowBudget = 12U << 20U;
  // Bytes that each publisher takes of it by being connected: what libzmq holds for its two connections, as measured. Down to kLeastBudget.
  static constexpr std::uint64_t kConnectionBytes = 56U << 10U;
  static constexpr std::uint64_t kLeastBudget = 8U << 20U;
  static constexpr std::uint64_t kLargestWindow = 4U << 20U;
  static constexpr std::uint64_t kSmallestWindow = 16U << 10U;  // lets one batch through, whatever its size
  static constexpr std::size_t kMaxFlushes = 4'096;  // waiting; a peer that finds no room asks again
  static constexpr int kQuestionCost = 32;  // of one that is answered with many publishers or from the disk
  // ms between two reports of a publisher; with many of them so many that 4,000 come in a second.
  static constexpr std::uint64_t kReportEvery = 1'000;
  static constexpr std::int64_t kSilence =
      5'000;  // ms after which a publisher is asked whether it is still there

  enum class Sent { kDone, kBusy, kGone };  // kBusy: not now, try again; kGone: no such route any more
  using Send = std::function<Sent(std::string const& route, std::span<std::byte const> frame)>;

  struct Facts {
    std::uint64_t epoch = 0;
    std::string host;
    std::uint64_t pid = 0;
    std::string database;
    std::string levels;                        // the collector's own rules
    std::string rules_file;                    // where rules are kept that are set on the fly; "": nowhere
    std::vector<PublisherId> forwarders = {};  // as these it forwards records itself
  };
  /// The answer to a question after the collector; the publishers' part of it is filled in here.
  using Describe = std::function<void(delivery::Status& status)>;
  using Clock = std::function<std::int64_t()>;  // ns since the epoch

  ControlServer(Facts facts, delivery::ReceiverLedger& ledger, PublisherTable& publishers, OwnLog& log,
                Send send, Clock wall);

  /// From now on peers may do what it has let them in for. It outlives this. Without it all may do all.
  void ask_rights_of(Admission& admission) { admission_ = &admission; }
  void describe_with(Describe describe) { describe_ = std::move(describe); }

  /// A frame of a peer. Never throws for what is in it. @param last_id of the last record committed, @param now monotonic ms
  /// @return what it cost, in messages of a publisher: a question may cost as much as many
  /// @param user its User-Id, where peers are asked who they are
  int take(std::string const& route, std::span<std::byte const> frame, std::int64_t last_id, std::int64_t now,
           std::string_view user = {});
  void refuse_frame(std::string_view reason);
  void refuse_batch(PublisherId const& id, std::string const& reason);

  /// A block is committed and the ledger knows: acks are owed.
  void committed(Block const& block);
  /// Gives what is owed: acks, requests to send again, answers to flush and bye. @param received number of the block that holds the last record received,
  /// @param committed number of the last block committed
  void settle(std::uint64_t received, std::uint64_t committed);
  /// While waiting, windows are 0. Those that were told so hear of the end of it.
  void set_waiting(bool waiting);
  /// All publishers hear at once that they are to wait (or may go on).
  void tell_window();
  /// Asks those that were silent long whether they are there, which is how one learns that they are not.
  void probe(std::int64_t now);

  /// Other rules of the collector's own, laid under those set on the fly. Whoever is connected hears of them.
  void set_levels(std::string const& rules) { levels_.set_base(rules); }

  void set_epoch(std::uint64_t epoch) { facts_.epoch = epoch; }
  /// A flush is waiting that wants what was received up to here committed.
  bool wants_commit() const noexcept { return wants_commit_; }
  void commit_ordered() noexcept { wants_commit_ = false; }
  /// Something is owed that could not be given yet.
  bool owes() const noexcept { return owes_; }
  std::uint64_t bad_frames() const noexcept { return bad_frames_; }

 private:
  struct PendingFlush {
    std::string route;
    std::uint64_t token;
    std::optional<std::uint64_t> block;  // the last one it waits for; set when this turn's batches are in
  };

  bool may(std::string const& route, delivery::Control const& message, std::string_view user);
  void on_hello(std::string const& route, delivery::Hello const& hello, std::int64_t now);
  void on_flush(std::string const& route, std::uint64_t token);
  void on_bye(std::string const& route, delivery::Bye bye, std::int64_t now);
  void on_report(std::string const& route, delivery::Report const& report, std::int64_t now);
  void on_info(std::string const& route, std::int64_t last_id);
  void on_ask_status(std::string const& route, delivery::AskStatus const& question);

  Sent answer(std::string const& route, delivery::Control const& message);
  bool give_owed(ConnectedPublisher& publisher);
  bool give_acks(ConnectedPublisher& publisher);
  bool give_resends(ConnectedPublisher& publisher);
  bool give_window(ConnectedPublisher& publisher);
  void told(ConnectedPublisher& publisher, std::uint64_t window);
  void answer_flushes(std::uint64_t received, std::uint64_t committed);
  void answer_byes();
  bool give_rules(ConnectedPublisher& publisher, std::string const& rules);
  void gone(ConnectedPublisher& publisher);
  std::uint64_t report_every() const noexcept;
  std::uint64_t window() const noexcept;

  Facts facts_;
  delivery::ReceiverLedger& ledger_;
  PublisherTable& publishers_;
  OwnLog& log_;
  Send const send_;
  Clock const wall_;
  LevelControl levels_;
  Admission* admission_ = nullptr;
  Describe describe_;
  std::deque<PendingFlush> flushes_;
  bool waiting_ = false;
  bool windows_owed_ = false;
  std::uint64_t widest_told_ = 0;  // window, since all were told
  bool byes_to_check_ = false;
  bool wants_commit_ = false;
  bool owes_ = false;
  std::uint64_t bad_frames_ = 0;
  std::uint64_t missed_ = 0;  // by viewers
};

}  // namespace logboom::collector
