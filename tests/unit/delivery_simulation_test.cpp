// Sender window and receiver ledger against each other, over a network that loses, repeats, reorders and cuts, with collectors and publishers that die:
// whatever the schedule, every record is stored exactly once and in order, and once the faults end all of them are. Every schedule follows from its seed:
// LOGBOOM_SIMULATION_SEED=n replays one, LOGBOOM_SIMULATION_SCHEDULES=n runs more.
#include "delivery/receiver_ledger.hpp"
#include "delivery/sender_window.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <deque>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>

namespace logboom::delivery {
namespace {

/// Faults of the implementation that the oracle has to notice.
enum class Mutation {
  kNone,
  kAckBeforeCommit,
  kLedgerOutsideTransaction,
  kNoDeduplication,
  kForgetWhenSent,
  kNeverAskAgain
};

constexpr std::int64_t kFaultsEnd = 1500;   // ms
constexpr std::int64_t kPatience = 60'000;  // ms after that, for all to be stored
constexpr std::size_t kRecordBytes = 100;

struct Wire {  // a batch in transit
  struct Part {
    std::uint64_t stream, base, first, end;
  };
  std::vector<Part> parts;
  std::int64_t arrives = 0;
};

struct Letter {  // a control message in transit
  Control message;
  std::int64_t arrives = 0;
};

class Simulation {
 public:
  Simulation(std::uint64_t seed, Mutation mutation) : random_(seed), mutation_(mutation) {
    auto const streams = 1 + pick(4);
    for (std::uint64_t s = 0; s < streams; ++s) spool_[s] = {};
    loss_ = pick(3) == 0 ? 0 : static_cast<double>(pick(10)) / 200.0;
    start_collector();
    start_speaker();
  }

  /// Empty, or what went wrong.
  std::string run() {
    for (; now_ < kFaultsEnd + kPatience && problem_.empty(); now_ += 1 + static_cast<std::int64_t>(pick(4))) {
      bool const faulty = now_ < kFaultsEnd;
      if (faulty) {
        log();
        faults();
      } else {
        loss_ = 0;
        if (all_stored() && speaker_ && window_->settled()) return problem_;
      }
      network();
      collector();
      speaker();
    }
    return problem_.empty() ? "not everything was stored a minute after the faults had ended" : problem_;
  }

  std::uint64_t faults_done() const { return faults_done_; }
  std::uint64_t resent() const { return resent_ + (window_ ? window_->resent() : 0); }

 private:
  struct Held {
    std::uint64_t released = 0, head = 0;
  };  // what the spool has of a stream: (released, head]

  std::uint64_t pick(std::uint64_t bound) { return random_() % bound; }
  bool chance(double probability) { return std::uniform_real_distribution<>(0, 1)(random_) < probability; }
  void fail(std::string what) {
    if (problem_.empty()) problem_ = std::move(what) + " at " + std::to_string(now_) + " ms";
  }

  // --- publisher: the spool outlives the speakers

  void log() {
    for (auto& [stream, held] : spool_) {
      if (chance(0.3)) held.head += pick(20);
    }
  }

  void start_speaker() {
    speaker_ = true;
    window_ = std::make_unique<SenderWindow>();
    for (auto const& [stream, held] : spool_) window_->open_stream(stream, held.released + 1);
    push_.clear();
    control_up_ = false;
    control_back_ = now_ + static_cast<std::int64_t>(pick(50));
  }

  void kill_speaker() {
    speaker_ = false;
    resent_ += window_->resent();
    speaker_back_ = now_ + static_cast<std::int64_t>(pick(200));
    // What is in the kernel arrives, some of it.
    cut_data(true);
    cut_control();
  }

  void speaker() {
    if (!speaker_) {
      if (now_ >= speaker_back_) start_speaker();
      return;
    }
    while (!to_speaker_.empty() && to_speaker_.front().arrives <= now_) {
      hear(to_speaker_.front().message);
      to_speaker_.pop_front();
    }
    if (window_->rewound()) {
      push_.clear();
      cut_data(true);  // the old connection's remainder may still arrive, late
    }
    for (auto& [stream, held] : spool_)
      held.released = std::max(held.released, std::min(held.head, window_->committed(stream)));
    bool const mute = mutation_ == Mutation::kNeverAskAgain && said_hello_;
    if (control_up_ && window_->hello_due(now_) && !mute) {
      Hello hello;
      hello.streams = window_->hello_streams();
      window_->said_hello(now_);
      said_hello_ = true;
      write_letter(to_collector_, hello);
    }
    while (push_.size() < 8 && window_->may_send() && send_one()) {
    }
  }

