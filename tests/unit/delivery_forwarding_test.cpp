// A worker, two collectors of which one forwards to the other, and faults everywhere: deaths of each of the three at any step, cut connections with what was in them lost or
// late, a worker that turns from one collector to the other. Whatever the schedule, the hub has every record exactly once, and in order where all of them go one way.
// Every schedule follows from its seed: LOGBOOM_SIMULATION_SEED=n replays one, LOGBOOM_SIMULATION_SCHEDULES=n runs more.
#include "delivery/receiver_ledger.hpp"
#include "delivery/sender_window.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace logboom::delivery {
namespace {

enum class Mutation {
  kNone,
  kAdmitEverything,    // the hub does not look at what is in a frame
  kForgetMissing,      // what is missing is not kept with the ledger
  kCommitBeforeSpool,  // a death in between leaves more in the store than in the spool
  kForgetFramesSent,   // frames are released when they are sent
};

constexpr std::int64_t kFaultsEnd = 2'000;
constexpr std::int64_t kPatience = 120'000;
constexpr PublisherId kWorker{std::byte{1}};
constexpr PublisherId kForwarder{std::byte{2}};

using Range = ReceiverLedger::Lost;

/// What travels: of the worker's stream [first, end), or frame number `first` of the forwarder with what it settles.
struct Parcel {
  PublisherId publisher;
  std::uint64_t stream = 0, base = 0, first = 0, end = 0;
  std::vector<Range> records;  // of a frame
  std::vector<Range> found;    // of a frame: what the host's ledger took for lost
  std::int64_t arrives = 0;
};

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : random_(seed) {}
  std::uint64_t pick(std::uint64_t bound) { return random_() % bound; }
  bool chance(double probability) { return std::uniform_real_distribution<>(0, 1)(random_) < probability; }
  std::int64_t upto(std::uint64_t bound) { return static_cast<std::int64_t>(pick(bound)); }
  std::uint64_t any() { return random_(); }

 private:
  std::mt19937_64 random_;
};

/// A collector: its ledger in memory, and what survives it.
class Node {
 public:
  Node(Dice& dice, Mutation mutation) : dice_(&dice), mutation_(mutation) { start(); }

  bool up = true;
  std::int64_t back = 0;  // when it comes again
  std::uint64_t epoch = 0;

  void start() {
    up = true;
    epoch = dice_->any() | 1;
    ledger = ReceiverLedger(1000);
    std::vector<Progress> rows;
    for (auto const& [key, row] : rows_) rows.push_back(row);
    ledger.load(rows);
  }
  void die(std::int64_t now) {
    up = false;
    back = now + dice_->upto(300);
    pending_.clear();
  }

  /// What a commit would store, in order.
  struct Taken {
    std::vector<Range> records, lost;
    std::vector<Range> found;  // of those lost: by a ledger
    std::vector<Range> arrived;
    std::vector<Progress> progress;
  };

  std::optional<Resend> take(Parcel const& parcel, std::int64_t now) {
    using Kind = ReceiverLedger::Verdict::Kind;
    auto const verdict =
        ledger.offer(parcel.publisher, parcel.stream, parcel.base, parcel.first, parcel.end, now);
    if (verdict.kind == Kind::kAskAgain) return Resend{epoch, {{parcel.stream, verdict.from}}};
    if (verdict.kind != Kind::kTake) return std::nullopt;
    Taken taken;
    if (parcel.publisher == kWorker) {
      if (verdict.lost) taken.found.push_back(*verdict.lost);
      if (verdict.given_up) problem = "a range was given up";
      taken.records.push_back({verdict.from, parcel.end - 1});
      taken.progress.push_back(ledger.progress(kWorker, 0));
    } else {
      for (auto const& range : parcel.found) admit(range, taken, true);
      for (auto const& range : parcel.records) admit(range, taken, false);
      taken.progress.push_back(ledger.progress(parcel.publisher, parcel.stream));
    }
    pending_.push_back(std::move(taken));
    return std::nullopt;
  }

