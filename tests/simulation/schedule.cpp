// See schedule.hpp: the life of a schedule. What goes wrong in it is in schedule_faults.cpp.
#include "schedule.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <system_error>
#include <utility>

namespace logboom::simulation {

namespace {

delivery::Endpoint endpoint(std::string const& name) { return {name, name, name, name}; }

}  // namespace

Schedule::Schedule(Options const& options)
    : dice_(options.seed),
      fault_dice_(options.seed ^ 0xfa01'7000'0000'0000U),
      faults_(options.faults),
      disk_(dice_),
      network_(dice_, faults_),
      world_{.dice = dice_,
             .faults = faults_,
             .disk = disk_,
             .network = network_,
             .oracle = oracle_,
             .mutation = options.mutation,
             .stores = {},
             .note = {}} {
  if (options.history != nullptr) {
    world_.note =
        network_.note = [this, history = options.history](std::string const& who, std::string const& what) {
          history->push_back(fmt::format("{:>6} ms  {:<5} {}", world_.now, who, what));
        };
  }
  set_up();
}

Schedule::~Schedule() = default;

void Schedule::note(std::string what) const {
  if (world_.note) world_.note("***", std::move(what));
}

Collector::Plan Schedule::plan(std::string address, std::string hub) {
  Collector::Plan made;
  made.address = std::move(address);
  made.hub = std::move(hub);
  made.waits = dice_.chance(0.3);
  made.queue_bytes = std::size_t{32} << (10 + dice_.pick(5));
  if (dice_.chance(0.2)) made.streams = 4 + dice_.pick(6) + (made.hub.empty() ? 0U : 2U);
  if (dice_.chance(0.1)) made.publishers = 1 + dice_.pick(3);
  return made;
}

void Schedule::set_up() {
  std::vector<std::pair<std::string, std::string>> places;  // address, hub
  std::vector<std::string> named;                           // by publishers
  switch (dice_.pick(10)) {
    case 0:
    case 1: places = {{"a", ""}, {"b", ""}}, named = {"a", "b"}; break;
    case 2:
    case 3: places = {{"hub", ""}, {"a", "hub"}}, named = {"a"}; break;
    case 4: places = {{"hub", ""}, {"a", "hub"}, {"b", "hub"}}, named = {"a", "b"}; break;
    case 5: places = {{"hub", ""}, {"a", "hub"}}, named = {"a", "hub"}; break;
    default: places = {{"a", ""}}, named = {"a"}; break;
  }
  oracle_.several_collectors = named.size() > 1;
  oracle_.several_ways = named.size() > 1 && places[0].first == "hub";
  for (auto const& name : named) endpoints_.push_back(endpoint(name));
  for (auto const& [address, hub] : places) {
    Site site;
    site.plan = plan(address, hub);
    // A collector of less room than what all its publishers need at once refuses streams for as long as it lasts.
    if (address == "hub") site.plan.streams = 1000;
    site.store = make_store(address);
    sites_.push_back(std::move(site));
  }

  publisher_plan_.endpoints = endpoints_;
  publisher_plan_.blocks = dice_.chance(0.4);
  publisher_plan_.overflow_bytes = std::uint64_t{1} << 30U;
  publisher_plan_.eagerness = 1 + dice_.pick(8);
  if (dice_.chance(0.15)) {  // rings and overflow run full
    publisher_plan_.record_bytes = 2000 + dice_.pick(4000);
    publisher_plan_.overflow_bytes = dice_.pick(3) * 48U << 10U;
    publisher_plan_.eagerness = 2 + dice_.pick(3);
  }
  budget_ = 1 + dice_.pick(4);
  network_.loss = dice_.chance(0.5) ? 0 : static_cast<double>(dice_.pick(10)) / 100;
  network_.duplication = dice_.chance(0.5) ? 0 : static_cast<double>(dice_.pick(10)) / 100;
  faults_end_ = 200 + dice_.upto(named.size() > 1 ? 4500 : 800);
  fault_every_ = 30 + dice_.upto(200);
  next_fault_ = fault_dice_.upto(fault_every_);
  for (auto first = 1 + dice_.pick(2); first > 0 && budget_ > 0; --first) begin_publisher();
  for (auto& site : sites_) begin_site(site);
}

Store* Schedule::make_store(std::string const& address) {
  auto const mutation = world_.mutation;
  Store::Mutations const mutations{mutation == Mutation::kLedgerOutsideTransaction,
                                   mutation == Mutation::kGapNotPersisted,
                                   mutation == Mutation::kMissingNotPersisted};
  world_.stores.push_back(std::make_unique<Store>(oracle_, address, mutations, dice_));
  auto* const made = world_.stores.back().get();
  bool const direct = std::any_of(endpoints_.begin(), endpoints_.end(),
                                  [&](delivery::Endpoint const& one) { return one.text == address; });
  if (address != "hub" || direct) return made;
  made->comes_after([this, made](StreamKey const& key, std::uint64_t number) {
    return std::any_of(world_.stores.begin(), world_.stores.end(), [&](auto const& store) {
      return store->name() != made->name() && store->fate(key, number) == Store::Fate::kStored;
    });
  });
  return made;
}

void Schedule::begin_publisher() {
  --budget_;
  auto plan = publisher_plan_;
  plan.streams = 1 + dice_.pick(3);
  auto publisher = std::make_unique<Publisher>(world_, Identity::make(++identities_), std::move(plan));
  publisher->next_step = world_.now + dice_.upto(5);
  publishers_.push_back(std::move(publisher));
}

void Schedule::begin_site(Site& site) {
  if (std::exchange(site.fresh_next, false)) {
    site.store = make_store(site.plan.address);
    note(site.plan.address + " has a new, empty store");
  }
  auto plan = site.plan;
  if (world_.faulty && faults_.has(Fault::kKillCollector) && fault_dice_.chance(0.15))
    plan.fuse = 1 + fault_dice_.pick(12);
  try {
    site.process = std::make_unique<Collector>(world_, plan, *site.store);
    site.process->next_step = world_.now;
    if (site.process->life.dead()) bury(site);
  } catch (std::system_error const& error) {
    Life::running = nullptr;
    note(site.plan.address + " cannot begin: " + error.what());
    site.back = world_.now + 100;
  }
}

Outcome Schedule::run() {
  while (oracle_.problem.empty() && world_.now < faults_end_ + kPatience) {
    if (world_.faulty && world_.now >= faults_end_) end_faults();
    revive();
    if (!world_.faulty && done()) break;
    if (world_.faulty) inject();
    auto* const process = next();
    network_.now = disk_.now = world_.now;
    network_.advance();
    if (process != nullptr) {
      ++outcome_.steps;
      Life::running = &process->life;
      bool const worked = process->step(world_.now);
      Life::running = nullptr;
      if (world_.now >= process->killed_at) process->life.die();
      process->next_step = world_.now + 1 + (worked || world_.logging ? dice_.upto(11) : 10);
    }
    reap();
  }
  if (oracle_.problem.empty()) verify();
  outcome_.problem = oracle_.problem;
  outcome_.records = oracle_.count();
  outcome_.batches_lost = network_.lost;
  outcome_.batches_repeated = network_.repeated;
  outcome_.recovered = world_.now - faults_end_;
  if (!outcome_.problem.empty()) note(outcome_.problem);
  return outcome_;
}

/// Whose step comes next; the time is that of it. Nobody's: the time goes on a little.
Process* Schedule::next() {
  Process* found = nullptr;
  std::int64_t due = world_.now + 20;
  auto const consider = [&](Process& process) {
    auto const at =
        std::max({std::min(process.next_step, process.next_arrival()), process.stopped_until, world_.now});
    if (at < due || (at == due && found == nullptr)) due = at, found = &process;
  };
  // One after the other has the first say, so that of two with the same time each comes first now and then.
  auto const turn = dice_.pick(3);
  for (auto i = turn; i < turn + 3; ++i) {
    if (i % 3 == 0) {
      for (auto const& publisher : publishers_) consider(*publisher);
    } else if (i % 3 == 1) {
      for (auto const& adopter : adopters_) consider(*adopter);
    } else {
      for (auto const& site : sites_) {
        if (site.process) consider(*site.process);
      }
    }
  }
  world_.now = due;
  return found;
}

/// Who is due comes back, or takes up what the dead left.
void Schedule::revive() {
  for (auto& site : sites_) {
    if (!site.process && world_.now >= site.back) begin_site(site);
  }
  if (world_.logging && budget_ > 0 && publishers_.empty()) begin_publisher();
  for (std::size_t i = 0; i < orphans_.size(); ++i) {
    if (world_.now < orphans_[i].since) continue;
    if (!disk_.has(orphans_[i].identity.directory)) {
      orphans_.erase(orphans_.begin() + static_cast<std::ptrdiff_t>(i--));
      continue;
    }
    try {
      auto adopter = std::make_unique<Adopter>(world_, orphans_[i].identity, endpoints_);
      adopter->next_step = world_.now + 1;
      adopters_.push_back(std::move(adopter));
      orphans_.erase(orphans_.begin() + static_cast<std::ptrdiff_t>(i--));
    } catch (std::system_error const&) {
      disk_.thaw(orphans_[i].identity.directory);
      orphans_[i].since = world_.now + 100;
    }
  }
}

/// The dead, and those that came to their end.
void Schedule::reap() {
  auto const leave = [&](Identity const& identity) {
    disk_.thaw(identity.directory);
    if (disk_.has(identity.directory)) orphans_.push_back({identity, world_.now + dice_.upto(300)});
  };
  for (std::size_t i = 0; i < publishers_.size(); ++i) {
    if (!publishers_[i]->life.dead() && !publishers_[i]->over()) continue;
    if (publishers_[i]->life.dead()) ++outcome_.deaths, note(publishers_[i]->name() + " dies");
    auto const identity = publishers_[i]->identity();
    publishers_.erase(publishers_.begin() + static_cast<std::ptrdiff_t>(i--));
    leave(identity);
  }
  for (std::size_t i = 0; i < adopters_.size(); ++i) {
    if (!adopters_[i]->life.dead() && !adopters_[i]->done()) continue;
    if (adopters_[i]->life.dead()) ++outcome_.deaths, note(adopters_[i]->name() + " dies");
    auto const identity = adopters_[i]->identity();
    adopters_.erase(adopters_.begin() + static_cast<std::ptrdiff_t>(i--));
    leave(identity);
  }
  for (auto& site : sites_) {
    if (site.process && site.process->life.dead()) bury(site);
  }
}

void Schedule::bury(Site& site) {
  ++outcome_.deaths;
  note(site.plan.address + " dies");
  site.process.reset();
  disk_.thaw("/" + site.plan.address);
  site.back = world_.now + dice_.upto(world_.faulty ? 400 : 20);
}

bool Schedule::done() const {
  if (!publishers_.empty() || !adopters_.empty() || !orphans_.empty()) return false;
  return std::all_of(sites_.begin(), sites_.end(),
                     [](Site const& site) { return site.process && site.process->idle(); });
}

// --- in the end

void Schedule::verify() {
  if (!done()) {
    std::string who;
    for (auto const& publisher : publishers_) who += " " + publisher->name();
    for (auto const& adopter : adopters_) who += " " + adopter->name();
    for (auto const& orphan : orphans_) who += fmt::format(" ({})", orphan.identity.name);
    for (auto const& site : sites_) {
      if (!site.process || !site.process->idle()) who += " " + site.plan.address;
    }
    oracle_.fail(fmt::format("{} ms after the last fault there is still work for{}", kPatience, who));
    return;
  }
  for (auto const& store : world_.stores) store->verify();
  // Who said hello has said bye: a collector that ends with its publishers may end.
  if (auto const& last = sites_.back(); endpoints_.size() == 1 && last.process->publishers() > 0)
    oracle_.fail(fmt::format("{} still waits for the bye of {} publishers", last.plan.address,
                             last.process->publishers()));
  for (auto const& [key, logged] : oracle_.streams()) {
    for (std::uint64_t n = 1; n <= logged.dropped.size(); ++n) {
      bool const stored = std::any_of(
          world_.stores.begin(), world_.stores.end(),
          [&name = key, n](auto const& store) { return store->fate(name, n) == Store::Fate::kStored; });
      if (logged.dropped[n - 1] && stored)
        oracle_.fail(fmt::format("record {} of {} was dropped, and is stored", n, logged.name));
      if (logged.dropped[n - 1] ? !world_.durable(key, n) : !stored)
        oracle_.fail(fmt::format("record {} of {} is lost", n, logged.name));
    }
  }
  for (auto const& site : sites_) {
    if (site.plan.address == "hub") verify_hub(site);
  }
}

/// What the other collectors committed is there as well.
void Schedule::verify_hub(Site const& hub) {
  for (auto const& [key, logged] : oracle_.streams()) {
    for (std::uint64_t n = 1; n <= logged.dropped.size(); ++n) {
      bool stored = false;
      bool declared = false;
      for (auto const& store : world_.stores) {
        if (store->name() != hub.plan.address) continue;
        stored = stored || store->fate(key, n) == Store::Fate::kStored;
        declared = declared || store->fate(key, n) == Store::Fate::kDeclared;
      }
      bool const in_order = logged.dropped[n - 1] ? declared : stored || (declared && oracle_.upstream_losses);
      if (!in_order && !oracle_.unsaid_losses)
        oracle_.fail(fmt::format("record {} of {} did not come to the hub{}", n, logged.name,
                                 declared ? ", which declares it lost" : ""));
    }
  }
}

}  // namespace logboom::simulation