  void hear(Control const& message) {
    if (auto const* welcome = std::get_if<Welcome>(&message)) window_->welcome(*welcome, now_);
    if (auto const* ack = std::get_if<Ack>(&message)) window_->ack(*ack, now_);
    if (auto const* resend = std::get_if<Resend>(&message);
        resend != nullptr && mutation_ != Mutation::kNeverAskAgain)
      window_->resend(*resend, now_);
  }

  bool send_one() {
    Wire batch;
    std::vector<SenderWindow::Range> ranges;
    std::size_t bytes = 0;
    for (auto& [stream, held] : spool_) {
      auto const first = window_->cursor(stream);
      if (window_->refused(stream) || first > held.head) continue;
      if (first <= held.released) return fail("the sender went back below what it had forgotten"), false;
      auto const end = std::min(held.head + 1, first + 1 + pick(30));
      auto const base = mutation_ == Mutation::kForgetWhenSent ? first : held.released + 1;
      batch.parts.push_back({stream, base, first, end});
      ranges.push_back({stream, first, end});
      bytes += (end - first) * kRecordBytes;
      if (chance(0.3)) break;
    }
    if (ranges.empty()) return false;
    window_->sent(ranges, bytes, now_);
    push_.push_back(std::move(batch));
    if (window_->in_flight() > SenderWindow::kMaxBatches) fail("more than 64 batches in flight");
    return true;
  }

  // --- network

  void write_letter(std::deque<Letter>& way, Control message) {
    auto const earliest = way.empty() ? now_ : way.back().arrives;
    way.push_back({std::move(message), std::max(earliest, now_ + static_cast<std::int64_t>(pick(6)))});
  }

  void network() {
    if (!control_up_ && collector_up_ && speaker_ && now_ >= control_back_) {
      control_up_ = true;
      window_->connected(now_);
    }
    if (!data_up_ && collector_up_ && now_ >= data_back_) data_up_ = true;
    // A stopped reader fills the pipe and then the PUSH queue.
    while (data_up_ && speaker_ && !push_.empty() && pipe_.size() < 30) {
      auto batch = std::move(push_.front());
      push_.pop_front();
      auto const earliest = pipe_.empty() ? now_ : pipe_.back().arrives;
      batch.arrives = std::max(earliest, now_ + static_cast<std::int64_t>(pick(8)));
      if (chance(loss_)) {  // repeated, by whatever means, some time later
        stray_.push_back(batch);
        stray_.back().arrives += static_cast<std::int64_t>(pick(300));
      }
      if (!chance(loss_)) pipe_.push_back(std::move(batch));
    }
  }

  /// The data connection breaks. `late`: what was in the kernel may still arrive, in order, whenever; the rest is lost.
  void cut_data(bool late) {
    auto const survive = late ? pick(pipe_.size() + 1) : 0;
    auto const delay = static_cast<std::int64_t>(pick(250));
    for (std::size_t i = 0; i < survive; ++i) {
      stray_.push_back(pipe_[i]);
      stray_.back().arrives = std::max(pipe_[i].arrives, now_) + delay;
    }
    pipe_.clear();
    data_up_ = false;
    data_back_ = now_ + static_cast<std::int64_t>(pick(100));
  }

  void cut_control() {
    to_collector_.clear();
    to_speaker_.resize(pick(to_speaker_.size() + 1));  // what had arrived is still read
    if (control_up_ && speaker_) window_->disconnected();
    control_up_ = false;
    control_back_ = now_ + static_cast<std::int64_t>(pick(100));
  }

  void faults() {
    auto const fault = pick(400);
    if (fault > 6) return;
    ++faults_done_;
    switch (fault) {
      case 0: crash_collector(); break;
      case 1:
        if (speaker_) kill_speaker();
        break;
      case 2: cut_data(chance(0.5)); break;
      case 3: cut_control(); break;
      case 4: stopped_until_ = now_ + static_cast<std::int64_t>(pick(900)); break;
      case 5: slow_until_ = now_ + static_cast<std::int64_t>(pick(600)); break;
      default: fail_transaction(); break;
    }
  }

