// Adopting the spools of dead publishers. Must not know rings or the delivery protocol.
#include "collector/adoption.hpp"

#include "publisher/replay.hpp"

#include <fmt/format.h>

#include <array>
#include <exception>
#include <utility>

namespace logboom::collector {
namespace {

/// Where to connect to for what was bound.
std::string reachable(std::string const& bound) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 3> kAny{
      {{"tcp://*:", "tcp://127.0.0.1:"},
       {"tcp://0.0.0.0:", "tcp://127.0.0.1:"},
       {"tcp://[::]:", "tcp://[::1]:"}}};
  for (auto const& [any, here] : kAny) {
    if (bound.starts_with(any)) return std::string(here) + bound.substr(any.size());
  }
  return bound;
}

}  // namespace

Adoption::Adoption(std::vector<std::string> const& roots, std::string const& address, OwnLog& log)
    : roots_(roots.begin(), roots.end()), self_(delivery::parse_endpoint(reachable(address))), log_(log) {}

Adoption::~Adoption() { stop(); }

void Adoption::start() {
  thread_ = std::jthread([this](std::stop_token const& stop) { run(stop); });
}

void Adoption::stop() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
}

void Adoption::run(std::stop_token const& stop) {
  while (!stop.stop_requested()) {
    auto const began = std::chrono::steady_clock::now();
    sweep(stop);
    std::unique_lock lock(mutex_);
    looked_ = began;
    wake_.wait_for(lock, stop, kEvery, [this] { return wanted_; });
    wanted_ = false;
  }
}

bool Adoption::looked_since(std::chrono::steady_clock::time_point since) {
  std::lock_guard const lock(mutex_);
  if (looked_ && *looked_ > since) return true;
  wanted_ = true;
  wake_.notify_all();
  return false;
}

void Adoption::sweep(std::stop_token const& stop) try {
  publisher::RecoverOptions options;
  options.endpoints = {self_};
  options.report = [this](std::string_view line) { report(line); };
  options.stop = [&stop] { return stop.stop_requested(); };
  auto const found = publisher::recover(roots_, options);
  if (found.spools == 0) return;
  adopted_ += found.spools;
  log_.note(OwnLog::Kind::kAdoption, level::kInfo,
            fmt::format("adopted {} spools of dead publishers: {} records, {} of them declared lost",
                        found.spools, found.records, found.gaps));
} catch (std::exception const& error) {
  report(error.what());
}

/// A spool that cannot be read is found again by every sweep.
void Adoption::report(std::string_view line) {
  if (told_.size() >= kMaxTold) told_.clear();
  if (!told_.emplace(line).second) return;
  log_.tell(OwnLog::Kind::kAdoption, level::kWarning, fmt::format("adoption: {}", line));
}

}  // namespace logboom::collector
