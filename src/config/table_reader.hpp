// One table of a configuration file, read key by key. What is wrong is noted with its place, and reading goes on, so that all mistakes are told at once.
// Must not know what the keys mean.
#pragma once

#include "config/mistake.hpp"

#include <toml++/toml.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace logboom::config {

using Mistakes = std::vector<Mistake>;

void note(Mistakes& mistakes, toml::source_region const& where, std::string_view text);

class TableReader {
 public:
  /// @param name for messages: "[store]", "[[sink]]"
  TableReader(toml::table const& table, std::string name, Mistakes& mistakes)
      : table_(table), name_(std::move(name)), mistakes_(mistakes) {}

  // Each makes its key a known one. `take` is called where the key is there and of the right type; a std::invalid_argument that it throws becomes a mistake there.
  template <typename Take>
  void text(std::string_view key, Take take) {
    auto const* const node = find(key);
    if (node == nullptr) return;
    if (auto const* const value = node->as_string())
      attempt(*node, [&] { take(value->get()); });
    else
      expected("a text in quotes", key, *node);
  }
  void text(std::string_view key, std::string& out) {
    text(key, [&](std::string const& value) { out = value; });
  }
  void flag(std::string_view key, bool& out);
  template <typename Take>
  void number(std::string_view key, std::int64_t least, std::int64_t most, Take take) {
    auto const* const node = find(key);
    if (node == nullptr) return;
    auto const* const value = node->as_integer();
    if (value == nullptr) return expected("a whole number", key, *node);
    if (value->get() < least || value->get() > most) return out_of_range(key, *node, least, most);
    take(value->get());
  }
  /// A text, or a list of them; `take` is called for each.
  template <typename Take>
  void texts(std::string_view key, Take take) {
    auto const* const node = find(key);
    if (node == nullptr) return;
    auto const one = [&](toml::node const& element) {
      if (auto const* const value = element.as_string())
        attempt(element, [&] { take(value->get()); });
      else
        expected("a text in quotes", key, element);
    };
    if (auto const* const list = node->as_array()) {
      for (auto const& element : *list) one(element);
    } else {
      one(*node);
    }
  }
  /// One of a few words. @return its index, or -1
  int choice(std::string_view key, std::vector<std::string_view> const& words);
  void size(std::string_view key, std::uint64_t& out);
  template <typename Duration>
  void duration(std::string_view key, Duration& out) {
    duration_at(key, [&](std::chrono::nanoseconds length) {
      out = std::chrono::duration_cast<Duration>(length);
      if (out != length) throw std::invalid_argument(std::string(key) + ": finer than it is measured");
    });
  }

  /// The node, or nullptr. The key is known from now on.
  toml::node const* find(std::string_view key);
  toml::table const* table(std::string_view key);
  void expected(std::string_view what, std::string_view key, toml::node const& node);
  template <typename Do>
  void attempt(toml::node const& node, Do action) {
    try {
      action();
    } catch (std::invalid_argument const& error) {
      note(mistakes_, node.source(), error.what());
    }
  }
  /// Where the key is, or the table if it is not.
  toml::source_region const& place(std::string_view key) const;
  void mistake(std::string_view key, std::string_view text) { note(mistakes_, place(key), text); }
  Mistakes& mistakes() noexcept { return mistakes_; }

  /// Keys that nobody asked for are mistakes.
  void finish();

 private:
  void duration_at(std::string_view key, std::function<void(std::chrono::nanoseconds)> const& take);
  void out_of_range(std::string_view key, toml::node const& node, std::int64_t least, std::int64_t most);

  toml::table const& table_;
  std::string const name_;
  Mistakes& mistakes_;
  std::vector<std::string_view> known_;
};

}  // namespace logboom::config
