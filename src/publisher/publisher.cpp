// The public face of the publisher: include/logboom/publisher.hpp.
#include <logboom/publisher.hpp>

#include "publisher/engine.hpp"
#include "publisher/settings.hpp"
#include "publisher/state.hpp"
#include "publisher/thread_rings.hpp"

#include <pthread.h>

#include <chrono>
#include <exception>
#include <memory>
#include <string>

namespace logboom {

Publisher::Publisher(PublisherOptions const& options)
    : state_(new publisher::State(publisher::resolve(options))) {
  state_->engine();
}

Publisher::~Publisher() { state_->close(state_->settings().flush_timeout); }

Logger Publisher::logger(std::string_view name) { return Logger(state_->loggers().get(name)); }

bool Publisher::flush(Milliseconds timeout) {
  auto const engine = state_->running();
  if (engine == nullptr) return true;
  return engine->flush(timeout) && state_->dropped() == 0;
}

void Publisher::level_rules(std::string_view rules) { state_->loggers().set_rules(LevelRules::parse(rules)); }

std::string Publisher::level_rules() const { return state_->loggers().rules().to_string(); }

Statistics Publisher::statistics() const {
  Statistics numbers;
  numbers.too_late = state_->too_late();
  numbers.dropped = numbers.logged = state_->dropped();
  auto const engine = state_->running();
  if (engine == nullptr) return numbers;
  publisher::Counters const& counters = engine->counters();
  numbers.dropped += counters.dropped.load(std::memory_order_relaxed);
  numbers.logged += engine->logged();
  numbers.acked = counters.acked.load(std::memory_order_relaxed);
  numbers.sent = counters.sent.load(std::memory_order_relaxed);
  numbers.resent = counters.resent.load(std::memory_order_relaxed);
  numbers.spilled = counters.spilled.load(std::memory_order_relaxed);
  numbers.overflow_bytes = counters.overflow_bytes.load(std::memory_order_relaxed);
  return numbers;
}

Status Publisher::status() const {
  Status status;
  for (delivery::Endpoint const& endpoint : state_->settings().endpoints) {
    if (!status.endpoint.empty()) status.endpoint += ',';
    status.endpoint += endpoint.text;
  }
  auto const engine = state_->running();
  if (engine == nullptr) return status;
  if (spool::Spool* const spool = engine->spool()) status.spool = spool->directory().native();
  status.memory_backed = engine->memory_backed();
  status.connected = engine->counters().connected.load(std::memory_order_relaxed);
  status.refusal = engine->refusal();
  status.problem = engine->problem();
  return status;
}

void set_thread_name(std::string_view name) {
  constexpr std::size_t kSystemBytes = 15;
  pthread_setname_np(pthread_self(), std::string(name.substr(0, kSystemBytes)).c_str());
  if (publisher::ThreadRings* const rings = publisher::ThreadRings::mine()) rings->set_name(name);
}

void set_thread_identity(std::uint64_t number, std::string_view name) {
  if (publisher::ThreadRings* const rings = publisher::ThreadRings::mine()) rings->set_identity(number, name);
}

}  // namespace logboom