  /// @param death what to do between the steps; true: the process dies there
  void commit(std::function<bool(std::vector<Taken> const&)> const& before) {
    if (pending_.empty()) return;
    if (before(pending_)) return;
    std::vector<Progress> progress;
    for (auto& taken : pending_) {
      for (auto const& range : taken.arrived) erase(declared, range);
      for (auto const& range : taken.found) insert(declared, range);
      for (auto const& range : taken.records) {
        for (auto n = range.first; n <= range.last; ++n) {
          if (++stored[n] > 1 && problem.empty())
            problem = "record " + std::to_string(n) + " was stored twice";
          if (n < highest) ordered = false;
          highest = std::max(highest, n);
        }
      }
      for (auto& row : taken.progress) {
        if (mutation_ == Mutation::kForgetMissing) row.missing.clear();
        auto const key = std::pair(row.publisher, row.stream);
        if (!rows_.contains(key) || row.last >= rows_[key].last) rows_[key] = row;
        progress.push_back(row);
      }
    }
    pending_.clear();
    ledger.commit(progress);
  }

  void write_row(Progress const& row) { rows_[{row.publisher, row.stream}] = row; }
  std::optional<Progress> row(PublisherId const& id, std::uint64_t stream) const {
    auto const at = rows_.find({id, stream});
    return at == rows_.end() ? std::nullopt : std::optional(at->second);
  }
  bool busy() const { return pending_.size() > 60; }

  ReceiverLedger ledger;
  std::map<std::uint64_t, int> stored;    // number: how often
  std::map<std::uint64_t, int> declared;  // lost, as far as known
  std::uint64_t highest = 0;
  bool ordered = true;
  std::string problem;

 private:
  void admit(Range const& range, Taken& taken, bool found) {
    auto admission = ledger.admit(kWorker, 0, range.first, range.last);
    if (mutation_ == Mutation::kAdmitEverything) admission.take = {range};
    if (admission.given_up) problem = "a range was given up";
    taken.arrived.insert(taken.arrived.end(), admission.arrived.begin(), admission.arrived.end());
    for (auto const& one : admission.take) {
      (found ? taken.found : taken.records).push_back(one);
      if (found) (void)ledger.lose(kWorker, 0, one.first, one.last);
    }
    if (!admission.take.empty()) taken.progress.push_back(ledger.progress(kWorker, 0));
  }
  static void insert(std::map<std::uint64_t, int>& set, Range const& range) {
    for (auto n = range.first; n <= range.last; ++n) set[n] = 1;
  }
  static void erase(std::map<std::uint64_t, int>& set, Range const& range) {
    for (auto n = range.first; n <= range.last; ++n) set.erase(n);
  }

  Dice* dice_;
  Mutation mutation_;
  std::vector<Taken> pending_;
  std::map<std::pair<PublisherId, std::uint64_t>, Progress> rows_;  // the store's ledger
};

/// A sender's connection to a collector: what is on its way, and what is lost when it is cut.
class Line {
 public:
  explicit Line(Dice& dice) : dice_(&dice) {}

  std::unique_ptr<SenderWindow> window;
  Node* to = nullptr;

  void begin(std::int64_t now) {
    window = std::make_unique<SenderWindow>();
    cut(now, false);
  }
  void turn_to(Node* node, std::int64_t now) {
    if (to == node) return;
    cut(now, true);
    to = node;
    window->change_collector();
  }
  void cut(std::int64_t now, bool late) {
    push_.clear();
    lose_pipe(now, late);
    up_.clear();
    down_.clear();
    if (connected_) window->disconnected();
    connected_ = false;
    again_ = now + dice_->upto(100);
  }
  /// The other end is gone: nothing of it arrives any more.
  void gone(Node const* node, std::int64_t now) {
    std::erase_if(stray_, [&](auto const& entry) { return entry.first == node; });
    if (to == node) cut(now, false);
  }

  void step(PublisherId const& who, std::int64_t now, std::function<std::optional<Parcel>()> const& next) {
    if (!connected_ && to->up && now >= again_) {
      connected_ = true;
      window->connected(now);
    }
    while (!down_.empty() && down_.front().second <= now) {
      hear(down_.front().first, now);
      down_.pop_front();
    }
    if (window->rewound()) {
      push_.clear();
      lose_pipe(now, true);
    }
    if (connected_ && window->hello_due(now)) {
      window->said_hello(now);
      up_.emplace_back(Hello{1, {who, "", 0, "", 0}, window->hello_streams()}, now + dice_->upto(6));
    }
    while (push_.size() < 8 && window->may_send()) {
      auto parcel = next();
      if (!parcel) break;
      SenderWindow::Range const range[] = {{parcel->stream, parcel->first, parcel->end}};
      window->sent(range, 1000, now);
      push_.push_back(std::move(*parcel));
    }
    while (connected_ && !push_.empty() && pipe_.size() < 30) {
      auto const earliest = pipe_.empty() ? now : pipe_.back().arrives;
      push_.front().arrives = std::max(earliest, now + dice_->upto(8));
      pipe_.push_back(std::move(push_.front()));
      push_.pop_front();
    }
  }

