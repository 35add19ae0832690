// Arguments, environment, defaults: see settings.hpp.
#include "publisher/settings.hpp"

#include "publisher/fork.hpp"
#include "spool/ring_file.hpp"
#include "spool/spool.hpp"
#include "spool/tick_clock.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstdlib>
#include <stdexcept>
#include <string_view>
#include <system_error>

namespace logboom::publisher {
namespace {

constexpr std::size_t kMinCapacity = std::size_t{128} << 10U;  // two of the longest records
constexpr std::size_t kMaxName = 255;

std::string_view environment(char const* variable) noexcept {
  char const* const value = std::getenv(variable);
  return value != nullptr ? value : "";
}

void ignore(Settings& settings, char const* variable, std::exception const& why, std::string_view instead) {
  settings.warnings.push_back(fmt::format("{} is ignored, {} is used: {}", variable, instead, why.what()));
}

void resolve_endpoint(std::string const& argument, Settings& settings) {
  if (!argument.empty()) {
    settings.endpoints = delivery::resolve_endpoints(argument);
    return;
  }
  try {
    settings.endpoints = delivery::resolve_endpoints({});
    return;
  } catch (std::invalid_argument const& e) {
    ignore(settings, environment("LOGBOOM_ENDPOINT").empty() ? "XDG_RUNTIME_DIR" : "LOGBOOM_ENDPOINT", e,
           "the default");
  }
  try {
    settings.endpoints = {delivery::parse_endpoint(delivery::default_endpoint())};
  } catch (std::invalid_argument const&) {
    settings.endpoints = {delivery::parse_endpoint(fmt::format("ipc:///tmp/logboom-{}/bus", ::getuid()))};
  }
}

/// A variable that cannot be used keeps the publisher from connecting: records must not go where no key was asked for. It is said with each attempt, and mended without a restart.
void resolve_keys(PublisherOptions const& options, Settings& settings) {
  settings.keys = curve::resolve_client_keys(options.curve_server_key, options.curve_secret);
  if (options.curve_server_key.empty() && options.curve_secret.empty()) return;
  try {
    curve::check(settings.keys, settings.endpoints.size());
  } catch (curve::KeyError const& error) {
    throw std::invalid_argument(error.what());
  }
}

void resolve_levels(std::string const& argument, Settings& settings) {
  if (!argument.empty()) {
    settings.levels = LevelRules::parse(argument);
    return;
  }
  try {
    settings.levels = LevelRules::parse(environment("LOGBOOM_LEVEL"));
  } catch (std::invalid_argument const& e) {
    ignore(settings, "LOGBOOM_LEVEL", e, "info");
  }
}

void check_clock(Settings& settings) {
  try {
    spool::check_clock_variable();
  } catch (std::invalid_argument const& e) {
    ignore(settings, "LOGBOOM_CLOCK", e, "auto");
  }
}

std::string resolve_name(std::string const& argument) {
  std::string name = argument;
  if (name.empty()) name = environment("LOGBOOM_NAME");
  if (name.empty()) name = program_invocation_short_name;
  return name.substr(0, kMaxName);
}

// Rings and overflow are made later, when the program may have changed its directory.
std::filesystem::path anchored(std::filesystem::path const& path) {
  std::error_code no_directory;
  auto made = std::filesystem::absolute(path, no_directory);
  return no_directory ? path : made;
}

void require_not_negative(Milliseconds time, std::string_view option) {
  if (time.count() < 0)
    throw std::invalid_argument(fmt::format("{}: {} ms is negative; give 0 or more", option, time.count()));
}

}  // namespace

Settings resolve(PublisherOptions const& options) {
  require_not_negative(options.block_timeout, "block_timeout");
  require_not_negative(options.flush_timeout, "flush_timeout");
  Settings settings;
  resolve_endpoint(options.endpoint, settings);
  resolve_keys(options, settings);
  resolve_levels(options.levels, settings);
  check_clock(settings);
  settings.spool_root =
      anchored(options.spool.empty() ? spool::default_root() : std::filesystem::path(options.spool));
  settings.process = resolve_name(options.name);
  settings.ring_capacity = std::bit_ceil(std::clamp(options.ring_capacity, kMinCapacity, spool::kMaxRing));
  settings.overflow_bound = options.overflow_bound;
  settings.when_full = options.when_full;
  settings.block_timeout = options.block_timeout;
  settings.flush_timeout = options.flush_timeout;
  settings.started = options.started;
  settings.generation = process_generation();
  settings.levels_changed = options.levels_changed;
  return settings;
}

std::vector<std::filesystem::path> memory_roots() {
  std::vector<std::filesystem::path> roots;
  for (std::string_view const directory : {"/dev/shm", "/tmp"})
    roots.emplace_back(fmt::format("{}/logboom-{}/spool", directory, ::getuid()));
  return roots;
}

}  // namespace logboom::publisher
