// One schedule: who is there, what goes wrong and when, all of it from a seed; and whether everything is as it must be in the end.
#pragma once

#include "collector.hpp"
#include "process.hpp"
#include "publisher.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace logboom::simulation {

struct Options {
  std::uint64_t seed = 1;
  FaultSet faults;
  Mutation mutation = Mutation::kNone;
  std::vector<std::string>* history = nullptr;  // what happened, a line each
};

struct Outcome {
  std::string problem;  // empty: none
  std::uint64_t records = 0, faults = 0, deaths = 0, steps = 0, batches_lost = 0, batches_repeated = 0;
  std::int64_t recovered = 0;  // ms from the last fault until all was in order
};

class Schedule {
 public:
  static constexpr std::int64_t kPatience = 30'000;  // ms after the last fault, for all to be in order

  explicit Schedule(Options const& options);
  ~Schedule();
  Schedule(Schedule const&) = delete;
  Schedule& operator=(Schedule const&) = delete;

  Outcome run();

 private:
  /// A collector's place: its process comes and goes.
  struct Site {
    Collector::Plan plan;
    std::unique_ptr<Collector> process;
    Store* store = nullptr;
    bool fresh_next = false;
    std::int64_t back = 0;
  };
  struct Orphan {
    Identity identity;
    std::int64_t since = 0;  // adopted then
  };

  void set_up();
  Collector::Plan plan(std::string address, std::string hub);
  Store* make_store(std::string const& address);
  void begin_publisher();
  void begin_site(Site& site);
  void revive();
  Process* next();
  void reap();
  void bury(Site& site);
  void inject();
  void hurt(Fault kind);
  void kill(Process& process);
  void cut(SimulatedLink& link);
  SimulatedLink* some_link();
  Collector* some_collector();
  void end_faults();
  bool done() const;
  void verify();
  void verify_hub(Site const& hub);
  void note(std::string what) const;

  Dice dice_, fault_dice_;
  FaultSet const faults_;
  Disk disk_;
  Network network_;
  Oracle oracle_;
  World world_;
  Outcome outcome_;

  std::vector<delivery::Endpoint> endpoints_;
  Publisher::Plan publisher_plan_;
  std::vector<Site> sites_;
  std::vector<std::unique_ptr<Publisher>> publishers_;
  std::vector<std::unique_ptr<Adopter>> adopters_;
  std::vector<Orphan> orphans_;
  std::uint64_t identities_ = 0, budget_ = 0;  // publishers that may begin yet
  std::int64_t faults_end_ = 0, next_fault_ = 0, fault_every_ = 0;
  std::int64_t full_until_ = -1, no_descriptors_until_ = -1;
  std::string full_directory_;
};

}  // namespace logboom::simulation
