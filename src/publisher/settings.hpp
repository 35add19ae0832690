// What a publisher was asked for, put together from arguments, environment and defaults, in that order of precedence.
// Must not know what is done with it.
#pragma once

#include "curve/client_keys.hpp"
#include "delivery/endpoint.hpp"
#include "record/level_rules.hpp"

#include <logboom/publisher.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace logboom::publisher {

struct Settings {
  std::vector<delivery::Endpoint> endpoints;  // never empty; the first that answers is used
  curve::ClientKeys keys;                     // for these; none: CURVE is not spoken
  std::filesystem::path spool_root;           // directory of spools, absolute, not yet made
  std::string process;
  LevelRules levels;
  std::size_t ring_capacity = 0;  // a power of two
  std::uint64_t overflow_bound = 0;
  FullPolicy when_full = FullPolicy::kBlock;
  std::chrono::nanoseconds block_timeout{};
  std::chrono::nanoseconds flush_timeout{};
  std::int64_t started = 0;      // of the process that resolved this; 0 = when its engine is made
  std::uint64_t generation = 0;  // of that process
  Callback levels_changed;       // may be empty
  std::vector<std::string> warnings;  // of environment variables that could not be read and were ignored: one line each
};

/// @throws std::invalid_argument naming the option, the reason and the mend. Never because of the environment.
Settings resolve(PublisherOptions const& options);

/// Where spools go when the directory asked for cannot be had: /dev/shm/logboom-UID/spool, /tmp/logboom-UID/spool.
std::vector<std::filesystem::path> memory_roots();

}  // namespace logboom::publisher
