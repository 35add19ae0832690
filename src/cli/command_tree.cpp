// Walking CLI11's App. Must not know what is made from it.
#include "cli/command_tree.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <map>
#include <string_view>
#include <utility>

namespace logboom::cli {
namespace {

struct Known {
  ValueKind kind;
  std::vector<std::string> choices;
};

/// What values are, by the name under which the help shows them.
std::map<std::string, Known> const& known_values() {
  static std::vector<std::string> const kLevels{"trace", "debug", "info", "warning", "error", "critical"};
  static std::vector<std::string> const kRules{"trace", "debug",    "info", "warning",
                                               "error", "critical", "off"};
  static std::vector<std::string> const kFormats{"pretty", "json", "csv", "logfmt"};
  static std::vector<std::string> const kAddresses{"ipc://", "tcp://"};
  static std::map<std::string, Known> const kKnown{{"LEVEL", {ValueKind::kChoice, kLevels}},
                                                   {"RULES", {ValueKind::kChoice, kRules}},
                                                   {"FORMAT", {ValueKind::kChoice, kFormats}},
                                                   {"ADDRESS", {ValueKind::kChoice, kAddresses}},
                                                   {"ENDPOINT", {ValueKind::kChoice, kAddresses}},
                                                   {"FILE", {ValueKind::kFile, {}}},
                                                   {"PATH", {ValueKind::kFile, {}}},
                                                   {"DIR", {ValueKind::kDirectory, {}}},
                                                   {"SPOOL", {ValueKind::kDirectory, {}}},
                                                   {"PROGRAM", {ValueKind::kProgram, {}}}};
  return kKnown;
}

/// Of "TEXT:{auto,always,never}": CLI11 says so of what has to be one of a set.
std::vector<std::string> members(std::string_view type) {
  std::vector<std::string> found;
  auto const open = type.find('{');
  auto const close = type.find('}', open == std::string_view::npos ? type.size() : open);
  if (open == std::string_view::npos || close == std::string_view::npos) return found;
  for (auto at = open + 1; at <= close;) {
    auto const end = std::min(type.find(',', at), close);
    found.emplace_back(type.substr(at, end - at));
    at = end + 1;
  }
  return found;
}

void describe_value(OptionShape& shape, std::string const& type) {
  shape.value = type.substr(0, type.find(':'));
  shape.choices = members(type);
  auto name = shape.value;
  std::erase_if(name, [](char c) { return c == '[' || c == ']' || c == '='; });
  auto const& known = known_values();
  auto const found = known.find(name);
  shape.kind = !shape.choices.empty() ? ValueKind::kChoice
               : found != known.end() ? found->second.kind
                                      : ValueKind::kText;
  if (shape.choices.empty() && found != known.end()) shape.choices = found->second.choices;
}

OptionShape shape_of(CLI::Option const& option) {
  OptionShape shape;
  shape.about = option.get_description();
  shape.required = option.get_required();
  shape.usual = option.get_default_str();
  shape.group = option.get_group();
  shape.repeatable = option.get_items_expected_max() > 1;
  bool const flag = option.get_items_expected_max() == 0;
  auto type = option.get_type_name();
  if (option.get_positional()) {
    shape.names = {option.get_name(true)};
    auto const choices = members(type);
    describe_value(shape, choices.empty() ? shape.names.front() : type);
    shape.value = shape.names.front();
    return shape;
  }
  for (auto const& name : option.get_snames()) shape.names.push_back("-" + name);
  for (auto const& name : option.get_lnames()) shape.names.push_back("--" + name);
  // A flag with a default may have a value all the same: --print=FORMAT.
  shape.optional_value = type.starts_with("[") || (!flag && option.get_items_expected_min() == 0);
  if (flag && !shape.optional_value) return shape;
  describe_value(shape, type);
  return shape;
}

CommandShape shape_of(CLI::App& app, std::string name) {
  CommandShape shape;
  shape.name = std::move(name);
  shape.about = app.get_description();
  shape.manual = app.get_footer();
  for (auto const* option : app.get_options()) {
    if (option->get_group().empty()) continue;  // not in the help
    auto& list = option->get_positional() ? shape.positionals : shape.options;
    list.push_back(shape_of(*option));
  }
  return shape;
}

}  // namespace

CommandTree command_tree(CLI::App& app) {
  CommandTree tree;
  tree.program = shape_of(app, "");
  for (auto* command : app.get_subcommands([](CLI::App*) { return true; })) {
    if (!command->get_group().empty()) tree.commands.push_back(shape_of(*command, command->get_name()));
  }
  return tree;
}

}  // namespace logboom::cli
