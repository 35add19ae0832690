// The loggers of one publisher: found by name, numbered, given their levels. Nodes live as long as the process.
// Must not know rings or sockets.
#pragma once

#include "publisher/chunked_table.hpp"
#include "publisher/fork.hpp"
#include "record/level_rules.hpp"

#include <logboom/detail/call_site.hpp>

#include <array>
#include <atomic>
#include <cstdint>
#include <string_view>

namespace logboom::publisher {

/// At most 65,535 names of at most 255 bytes: a longer name is cut, one name more gets the nearest ancestor's logger, at last the root's.
class Loggers {
 public:
  static constexpr std::size_t kMaxName = 255;

  Loggers(State& owner, LevelRules rules);
  Loggers(Loggers const&) = delete;
  Loggers& operator=(Loggers const&) = delete;

  /// The node of a name, made if need be. @throws std::bad_alloc
  detail::LoggerNode& get(std::string_view name);
  /// The name of a number given out; "" for another. Lock-free.
  std::string_view name(std::uint64_t id) const noexcept;
  std::uint32_t count() const noexcept { return nodes_.count(); }

  /// The publisher's own rules, and what a collector lays over them. @return whether the rules in force changed.
  bool set_rules(LevelRules rules);
  bool set_pushed(LevelRules rules);
  /// The rules in force.
  LevelRules rules() const;
  /// The publisher ends: from now on no record of these loggers takes the straight path.
  void close() noexcept;

 private:
  static constexpr std::size_t kBuckets = 1024;

  detail::LoggerNode* find(std::string_view name) const noexcept;
  detail::LoggerNode& nearest(std::string_view name) const noexcept;
  detail::LoggerNode& add(std::string_view name);
  bool apply();

  State* owner_;
  ForkLock& lock_;
  std::array<std::atomic<detail::LoggerNode*>, kBuckets> buckets_{};
  ChunkedTable<detail::LoggerNode*, 64> nodes_;  // 64 × 1,024; index = id
  // Replaced as a whole, so that a child forked amid it finds the old or the new ones.
  std::atomic<LevelRules const*> own_, pushed_{nullptr}, effective_;
  std::atomic<bool> closed_{false};
};

}  // namespace logboom::publisher