  /// The collectors read.
  void deliver(std::vector<Node*> const& nodes, std::int64_t now) {
    for (Node* const node : nodes) {
      if (!node->up) continue;
      for (auto at = stray_.begin(); at != stray_.end();) {
        if (at->first != node || at->second.arrives > now) {
          ++at;
          continue;
        }
        receive(*node, at->second, now);
        at = stray_.erase(at);
      }
    }
    if (!to->up) return;
    while (!up_.empty() && up_.front().second <= now) {
      greet(std::get<Hello>(up_.front().first), now);
      up_.pop_front();
    }
    while (!pipe_.empty() && pipe_.front().arrives <= now && !to->busy()) {
      receive(*to, pipe_.front(), now);
      pipe_.pop_front();
    }
  }
  void acknowledge(PublisherId const& who, std::int64_t now) {
    if (!connected_ || !to->up) return;
    Ack ack{to->epoch, room(), {}};
    for (auto const& stream : window->hello_streams())
      ack.streams.push_back(to->ledger.state(who, stream.stream));
    for (std::size_t i = 0; i < ack.streams.size(); ++i)
      ack.streams[i].stream = window->hello_streams()[i].stream;
    write(std::move(ack), now);
  }

 private:
  std::uint64_t room() const { return to->busy() ? 0 : 50'000; }
  void write(Control message, std::int64_t now) {
    auto const earliest = down_.empty() ? now : down_.back().second;
    down_.emplace_back(std::move(message), std::max(earliest, now + dice_->upto(6)));
  }
  void hear(Control const& message, std::int64_t now) {
    if (auto const* welcome = std::get_if<Welcome>(&message)) window->welcome(*welcome, now);
    if (auto const* ack = std::get_if<Ack>(&message)) window->ack(*ack, now);
    if (auto const* resend = std::get_if<Resend>(&message)) window->resend(*resend, now);
  }
  void greet(Hello const& hello, std::int64_t now) {
    std::vector<std::pair<std::uint64_t, std::uint64_t>> bases;
    for (auto const& stream : hello.streams) bases.emplace_back(stream.stream, stream.base);
    write(Welcome{1, to->epoch, room(), "", to->ledger.hello(hello.publisher.id, bases)}, now);
  }
  void receive(Node& node, Parcel const& parcel, std::int64_t now) {
    auto again = node.take(parcel, now);
    if (again && connected_ && &node == to) write(std::move(*again), now);
  }
  void lose_pipe(std::int64_t now, bool late) {
    auto const survive = late ? dice_->pick(pipe_.size() + 1) : 0;
    auto const delay = dice_->upto(250);
    for (std::size_t i = 0; i < survive; ++i) {
      stray_.emplace_back(to, pipe_[i]);
      stray_.back().second.arrives = std::max(pipe_[i].arrives, now) + delay;
    }
    pipe_.clear();
  }

  Dice* dice_;
  bool connected_ = false;
  std::int64_t again_ = 0;
  std::deque<Parcel> push_, pipe_;
  std::deque<std::pair<Node*, Parcel>> stray_;
  std::deque<std::pair<Control, std::int64_t>> up_, down_;
};

class Simulation {
 public:
  Simulation(std::uint64_t seed, Mutation mutation)
      : dice_(seed), mutation_(mutation), host_(dice_, mutation), hub_(dice_, mutation), turns_(seed % 2 == 0) {
    worker_.begin(0);
    worker_.to = &host_;
    worker_.window->open_stream(0, 1);
    forward_.to = &hub_;
    begin_forwarding();
  }

  std::string run() {
    for (; now_ < kFaultsEnd + kPatience; now_ += 1 + dice_.upto(4)) {
      if (now_ < kFaultsEnd) {
        head_ += dice_.chance(0.3) ? dice_.pick(20) : 0;
        faults();
      } else if (done()) {
        return verify();
      }
      revive();
      step();
      for (auto const* node : {&host_, &hub_}) {
        if (!node->problem.empty()) return node->problem;
      }
      if (!problem_.empty()) return problem_;
    }
    return "not everything was at the hub two minutes after the faults had ended";
  }
  std::uint64_t faults_done() const { return faults_; }

