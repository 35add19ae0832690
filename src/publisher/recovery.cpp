// Sweeps over spools of dead publishers.
#include "publisher/recovery.hpp"

#include "publisher/background.hpp"
#include "publisher/replay.hpp"

#include <algorithm>
#include <exception>
#include <system_error>
#include <utility>

namespace logboom::publisher {

namespace fs = std::filesystem;

RecoverOptions RecoverOptions::to(Endpoints all) {
  RecoverOptions options;
  options.destination = [all = std::move(all)](std::span<std::string const>) { return all; };
  return options;
}

Recovered Recovery::sweep(std::span<fs::path const> paths) {
  result_ = {};
  failing_.clear();
  stuck_.clear();
  for (auto const& directory : find(paths)) {
    if (stopped()) break;
    try {
      visit(directory);
    } catch (spool::SpoolError const& error) {
      ++result_.unreadable;
      report_damage(error.what());
    } catch (std::exception const& error) {
      ++result_.unreadable;
      report(error.what());
    }
  }
  failed_.swap(failing_);
  return result_;
}

/// Oldest first, but those that came to no end the last time.
std::vector<fs::path> Recovery::find(std::span<fs::path const> paths) const {
  std::vector<fs::path> found;
  for (auto const& path : paths) {
    std::error_code error;
    if (fs::exists(path / "publisher", error)) {
      found.push_back(path);
      continue;
    }
    auto const list = spool::Spool::list(path);
    found.insert(found.end(), list.begin(), list.end());
  }
  std::stable_partition(found.begin(), found.end(),
                        [&](fs::path const& directory) { return !failed_.contains(directory); });
  return found;
}

void Recovery::visit(fs::path const& directory) {
  auto const endpoints = options_.destination(spool::Spool::endpoints(directory));
  if (endpoints.empty()) {
    ++result_.others;
    return;
  }
  auto spool = spool::Spool::adopt(directory);
  if (!spool) {
    std::error_code error;
    if (fs::exists(directory, error)) ++result_.in_use;
    return;
  }
  if (stuck_[endpoints.front().text] >= kStuck) {
    ++result_.left;
    seal(*spool);
    if (failed_.contains(directory)) failing_.insert(directory);
    return;
  }
  send(*std::move(spool), endpoints);
}

/// Opening the rings does it. They may have to wait for days, in which damage to them is to be found.
void Recovery::seal(spool::Spool const& spool) {
  if (seen_.size() >= ToldOnce::kMax) seen_.clear();
  if (seen_.insert(spool.directory()).second) (void)spool.open_rings();
}

void Recovery::send(spool::Spool spool, RecoverOptions::Endpoints const& endpoints) {
  auto const directory = spool.directory();
  if (!context_) context_ = std::make_unique<zmq::context_t>(1);
  zmq_ctx_set(context_->handle(), ZMQ_BLOCKY, 0);
  failing_.insert(directory);
  Replay replay(
      *context_, std::move(spool), endpoints, options_.keys, [this](std::string_view line) { report(line); },
      [this](std::string_view line) { report_damage(line); });
  std::uint64_t committed = 0;
  bool welcomed = false;
  auto progressed = monotonic_ms();
  while (!replay.done() && !stopped()) {
    auto const now = monotonic_ms();
    auto const worked = replay.step(now);
    if (replay.committed() != committed || replay.welcomed() != welcomed) progressed = now;
    committed = replay.committed();
    welcomed = replay.welcomed();
    if (now - progressed > options_.patience.count() || !replay.refusal().empty()) break;
    if (!worked && !replay.done()) replay.wait(std::chrono::milliseconds(10));
  }
  if (!replay.refusal().empty()) result_.refusal = replay.refusal();
  result_.reached = result_.reached || replay.answered();
  result_.records += committed;
  result_.gaps += replay.gaps();
  ++(replay.done() ? result_.spools : result_.left);
  if (replay.done()) failing_.erase(directory);
  auto& stuck = stuck_[endpoints.front().text];
  stuck = replay.done() || committed > 0 ? 0 : stuck + 1;
  if (replay.answered()) return;
  stuck = kStuck;
  if (result_.silent.empty()) result_.silent = endpoints.front().text;
}

void Recovery::report_damage(std::string_view line) {
  if (!told_.first(line)) return;
  ++result_.damaged;
  if (options_.report) options_.report(line);
}

void Recovery::report(std::string_view line) {
  if (options_.report && told_.first(line)) options_.report(line);
}

}  // namespace logboom::publisher
