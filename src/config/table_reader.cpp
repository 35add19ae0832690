// Reading a table key by key. Must not know what the keys mean.
#include "config/table_reader.hpp"

#include "config/nearest_name.hpp"
#include "record/quantity.hpp"
#include "record/terminal_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>

namespace logboom::config {
namespace {

std::string_view type_name(toml::node const& node) {
  switch (node.type()) {
    case toml::node_type::table: return "a table";
    case toml::node_type::array: return node.is_array_of_tables() ? "tables" : "a list";
    case toml::node_type::string: return "a text";
    case toml::node_type::integer: return "a whole number";
    case toml::node_type::floating_point: return "a number";
    case toml::node_type::boolean: return "true or false";
    case toml::node_type::date: return "a date";
    case toml::node_type::time: return "a time";
    case toml::node_type::date_time: return "a date and time";
    case toml::node_type::none: break;
  }
  return "nothing";
}

}  // namespace

void note(Mistakes& mistakes, toml::source_region const& where, std::string_view text) {
  std::string shown;  // parts of it are the file's
  append_harmless_line(text, shown);
  mistakes.push_back({where.begin.line, where.begin.column, std::move(shown)});
}

toml::node const* TableReader::find(std::string_view key) {
  known_.push_back(key);
  return table_.get(key);
}

toml::table const* TableReader::table(std::string_view key) {
  auto const* const node = find(key);
  if (node == nullptr) return nullptr;
  if (node->as_table() == nullptr) expected("a table", key, *node);
  return node->as_table();
}

void TableReader::flag(std::string_view key, bool& out) {
  auto const* const node = find(key);
  if (node == nullptr) return;
  if (auto const* const value = node->as_boolean())
    out = value->get();
  else
    expected("true or false", key, *node);
}

int TableReader::choice(std::string_view key, std::vector<std::string_view> const& words) {
  int chosen = -1;
  text(key, [&](std::string const& value) {
    auto const found = std::find(words.begin(), words.end(), value);
    if (found == words.end()) {
      auto const nearest = nearest_name(value, words);
      throw std::invalid_argument(
          fmt::format("{} \"{}\": give {}{}", key, value, fmt::join(words, ", "),
                      nearest.empty() ? "" : fmt::format("; did you mean {}?", nearest)));
    }
    chosen = static_cast<int>(found - words.begin());
  });
  return chosen;
}

void TableReader::size(std::string_view key, std::uint64_t& out) {
  auto const* const node = find(key);
  if (node == nullptr) return;
  if (auto const* const number = node->as_integer(); number != nullptr && number->get() >= 0)
    out = static_cast<std::uint64_t>(number->get());
  else if (auto const* const value = node->as_string())
    attempt(*node, [&] { out = parse_size(value->get()); });
  else
    expected("a size, such as \"50MiB\",", key, *node);
}

void TableReader::duration_at(std::string_view key, std::function<void(std::chrono::nanoseconds)> const& take) {
  auto const* const node = find(key);
  if (node == nullptr) return;
  if (auto const* const value = node->as_string())
    attempt(*node, [&] { take(parse_duration(value->get())); });
  else
    expected(R"(a length of time, such as "30d" or "10m",)", key, *node);
}

void TableReader::expected(std::string_view what, std::string_view key, toml::node const& node) {
  note(mistakes_, node.source(), fmt::format("{}: {} is expected here, not {}", key, what, type_name(node)));
}

void TableReader::out_of_range(std::string_view key, toml::node const& node, std::int64_t least,
                               std::int64_t most) {
  note(mistakes_, node.source(), fmt::format("{}: give {} to {}", key, least, most));
}

toml::source_region const& TableReader::place(std::string_view key) const {
  auto const* const node = table_.get(key);
  return node == nullptr ? table_.source() : node->source();
}

void TableReader::finish() {
  for (auto const& [key, node] : table_) {
    if (std::find(known_.begin(), known_.end(), key.str()) != known_.end()) continue;
    auto const nearest = nearest_name(key.str(), known_);
    auto const mend = nearest.empty() ? fmt::format("known are {}", fmt::join(known_, ", "))
                                      : fmt::format("did you mean {}?", nearest);
    note(mistakes_, key.source(), fmt::format("{} has no key {}; {}", name_, key.str(), mend));
  }
}

}  // namespace logboom::config
