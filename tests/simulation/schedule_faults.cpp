// What goes wrong in a schedule, and when.
#include "schedule.hpp"

#include <algorithm>

namespace logboom::simulation {

void Schedule::inject() {
  if (full_until_ >= 0 && world_.now >= full_until_) {
    disk_.set_full(full_directory_, false);
    full_until_ = -1;
    note("the disk has room again");
  }
  if (no_descriptors_until_ >= 0 && world_.now >= no_descriptors_until_) {
    disk_.descriptors = true;
    no_descriptors_until_ = -1;
  }
  if (world_.now < next_fault_) return;
  next_fault_ = world_.now + 1 + fault_dice_.upto(2 * fault_every_);
  auto kind = static_cast<Fault>(fault_dice_.pick(static_cast<std::uint64_t>(Fault::kCount)));
  bool const networks_own =
      kind == Fault::kLoss || kind == Fault::kDuplicate || kind == Fault::kLate || kind == Fault::kBusy;
  if (networks_own && endpoints_.size() > 1) kind = Fault::kTurn;
  if (!faults_.has(kind)) return;
  ++outcome_.faults;
  hurt(kind);
}

void Schedule::hurt(Fault kind) {
  switch (kind) {
    case Fault::kCut:
      if (auto* const link = some_link()) cut(*link);
      break;
    case Fault::kHalfOpen:
      if (auto* const link = some_link()) {
        bool const up = fault_dice_.chance(0.6);
        link->half_open(up, !up || fault_dice_.chance(0.4));
      }
      break;
    case Fault::kKillPublisher:
      if (!publishers_.empty()) kill(*publishers_[fault_dice_.pick(publishers_.size())]);
      break;
    case Fault::kKillAdopter:
      if (!adopters_.empty()) kill(*adopters_[fault_dice_.pick(adopters_.size())]);
      break;
    case Fault::kKillCollector:
    case Fault::kKillHub: {
      auto& site = sites_[kind == Fault::kKillHub
                              ? 0
                              : sites_.size() - 1 - fault_dice_.pick(std::min<std::size_t>(2, sites_.size()))];
      if (site.process) kill(*site.process);
      break;
    }
    case Fault::kFreshStore: {
      auto& site = sites_[fault_dice_.pick(sites_.size())];
      if (fault_dice_.chance(0.7)) return;  // rare: it happens when somebody moves the file away
      site.fresh_next = true;
      oracle_.several_collectors = oracle_.hub_may_lead = true;
      if (sites_[0].plan.address == "hub")
        oracle_.several_ways = true;  // what it forgot may come once more, and later
      if (site.process) kill(*site.process);
      break;
    }
    case Fault::kPowerCut: {
      auto& site = sites_[fault_dice_.pick(sites_.size())];
      if (fault_dice_.chance(0.7)) return;
      note("the power of " + site.plan.address + " is cut");
      if (!site.plan.hub.empty()) oracle_.unsaid_losses = oracle_.several_ways = oracle_.hub_may_lead = true;
      if (site.process) {
        site.process->life.die();
        bury(site);
      }
      disk_.cut_power("/" + site.plan.address);
      break;
    }
    case Fault::kStop: {
      Process* process = some_collector();
      if (!publishers_.empty() && fault_dice_.chance(0.4))
        process = publishers_[fault_dice_.pick(publishers_.size())].get();
      if (process == nullptr) return;
      note(process->name() + " is stopped");
      process->stopped_until = world_.now + fault_dice_.upto(1000);
      break;
    }
    case Fault::kStoreFails:
      if (auto* const collector = some_collector())
        collector->store_fails_until = world_.now + fault_dice_.upto(800);
      break;
    case Fault::kStoreSlow:
      if (auto* const collector = some_collector())
        collector->store_slow_until = world_.now + fault_dice_.upto(800);
      break;
    case Fault::kDiskFull:
      if (full_until_ >= 0) return;
      if (sites_.size() > 1 && !sites_.back().plan.hub.empty() && fault_dice_.chance(0.6)) {
        full_directory_ = "/" + sites_.back().plan.address + "/upstream";
      } else if (!publishers_.empty()) {
        full_directory_ = publishers_[fault_dice_.pick(publishers_.size())]->identity().directory;
      } else {
        return;
      }
      note("the disk of " + full_directory_ + " is full");
      disk_.set_full(full_directory_, true);
      full_until_ = world_.now + fault_dice_.upto(600);
      break;
    case Fault::kNoDescriptors:
      disk_.descriptors = false;
      no_descriptors_until_ = world_.now + fault_dice_.upto(100);
      break;
    case Fault::kTurn:
      if (auto* const link = some_link(); link != nullptr && endpoints_.size() > 1) {
        link->cut_control();
        link->cut_push();
        link->stay_away(world_.now + 3000 + fault_dice_.upto(500));
      }
      break;
    case Fault::kLoss:
    case Fault::kDuplicate:
    case Fault::kLate:
    case Fault::kBusy:
    case Fault::kCount: --outcome_.faults; break;  // the network's own
  }
}

/// At one of its next acts; or a little later, should it do nothing.
void Schedule::kill(Process& process) {
  if (process.life.lit()) return;
  process.life.light_fuse(fault_dice_.pick(40));
  process.killed_at = world_.now + fault_dice_.upto(60);
}

void Schedule::cut(SimulatedLink& link) {
  auto const which = fault_dice_.pick(3);
  if (which != 0) link.cut_control();
  if (which != 1) link.cut_push();
  if (fault_dice_.chance(0.3)) link.stay_away(world_.now + fault_dice_.upto(400));
}

SimulatedLink* Schedule::some_link() {
  auto const& links = network_.links();
  return links.empty() ? nullptr : links[fault_dice_.pick(links.size())];
}

Collector* Schedule::some_collector() { return sites_[fault_dice_.pick(sites_.size())].process.get(); }

/// From now on everything works, and nothing more is logged.
void Schedule::end_faults() {
  note("the faults end");
  world_.faulty = world_.logging = network_.faulty = false;
  if (full_until_ >= 0) disk_.set_full(full_directory_, false);
  disk_.descriptors = true;
  for (auto& site : sites_) {
    site.fresh_next = false;
    if (site.process) site.process->store_fails_until = site.process->store_slow_until = 0;
  }
  for (auto const& publisher : publishers_) publisher->stop();
  auto const calm = [](Process& process) { process.stopped_until = 0; };
  for (auto const& publisher : publishers_) calm(*publisher);
  for (auto const& adopter : adopters_) calm(*adopter);
  for (auto& site : sites_) {
    if (site.process) calm(*site.process);
  }
}

}  // namespace logboom::simulation
