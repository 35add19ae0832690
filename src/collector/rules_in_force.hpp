// Level rules that somebody laid over running publishers (`logboom level`): which hold, for whom and until when. Bounded.
// Must not know sockets, files or the publishers themselves; times are arguments.
#pragma once

#include "delivery/collector_state.hpp"
#include "record/level_rules.hpp"

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace logboom::collector {

/// Of two rules for one logger, the one that was set later holds. All of them together lie over the collector's own rules as those lie over a publisher's: a rule replaces
/// the one for the same logger, and every rule below for loggers under it.
class RulesInForce {
 public:
  static constexpr std::size_t kMaxRules = 256;
  static constexpr std::size_t kMaxText = 24U << 10U;  // bytes of names and patterns of all of them
  static constexpr std::size_t kMaxName = 255;         // of a logger, or a pattern
  using Matching = std::bitset<kMaxRules>;             // by place in list()
  /// What a publisher is told.
  struct Told {
    std::shared_ptr<std::string const> text;  // the same object for all who are told the same
    Matching matching;                        // rules whose scope it is in
    std::uint64_t version = 0;                // of the rules; 0: it was told nothing yet
  };

  /// Of whom a rule is for. "" and "*" are everybody.
  struct Scope {
    std::string process, host;
  };

  /// @param base the collector's own rules. @throws std::invalid_argument
  explicit RulesInForce(std::string const& base) : base_(LevelRules::parse(base)) {}

  /// Other rules of the collector's own, from now on. @throws std::invalid_argument; nothing has changed then
  void set_base(std::string const& base);
  LevelRules const& base() const noexcept { return base_; }

  /// All of them or none. @param until ns since the epoch, 0: until taken back. @return how many
  /// @throws std::invalid_argument: one line that names the part, the reason and the mend
  std::size_t set(std::string_view rules, Scope const& scope, std::int64_t now, std::int64_t until);
  /// Takes back what `rules` names (`etl.db=debug`; `etl.db`, whatever its level; `debug`, of the root), or everything if it is empty; with a scope only what was set
  /// for that scope. @return how many. @throws std::invalid_argument when a part cannot be read
  std::size_t reset(std::string_view rules, Scope const& scope);
  /// Ends those whose time is over. @return whether there were any
  bool expire(std::int64_t now);
  /// As they were kept; what does not fit the bounds is left out. Ends none.
  void restore(std::span<delivery::StandingRule const> rules);

  /// In the order set. `followers` is not filled in.
  std::vector<delivery::StandingRule> const& list() const noexcept { return rules_; }
  /// Takes a microsecond or so a rule; with hostile patterns up to 60.
  Told for_publisher(std::string_view host, std::string_view process);
  /// Goes up with every change.
  std::uint64_t version() const noexcept { return version_; }

 private:
  void changed();
  void check_room(std::span<delivery::StandingRule const> rules) const;

  LevelRules base_;
  std::vector<delivery::StandingRule> rules_;
  std::unordered_map<Matching, std::shared_ptr<std::string const>> texts_;  // at most kMaxTexts
  std::uint64_t version_ = 1;
};

}  // namespace logboom::collector
