// The sinks of a collector. Must not know what a sink does.
#include "collector/sink_set.hpp"

#include "sinks/sink_options.hpp"

#include <algorithm>
#include <thread>
#include <utility>

namespace logboom::collector {

SinkSet::SinkSet(std::vector<SinkOptions> const& options, SinkSurroundings surroundings)
    : surroundings_(std::move(surroundings)) {
  members_ = prepare(options);
}

SinkSet::~SinkSet() { close(); }

void SinkSet::take(std::shared_ptr<Block const> const& block) {
  std::lock_guard const lock(mutex_);
  for (auto const& member : members_) member.sink->take(block);
}

std::vector<SinkStatus> SinkSet::status() const {
  std::vector<SinkStatus> all;
  for (auto const& member : copy()) all.push_back(member.sink->status());
  return all;
}

void SinkSet::reopen() {
  for (auto const& member : copy()) member.sink->reopen();
}

SinkSet::Members SinkSet::copy() const {
  std::lock_guard const lock(mutex_);
  return members_;
}

/// Those whose destination is new are made, which may fail; the others have none yet.
SinkSet::Members SinkSet::prepare(std::vector<SinkOptions> const& options) const {
  sinks::check_sinks(options);
  Members made;
  for (auto const& one : options) {
    if (one.type == SinkOptions::Type::kUpstream)
      continue;  // has its records before they are committed: not from here
    Member member{one, sinks::destination_of(one), nullptr};
    if (find(member.destination) == nullptr) member.sink = make_sink(one, surroundings_);
    made.push_back(std::move(member));
  }
  return made;
}

SinkSet::Member const* SinkSet::find(std::string const& destination) const {
  auto const found = std::find_if(members_.begin(), members_.end(),
                                  [&](Member const& one) { return one.destination == destination; });
  return found == members_.end() ? nullptr : &*found;
}

void SinkSet::replace(std::vector<SinkOptions> const& options) {
  std::lock_guard const once(changing_);
  auto fresh = prepare(options);
  for (auto& member : fresh) {
    if (member.sink) continue;
    auto const& old = *find(member.destination);
    member.sink = old.sink;
    if (!(old.options == member.options)) exchange(old, member);
  }
  {
    std::lock_guard const lock(mutex_);
    members_.swap(fresh);
  }
  for (auto const& old : fresh) {
    auto const* const now = find(old.destination);
    if (now == nullptr || now->sink != old.sink) old.sink->close();
  }
}

/// Where a sink cannot go on with other options its destination is let go first, for the new one to have it.
void SinkSet::exchange(Member const& old, Member& fresh) {
  if (old.sink->reconfigure(fresh.options)) return;
  old.sink->close();
  try {
    fresh.sink = make_sink(fresh.options, surroundings_);
  } catch (...) {
    auto again = std::shared_ptr<sinks::Sink>(make_sink(old.options, surroundings_));
    std::lock_guard const lock(mutex_);
    std::find_if(members_.begin(), members_.end(), [&](Member const& one) {
      return one.sink == old.sink;
    })->sink = again;
    throw;
  }
}

void SinkSet::close() {
  std::lock_guard const once(changing_);
  // At once: each may wait for a second for whoever does not read.
  std::vector<std::thread> closing;
  for (auto const& member : members_) closing.emplace_back([&member] { member.sink->close(); });
  for (auto& one : closing) one.join();
}

}  // namespace logboom::collector
