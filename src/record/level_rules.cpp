// Level rules: see level_rules.hpp.
#include "record/level_rules.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <stdexcept>

namespace logboom {
namespace {

std::string_view trimmed(std::string_view text) {
  auto const blank = [](char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

// What a message may repeat of a text that came from outside.
std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (char const c : text.substr(0, 60)) {
    unsigned char const byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      out += fmt::format("\\x{:02x}", byte);
    } else {
      out += c;
    }
  }
  return out + (text.size() > 60 ? "…\"" : "\"");
}

[[noreturn]] void refuse(std::string_view rule, std::string_view why) {
  throw std::invalid_argument(
      fmt::format("level rule {}: {}; write rules like \"info,etl.db=debug,net=off\"", quoted(rule), why));
}

Level parse_rule_level(std::string_view rule, std::string_view text) {
  if (text.empty()) refuse(rule, "the level is missing");
  std::optional<Level> const level = parse_level(text);
  if (!level) {
    refuse(rule,
           fmt::format("{} is not a level (trace, debug, info, warning, error, critical, off or a number)",
                       quoted(text)));
  }
  return *level;
}

std::string level_text(Level level) {
  if (level == level::kOff) return "off";
  std::string name(level_name(level));
  if (name.empty()) return fmt::format("{}", level);
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return name;
}

bool covers(std::string_view ancestor, std::string_view logger) {
  return ancestor.empty() || (logger.starts_with(ancestor) &&
                              (logger.size() == ancestor.size() || logger[ancestor.size()] == '.'));
}

auto by_name(std::pair<std::string, Level> const& rule, std::string_view name) { return rule.first < name; }

}  // namespace

LevelRules LevelRules::parse(std::string_view text) {
  if (text.size() > kMaxText) {
    throw std::invalid_argument(
        fmt::format("level rules: {} bytes; at most {} are taken", text.size(), kMaxText));
  }
  LevelRules rules;
  while (!text.empty()) {
    std::size_t const end = std::min(text.find_first_of(",;"), text.size());
    std::string_view const rule = trimmed(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (rule.empty()) continue;
    std::size_t const equals = rule.find('=');
    if (equals == std::string_view::npos) {
      rules.set({}, parse_rule_level(rule, rule));
      continue;
    }
    std::string_view const logger = trimmed(rule.substr(0, equals));
    if (logger.empty()) refuse(rule, "the logger is missing before '='");
    if (logger.front() == '.' || logger.back() == '.')
      refuse(rule, "a logger neither begins nor ends with a dot");
    if (logger.find('*') != std::string_view::npos) {
      refuse(rule, "'*' has no meaning here: a rule holds for a logger and all below it");
    }
    rules.set(logger, parse_rule_level(rule, trimmed(rule.substr(equals + 1))));
  }
  return rules;
}

void LevelRules::set(std::string_view logger, Level level) {
  auto const at = std::lower_bound(rules_.begin(), rules_.end(), logger, by_name);
  if (at != rules_.end() && at->first == logger) {
    at->second = level;
    return;
  }
  if (rules_.size() >= kMaxRules) {
    throw std::invalid_argument(fmt::format("level rules: more than {} loggers are named", kMaxRules));
  }
  rules_.emplace(at, logger, level);
}

std::optional<Level> LevelRules::rule_for(std::string_view logger) const noexcept {
  while (true) {
    auto const at = std::lower_bound(rules_.begin(), rules_.end(), logger, by_name);
    if (at != rules_.end() && at->first == logger) return at->second;
    if (logger.empty()) return std::nullopt;
    std::size_t const dot = logger.rfind('.');
    logger = dot == std::string_view::npos ? std::string_view{} : logger.substr(0, dot);
  }
}

LevelRules LevelRules::overlaid(LevelRules const& over) const {
  LevelRules result;
  for (auto const& rule : rules_) {
    bool const hidden = std::any_of(over.rules_.begin(), over.rules_.end(),
                                    [&](auto const& upper) { return covers(upper.first, rule.first); });
    if (!hidden) result.rules_.push_back(rule);
  }
  for (auto const& [logger, level] : over.rules_) result.set(logger, level);
  return result;
}

std::string LevelRules::to_string() const {
  std::string text;
  for (auto const& [logger, level] : rules_) {
    if (!text.empty()) text += ',';
    if (!logger.empty()) text.append(logger).append("=");
    text += level_text(level);
  }
  return text;
}

}  // namespace logboom