 private:
  struct Frame {
    std::uint64_t stream = 0, number = 0;
    std::vector<Range> records, found;
  };

  // --- the host's spool

  void begin_forwarding() {
    stream_ += 2;
    last_frame_ = published_ = 0;
    host_.write_row({kForwarder, stream_, 0});
    forward_.begin(now_);
    sending_ = 0;
  }
  /// A death of the host: frames of which no transaction tells are taken back.
  void restart_host() {
    host_.start();
    std::erase_if(frames_, [&](Frame const& frame) {
      auto const row = host_.row(kForwarder, frame.stream);
      return row && frame.number > row->last;
    });
    begin_forwarding();
  }
  void commit_host() {
    auto append = [&](std::vector<Node::Taken> const& group) {
      for (auto const& taken : group) {
        Frame frame{stream_, ++last_frame_, taken.records, taken.found};
        if (mutation_ == Mutation::kCommitBeforeSpool && dice_.chance(0.02)) continue;
        frames_.push_back(std::move(frame));
      }
      if (!dice_.chance(now_ < kFaultsEnd ? 0.01 : 0)) return false;
      kill_host();  // between the spool and the store
      return true;
    };
    host_.commit(append);
    if (!host_.up) return;
    published_ = last_frame_;
    host_.write_row({kForwarder, stream_, last_frame_});
  }
  std::optional<Parcel> next_frame() {
    auto& window = *forward_.window;
    while (!frames_.empty() && sending_ != 0 && frames_.front().stream == sending_ &&
           frames_.front().number <= window.committed(sending_))
      frames_.pop_front();
    auto const oldest = frames_.empty() ? stream_ : frames_.front().stream;
    if (oldest != sending_) {
      if (sending_ != 0 && !window.close_stream(sending_)) return std::nullopt;
      window.open_stream(oldest, frames_.empty() ? last_frame_ + 1 : frames_.front().number);
      sending_ = oldest;
    }
    if (window.refused(sending_)) return std::nullopt;
    auto const number = window.cursor(sending_);
    for (auto at = frames_.begin(); at != frames_.end(); ++at) {
      if (at->stream != sending_ || at->number < number) continue;
      if (at->number > number) {
        if (mutation_ == Mutation::kNone) problem_ = "a frame that is not acked is gone";
        return std::nullopt;
      }
      if (sending_ == stream_ && number > published_) return std::nullopt;
      Parcel parcel{kForwarder,  sending_, window.committed(sending_) + 1, number, number + 1,
                    at->records, at->found};
      if (mutation_ == Mutation::kForgetFramesSent && dice_.chance(0.2))
        frames_.erase(frames_.begin(), at + 1);
      return parcel;
    }
    return std::nullopt;
  }

  // --- the worker

  std::optional<Parcel> next_batch() {
    auto const first = worker_.window->cursor(0);
    if (worker_.window->refused(0) || first > head_) return std::nullopt;
    return Parcel{
        kWorker, 0, worker_.window->committed(0) + 1, first, std::min(head_ + 1, first + 1 + dice_.pick(30)),
        {},      {}};
  }

  // --- what happens

  void kill_host() {
    host_.die(now_);
    worker_.gone(&host_, now_);
    forward_.cut(now_, true);
  }
  void faults() {
    auto const fault = dice_.pick(400);
    if (fault > 8) return;
    ++faults_;
    switch (fault) {
      case 0:
        if (host_.up) kill_host();
        break;
      case 1:
        hub_.die(now_);
        worker_.gone(&hub_, now_);
        forward_.gone(&hub_, now_);
        break;
      case 2: worker_.cut(now_, dice_.chance(0.5)); break;
      case 3: forward_.cut(now_, dice_.chance(0.5)); break;
      case 4:
      case 7:
      case 8:
        if (turns_) worker_.turn_to(worker_.to == &host_ ? &hub_ : &host_, now_);
        break;
      case 5: slow_until_ = now_ + dice_.upto(400); break;
      default: {  // the worker dies, and whoever finds its spool goes on
        auto const committed = worker_.window->committed(0);
        worker_.begin(now_);
        worker_.window->open_stream(0, committed + 1);
        break;
      }
    }
  }
  void revive() {
    if (!host_.up && now_ >= host_.back) restart_host();
    if (!hub_.up && now_ >= hub_.back) hub_.start();
  }
  void step() {
    worker_.step(kWorker, now_, [this] { return next_batch(); });
    worker_.deliver({&host_, &hub_}, now_);
    if (host_.up) {
      forward_.step(kForwarder, now_, [this] { return next_frame(); });
      if (dice_.chance(0.4)) {
        commit_host();
        if (worker_.to == &host_) worker_.acknowledge(kWorker, now_);
      }
    }
    forward_.deliver({&hub_}, now_);
    if (hub_.up && now_ >= slow_until_ && dice_.chance(0.4)) {
      hub_.commit([](auto const&) { return false; });
      if (worker_.to == &hub_) worker_.acknowledge(kWorker, now_);
      if (host_.up) forward_.acknowledge(kForwarder, now_);
    }
  }