  // --- collector

  void start_collector() {
    collector_up_ = true;
    epoch_ = random_();
    ledger_ = ReceiverLedger(1000);
    std::vector<Progress> rows;
    for (auto const& [stream, last] : ledger_rows_) rows.push_back({kId, stream, last});
    ledger_.load(rows);
    known_ = false;
  }

  void crash_collector() {
    if (!collector_up_) return;
    collector_up_ = false;
    collector_back_ = now_ + static_cast<std::int64_t>(pick(300));
    pending_.clear();
    stray_.clear();
    cut_data(false);
    cut_control();
  }

  void fail_transaction() {
    pending_.clear();
    ledger_.roll_back();
  }

  void collector() {
    if (!collector_up_) {
      if (now_ >= collector_back_) start_collector();
      return;
    }
    if (now_ < stopped_until_) return;
    while (!to_collector_.empty() && to_collector_.front().arrives <= now_) {
      if (auto const* hello = std::get_if<Hello>(&to_collector_.front().message)) greet(*hello);
      to_collector_.pop_front();
    }
    take_from(stray_);
    take_from(pipe_);
    if (now_ >= slow_until_ && chance(0.4)) commit();
  }

  std::uint64_t room() const { return pending_.size() > 60 ? 0 : 20'000; }

  void greet(Hello const& hello) {
    known_ = true;
    std::vector<std::pair<std::uint64_t, std::uint64_t>> bases;
    for (auto const& stream : hello.streams) bases.emplace_back(stream.stream, stream.base);
    Welcome welcome;
    welcome.epoch = epoch_;
    welcome.window = room();
    welcome.streams = ledger_.hello(kId, bases);
    write_letter(to_speaker_, welcome);
  }

  void take_from(std::deque<Wire>& way) {
    // Strays come from several dead connections: in no order.
    std::vector<Wire> arrived;
    for (auto at = way.begin(); at != way.end() && (&way == &stray_ || at->arrives <= now_);) {
      if (pending_.size() + arrived.size() > 80) break;  // not read: the store is behind
      if (at->arrives > now_) {
        ++at;
        continue;
      }
      arrived.push_back(std::move(*at));
      at = way.erase(at);
    }
    for (auto const& batch : arrived) take(batch);
  }

  void take(Wire const& batch) {
    using Kind = ReceiverLedger::Verdict::Kind;
    Resend again{epoch_, {}};
    for (auto const& part : batch.parts) {
      auto verdict = ledger_.offer(kId, part.stream, part.base, part.first, part.end, now_);
      if (mutation_ == Mutation::kNoDeduplication) verdict = {Kind::kTake, part.first, {}};
      if (verdict.lost) fail("records were declared lost that were not");
      if (verdict.kind == Kind::kTake) pending_.push_back({part.stream, part.base, verdict.from, part.end});
      if (verdict.kind == Kind::kAskAgain) again.expected.emplace_back(part.stream, verdict.from);
    }
    if (known_ && control_up_ && !again.expected.empty()) write_letter(to_speaker_, again);
    if (mutation_ == Mutation::kAckBeforeCommit) acknowledge(true);
  }

  void commit() {
    std::vector<Progress> progress;
    for (auto const& part : pending_) {
      auto& stored = stored_[part.stream];
      if (part.first != stored + 1)
        return fail("stored twice, or out of order, or with a hole: " + std::to_string(part.first) +
                    " after " + std::to_string(stored));
      stored = part.end - 1;
      progress.push_back({kId, part.stream, part.end - 1});
    }
    pending_.clear();
    ledger_.commit(progress);
    // The ledger's rows are in the same transaction as the records; the mutation writes them some time later.
    if (mutation_ != Mutation::kLedgerOutsideTransaction || chance(0.5)) {
      for (auto const& row : progress)
        ledger_rows_[row.stream] = std::max(ledger_rows_[row.stream], row.last);
    }
    acknowledge(false);
  }

  void acknowledge(bool early) {
    if (!known_ || !control_up_) return;
    Ack ack{epoch_, room(), {}};
    for (auto const& [stream, held] : spool_) {
      auto state = ledger_.state(kId, stream);
      if (early) state.committed = state.expected - 1;
      ack.streams.push_back(state);
    }
    write_letter(to_speaker_, ack);
  }

  bool all_stored() {
    return std::all_of(spool_.begin(), spool_.end(),
                       [&](auto const& entry) { return stored_[entry.first] == entry.second.head; });
  }

  static constexpr PublisherId kId{std::byte{1}};

  std::mt19937_64 random_;
  Mutation mutation_;
  double loss_ = 0;
  std::int64_t now_ = 0;
  std::string problem_;
  std::uint64_t faults_done_ = 0, resent_ = 0;

  std::map<std::uint64_t, Held> spool_;
  bool speaker_ = false, said_hello_ = false;
  std::int64_t speaker_back_ = 0;
  std::unique_ptr<SenderWindow> window_;
  std::deque<Wire> push_;

  bool data_up_ = false, control_up_ = false;
  std::int64_t data_back_ = 0, control_back_ = 0;
  std::deque<Wire> pipe_, stray_;
  std::deque<Letter> to_collector_, to_speaker_;

  bool collector_up_ = false, known_ = false;
  std::int64_t collector_back_ = 0, stopped_until_ = 0, slow_until_ = 0;
  std::uint64_t epoch_ = 0;
  ReceiverLedger ledger_;
  std::vector<Wire::Part> pending_;
  std::map<std::uint64_t, std::uint64_t> ledger_rows_, stored_;  // what survives the collector
};

std::uint64_t number_from(char const* variable, std::uint64_t otherwise) {
  char const* text = std::getenv(variable);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

TEST(DeliverySimulation, ExactlyOnceInOrderWhateverHappens) {
  char const* replay = std::getenv("LOGBOOM_SIMULATION_SEED");
  auto const first = replay != nullptr ? number_from("LOGBOOM_SIMULATION_SEED", 0)
                                       : (std::uint64_t{std::random_device{}()} << 16U);
  auto const schedules = replay != nullptr ? 1 : number_from("LOGBOOM_SIMULATION_SCHEDULES", 2500);
  std::printf("%llu schedules from seed %llu\n", static_cast<unsigned long long>(schedules),
              static_cast<unsigned long long>(first));
  std::uint64_t faults = 0;
  std::uint64_t resent = 0;
  for (std::uint64_t seed = first; seed < first + schedules; ++seed) {
    Simulation simulation(seed, Mutation::kNone);
    auto const problem = simulation.run();
    ASSERT_EQ(problem, "") << "replay with LOGBOOM_SIMULATION_SEED=" << seed;
    faults += simulation.faults_done();
    resent += simulation.resent();
  }
  std::printf("%llu faults, %llu records sent again\n", static_cast<unsigned long long>(faults),
              static_cast<unsigned long long>(resent));
  EXPECT_TRUE(schedules < 100 || faults > schedules) << "the schedules did not do what they are for";
}

class Mutant : public testing::TestWithParam<std::pair<char const*, Mutation>> {};

TEST_P(Mutant, IsCaught) {
  int caught = 0;
  constexpr int kSchedules = 150;
  for (std::uint64_t seed = 1; seed <= kSchedules; ++seed) {
    if (!Simulation(seed, GetParam().second).run().empty()) ++caught;
  }
  std::printf("caught in %d of %d schedules\n", caught, kSchedules);
  EXPECT_GT(caught, 0);
}

INSTANTIATE_TEST_SUITE_P(DeliverySimulation, Mutant,
                         testing::Values(std::pair{"AckBeforeCommit", Mutation::kAckBeforeCommit},
                                         std::pair{"LedgerOutsideTransaction",
                                                   Mutation::kLedgerOutsideTransaction},
                                         std::pair{"NoDeduplication", Mutation::kNoDeduplication},
                                         std::pair{"ForgetWhenSent", Mutation::kForgetWhenSent},
                                         std::pair{"NeverAskAgain", Mutation::kNeverAskAgain}),
                         [](auto const& suite) { return suite.param.first; });

}  // namespace
}  // namespace logboom::delivery
