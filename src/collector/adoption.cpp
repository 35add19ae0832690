// Adopting the spools of dead publishers. Must not know rings or the delivery protocol.
#include "collector/adoption.hpp"

#include <fmt/format.h>

#include <array>
#include <exception>
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

}  // namespace

Adoption::Adoption(std::vector<std::string> roots, std::string const& address, OwnLog& log)
    : roots_(std::move(roots)), address_(reachable(address)), log_(log) {}

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
    busy_ = true;
    for (auto const& root : roots_) sweep(root, stop);
    busy_ = false;
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, stop, kEvery, [] { return false; });
  }
}

void Adoption::sweep(std::string const& root, std::stop_token const& stop) try {
  (void)root;
  (void)stop;
} catch (std::exception const& error) {
  log_.tell(OwnLog::Kind::kAdoption, level::kWarning, fmt::format("adoption: {}", error.what()));
}

}  // namespace logboom::collector