  bool done() {
    if (!host_.up || !hub_.up || worker_.window->committed(0) < head_) return false;
    return std::all_of(frames_.begin(), frames_.end(), [&](Frame const& frame) {
      auto const row = hub_.row(kForwarder, frame.stream);
      return row && row->last >= frame.number;
    });
  }
  std::string verify() {
    for (std::uint64_t n = 1; n <= head_; ++n) {
      auto const times = hub_.stored.contains(n) ? hub_.stored[n] : 0;
      if (times != 1)
        return "record " + std::to_string(n) + " is at the hub " + std::to_string(times) + " times";
    }
    if (!hub_.declared.empty())
      return "record " + std::to_string(hub_.declared.begin()->first) + " is declared lost and was not";
    if (auto const row = hub_.row(kWorker, 0); row && !row->missing.empty())
      return "the hub still waits for something";
    if (!turns_ && !hub_.ordered) return "out of order at the hub";
    return {};
  }

  Dice dice_;
  Mutation mutation_;
  Node host_, hub_;
  bool turns_;  // the worker turns from one collector to the other
  Line worker_{dice_}, forward_{dice_};
  std::int64_t now_ = 0, slow_until_ = 0;
  std::uint64_t head_ = 0, faults_ = 0;
  std::deque<Frame> frames_;  // the host's spool
  std::uint64_t stream_ = 0, last_frame_ = 0, published_ = 0, sending_ = 0;
  std::string problem_;
};

std::uint64_t number_from(char const* variable, std::uint64_t otherwise) {
  char const* text = std::getenv(variable);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

TEST(ForwardingSimulation, TheHubHasEverythingOnceWhateverHappens) {
  char const* replay = std::getenv("LOGBOOM_SIMULATION_SEED");
  auto const first = replay != nullptr ? number_from("LOGBOOM_SIMULATION_SEED", 0)
                                       : (std::uint64_t{std::random_device{}()} << 16U);
  auto const schedules = replay != nullptr ? 1 : number_from("LOGBOOM_SIMULATION_SCHEDULES", 1'500);
  std::printf("%llu schedules from seed %llu\n", static_cast<unsigned long long>(schedules),
              static_cast<unsigned long long>(first));
  std::uint64_t faults = 0;
  for (std::uint64_t seed = first; seed < first + schedules; ++seed) {
    Simulation simulation(seed, Mutation::kNone);
    ASSERT_EQ(simulation.run(), "") << "replay with LOGBOOM_SIMULATION_SEED=" << seed;
    faults += simulation.faults_done();
  }
  std::printf("%llu faults\n", static_cast<unsigned long long>(faults));
  EXPECT_TRUE(schedules < 100 || faults > schedules) << "the schedules did not do what they are for";
}

class ForwardingMutant : public testing::TestWithParam<std::pair<char const*, Mutation>> {};

TEST_P(ForwardingMutant, IsCaught) {
  int caught = 0;
  constexpr int kSchedules = 100;
  for (std::uint64_t seed = 1; seed <= kSchedules; ++seed) {
    if (!Simulation(seed, GetParam().second).run().empty()) ++caught;
  }
  std::printf("caught in %d of %d schedules\n", caught, kSchedules);
  EXPECT_GT(caught, 0);
}

INSTANTIATE_TEST_SUITE_P(ForwardingSimulation, ForwardingMutant,
                         testing::Values(std::pair{"AdmitEverything", Mutation::kAdmitEverything},
                                         std::pair{"ForgetMissing", Mutation::kForgetMissing},
                                         std::pair{"CommitBeforeSpool", Mutation::kCommitBeforeSpool},
                                         std::pair{"ForgetFramesSent", Mutation::kForgetFramesSent}),
                         [](auto const& suite) { return suite.param.first; });

}  // namespace
}  // namespace logboom::delivery
