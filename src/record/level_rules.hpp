// Level rules, "info,etl.db=debug,net=off": which level a logger has. The same text in LOGBOOM_LEVEL, in control messages and on command lines.
// Must not know loggers' objects, sockets or environment variables.
#pragma once

#include <logboom/level.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace logboom {

/// Rules by dotted name, inherited: `etl=debug` holds for `etl`, `etl.db` and `etl.db.pool`, not for `etlx`; the longest name wins.
/// A bare level is the rule of the root, and so of every logger. A value: copying is a copy, const members are safe from any thread.
class LevelRules {
 public:
  static constexpr std::size_t kMaxText = 60U << 10U;  // bytes; fits a control message
  static constexpr std::size_t kMaxRules = 4096;

  LevelRules() = default;  // no rule at all

  /// Commas or semicolons separate rules; white space around names, levels and separators is ignored, so are empty rules. Of two rules for one name the later one wins.
  /// @throws std::invalid_argument: one line that names the bad part and the mend.
  static LevelRules parse(std::string_view text);

  /// The level that the rules give to a logger (of level::kInfo, when none speaks of it or of the root).
  Level level_for(std::string_view logger) const noexcept { return rule_for(logger).value_or(level::kInfo); }

  /// The same, or nothing when no rule speaks of it.
  std::optional<Level> rule_for(std::string_view logger) const noexcept;

  /// Adds or replaces one rule; "" is the root.
  void set(std::string_view logger, Level level);

  /// These rules with `over` laid on top: a rule of `over` replaces the one for the same name, and every rule here for names below it.
  LevelRules overlaid(LevelRules const& over) const;

  /// "info,etl.db=debug,net=off": the root first, then by name; parse() reads it back.
  std::string to_string() const;

  bool empty() const noexcept { return rules_.empty(); }
  /// Name and level; the root first, then by name.
  std::vector<std::pair<std::string, Level>> const& rules() const noexcept { return rules_; }

  friend bool operator==(LevelRules const&, LevelRules const&) = default;

 private:
  std::vector<std::pair<std::string, Level>> rules_;  // sorted by name
};

}  // namespace logboom
