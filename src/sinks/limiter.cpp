// Sampling, rate limit, repeats. Must not know clocks or sinks.
#include "sinks/limiter.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <stdexcept>
#include <string_view>
#include <utility>

namespace logboom::sinks {
namespace {

// A name of a fixed size: call sites may have templates of 64 KiB.
void mix(std::uint64_t& name, std::uint64_t part) {
  name ^= part + 0x9e3779b97f4a7c15ULL + (name << 6U) + (name >> 2U);
}

void mix(std::uint64_t& name, std::string_view part) { mix(name, std::hash<std::string_view>{}(part)); }

LimitOptions checked(LimitOptions const& options) {
  if (options.every == 0)
    throw std::invalid_argument("every: 0 is no number of records; give 1 (all) or more");
  if (!std::isfinite(options.rate) || options.rate < 0)
    throw std::invalid_argument("rate: not a number of records a second; give 0 (any) or more");
  if (options.repeats < std::chrono::milliseconds(0))
    throw std::invalid_argument("repeats: a negative time; give 0 (all are passed on) or more");
  return options;
}

}  // namespace

Limiter::Limiter(LimitOptions const& options, std::size_t bound)
    : options_(checked(options)),
      bound_(bound),
      active_(options.every > 1 || options.rate > 0 || options.repeats > std::chrono::milliseconds(0)) {}

std::optional<std::uint64_t> Limiter::admit(Record const& record, Time now) {
  if (!active_) return 0;
  auto& key = touch(name_of(record), now);
  auto const message = std::hash<std::string_view>{}(record.message);
  if (!passes(key, message, now)) {
    ++key.suppressed;
    return std::nullopt;
  }
  key.message = message;
  key.passed = now;
  return std::exchange(key.suppressed, 0);
}

bool Limiter::passes(Key& key, std::size_t message, Time now) const {
  bool const first = key.seen == 0;
  if (key.seen++ % options_.every != 0) return false;
  if (!first && options_.repeats.count() > 0 && message == key.message && now - key.passed <= options_.repeats)
    return false;
  if (options_.rate <= 0) return true;
  auto const seconds = std::chrono::duration<double>(now - key.credited).count();
  key.credit = std::min(std::max(options_.rate, 1.0), key.credit + std::max(seconds, 0.0) * options_.rate);
  key.credited = now;
  if (key.credit < 1) return false;
  key.credit -= 1;
  return true;
}

Limiter::Key& Limiter::touch(std::uint64_t name, Time now) {
  if (auto const found = index_.find(name); found != index_.end()) {
    keys_.splice(keys_.begin(), keys_, found->second);
    return keys_.front();
  }
  if (keys_.size() >= bound_) {
    index_.erase(keys_.back().name);
    keys_.pop_back();
  }
  keys_.push_front(Key{.name = name, .credit = std::max(options_.rate, 1.0), .credited = now});
  index_.emplace(name, keys_.begin());
  return keys_.front();
}

std::uint64_t Limiter::name_of(Record const& record) const {
  std::uint64_t name = 0;
  mix(name, record.logger);
  if (options_.per == LimitOptions::Per::kLogger) return name;
  mix(name, static_cast<std::uint64_t>(static_cast<std::int64_t>(record.level)));
  mix(name, record.file);
  mix(name, record.line);
  mix(name, record.template_text);
  return name;
}

}  // namespace logboom::sinks
