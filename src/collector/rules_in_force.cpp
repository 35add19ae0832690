// Laying rules over others. Must not know sockets or files.
#include "collector/rules_in_force.hpp"

#include "record/glob.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <stdexcept>
#include <utility>

namespace logboom::collector {
namespace {

using delivery::StandingRule;

constexpr std::size_t kMaxTexts = 1'024;

std::string pattern_of(std::string const& given, char const* what) {
  if (given.size() > RulesInForce::kMaxName)
    throw std::invalid_argument(fmt::format("{}: {} bytes, at most {} are taken; shorten it with '*'", what,
                                            given.size(), RulesInForce::kMaxName));
  return given.empty() ? "*" : given;
}

bool same_place(StandingRule const& left, StandingRule const& right) {
  return left.logger == right.logger && left.process == right.process && left.host == right.host;
}

std::size_t text_of(StandingRule const& rule) {
  return rule.logger.size() + rule.process.size() + rule.host.size();
}

std::string_view trimmed(std::string_view text) {
  constexpr auto kBlank = " \t\r\n";
  auto const first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

/// What a part of `--reset RULES` names.
struct Named {
  std::string logger;
  std::optional<Level> level;
};

Named named(std::string_view part) {
  // A word alone is a level of the root if there is such a level, else a logger.
  if (part.find('=') == std::string_view::npos && !parse_level(part)) return {std::string(part), {}};
  auto const parsed = LevelRules::parse(part);
  auto const& [logger, level] = parsed.rules().front();
  return {logger, level};
}

}  // namespace

void RulesInForce::set_base(std::string const& base) {
  auto parsed = LevelRules::parse(base);
  if (parsed == base_) return;
  std::swap(base_, parsed);
  try {
    check_room(rules_);
  } catch (...) {
    std::swap(base_, parsed);
    throw;
  }
  changed();
}

std::size_t RulesInForce::set(std::string_view rules, Scope const& scope, std::int64_t now, std::int64_t until) {
  auto const parsed = LevelRules::parse(rules);
  if (parsed.empty())
    throw std::invalid_argument(
        "level rules: there are none; write rules like \"info,etl.db=debug,net=off\"");
  auto after = rules_;
  for (auto const& [logger, level] : parsed.rules()) {
    if (logger.size() > kMaxName)
      throw std::invalid_argument(
          fmt::format("level rules: a logger of {} bytes, at most {} are possible", logger.size(), kMaxName));
    StandingRule rule{
        logger, level, pattern_of(scope.process, "process"), pattern_of(scope.host, "host"), now, until, 0};
    std::erase_if(after, [&](auto const& known) { return same_place(known, rule); });
    after.push_back(std::move(rule));
  }
  check_room(after);
  rules_ = std::move(after);
  changed();
  return parsed.rules().size();
}

/// What any publisher is told has to be rules that it can read.
void RulesInForce::check_room(std::span<StandingRule const> rules) const {
  std::size_t text = 0;
  for (auto const& rule : rules) text += text_of(rule);
  constexpr std::size_t kLevel = 12;  // "=critical,", or a number
  bool const readable = base_.to_string().size() + text + kLevel * rules.size() <= LevelRules::kMaxText &&
                        base_.rules().size() + rules.size() <= LevelRules::kMaxRules;
  if (rules.size() > kMaxRules || text > kMaxText || !readable)
    throw std::invalid_argument(fmt::format(
        "level rules: {} would be in force, with {} bytes of names; there is room for {} with {}, "
        "and for 60 KiB with the collector's own; take some back (`logboom level --reset`)",
        rules.size(), text, kMaxRules, kMaxText));
}

std::size_t RulesInForce::reset(std::string_view rules, Scope const& scope) {
  std::vector<Named> wanted;
  bool const all = trimmed(rules).empty();
  while (!rules.empty()) {
    auto const end = std::min(rules.find_first_of(",;"), rules.size());
    if (auto const part = trimmed(rules.substr(0, end)); !part.empty()) wanted.push_back(named(part));
    rules.remove_prefix(std::min(end + 1, rules.size()));
    if (wanted.size() > kMaxRules)
      throw std::invalid_argument(
          fmt::format("level rules: more than {} are named, which cannot be in force", kMaxRules));
  }
  auto const taken_back = std::erase_if(rules_, [&](StandingRule const& rule) {
    if (!scope.process.empty() && scope.process != rule.process) return false;
    if (!scope.host.empty() && scope.host != rule.host) return false;
    return all || std::any_of(wanted.begin(), wanted.end(), [&](Named const& one) {
             return one.logger == rule.logger &&
                    one.level.value_or(static_cast<Level>(rule.level)) == rule.level;
           });
  });
  if (taken_back > 0) changed();
  return taken_back;
}

bool RulesInForce::expire(std::int64_t now) {
  auto const ended =
      std::erase_if(rules_, [&](StandingRule const& rule) { return rule.until != 0 && rule.until <= now; });
  if (ended > 0) changed();
  return ended > 0;
}

void RulesInForce::restore(std::span<StandingRule const> rules) {
  for (auto const& rule : rules) {
    try {
      LevelRules one;
      one.set(rule.logger, static_cast<Level>(rule.level));
      auto const before = set(one.to_string(), {rule.process, rule.host}, rule.since, rule.until);
      static_cast<void>(before);
    } catch (std::invalid_argument const&) {
      // Of another version, or damaged: the others hold.
    }
  }
}

RulesInForce::Told RulesInForce::for_publisher(std::string_view host, std::string_view process) {
  Told told;
  told.version = version_;
  for (std::size_t i = 0; i < rules_.size(); ++i)
    told.matching[i] = glob_matches(rules_[i].host, host) && glob_matches(rules_[i].process, process);
  if (auto const known = texts_.find(told.matching); known != texts_.end()) {
    told.text = known->second;
    return told;
  }
  LevelRules over;
  for (std::size_t i = 0; i < rules_.size(); ++i) {
    if (told.matching[i]) over.set(rules_[i].logger, static_cast<Level>(rules_[i].level));
  }
  if (texts_.size() >= kMaxTexts) texts_.clear();
  told.text = std::make_shared<std::string const>(base_.overlaid(over).to_string());
  texts_.emplace(told.matching, told.text);
  return told;
}

void RulesInForce::changed() {
  texts_.clear();
  ++version_;
}

}  // namespace logboom::collector
