// Adopting the spools of dead publishers. Must not know rings or the delivery protocol.
#include "collector/adoption.hpp"

#include "posix/background_thread.hpp"
#include "publisher/same_bus.hpp"

#include <fmt/format.h>

#include <array>
#include <span>
#include <string_view>
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

std::vector<delivery::Endpoint> parsed(std::vector<std::string> const& addresses) {
  std::vector<delivery::Endpoint> endpoints;
  endpoints.reserve(addresses.size());
  for (auto const& address : addresses) endpoints.push_back(delivery::parse_endpoint(address));
  return endpoints;
}

}  // namespace

Adoption::Adoption(Roots const& roots, std::vector<std::string> const& addresses, curve::ClientKeys keys,
                   OwnLog& log)
    : any_(roots.any.begin(), roots.any.end()),
      own_(roots.own.begin(), roots.own.end()),
      bound_(parsed(addresses)),
      self_(delivery::parse_endpoint(reachable(addresses.front()))),
      keys_(std::move(keys)),
      log_(log) {}

Adoption::~Adoption() { stop(); }

void Adoption::start() {
  thread_ = posix::background_thread<std::jthread>("logboom-adopt",
                                                   [this](std::stop_token const& stop) { run(stop); });
}

void Adoption::stop() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
}

void Adoption::run(std::stop_token const& stop) {
  publisher::Recovery any(options(stop, false));
  publisher::Recovery own(options(stop, true));
  while (!stop.stop_requested()) {
    auto const began = std::chrono::steady_clock::now();
    tell(any.sweep(any_));
    tell(own.sweep(own_));
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

publisher::RecoverOptions Adoption::options(std::stop_token const& stop, bool only_own) {
  auto options = publisher::RecoverOptions::to({self_});
  if (only_own) {
    options.destination = [this](std::span<std::string const> recorded) {
      bool const ours = recorded.empty() || publisher::any_of_bus(recorded, bound_);
      return ours ? std::vector{self_} : std::vector<delivery::Endpoint>();
    };
  }
  options.keys = keys_;
  options.stop = [stop] { return stop.stop_requested(); };
  options.report = [this](std::string_view line) {
    log_.tell(OwnLog::Kind::kAdoption, level::kWarning, fmt::format("adoption: {}", line));
  };
  return options;
}

void Adoption::tell(publisher::Recovered const& found) {
  damage_ += found.damaged;
  if (found.spools == 0) return;
  adopted_ += found.spools;
  log_.note(OwnLog::Kind::kAdoption, level::kInfo,
            fmt::format("adopted {} spools of dead publishers: {} records, {} of them declared lost",
                        found.spools, found.records, found.gaps));
}

}  // namespace logboom::collector
