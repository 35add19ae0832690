// Puts a Value together from the events of a parser, within bounds. Knows neither msgpack nor JSON.
#pragma once

#include "record/json.hpp"
#include "record/record_codec.hpp"
#include "record/utf8.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace logboom {

class ValueBuilder {
 public:
  /// `what` is named by errors.
  explicit ValueBuilder(std::string_view what) : what_(what) { open_.reserve(kMaxLiveDepth + 1); }

  void add(Value value) { (void)place(std::move(value)); }
  void add_text(std::string_view text) {
    if (is_utf8(text)) return add(Value(std::string(text)));
    std::string escaped;
    append_valid_utf8(text, escaped);
    add(Value(std::move(escaped)));
  }
  void begin_array() { open(Value(Value::Array{})); }
  /// @param entries how many are to come, as far as that was said: by whom need not be true
  void begin_map(std::size_t entries = 0) {
    constexpr std::size_t kMostReserved = 32;
    Value::Map map;
    map.reserve(std::min(entries, kMostReserved));
    open(Value(std::move(map)));
  }
  void begin_key() { open_.back().in_key = true; }
  void end_key() { open_.back().in_key = false; }
  void end() { open_.pop_back(); }

  [[noreturn]] void refuse(std::string_view why) const {
    throw wire::FrameError(fmt::format("{}: {}", what_, why));
  }

  Value take() { return std::move(root_); }

 private:
  struct Open {
    explicit Open(Value* opened) : container(opened) {}
    Value* container;
    Value key;
    bool in_key = false;
  };

  void open(Value container) {
    if (open_.size() >= kMaxLiveDepth) refuse(fmt::format("nested deeper than {} levels", kMaxLiveDepth));
    Value* const placed = place(std::move(container));
    open_.emplace_back(placed);
  }

  // A container's address is stable while it is open: only its own content grows, and open_ never reallocates.
  Value* place(Value value) {
    if (++count_ > kMaxLiveValues) refuse(fmt::format("more than {} values", kMaxLiveValues));
    if (open_.empty()) {
      root_ = std::move(value);
      return &root_;
    }
    Open& parent = open_.back();
    if (auto* const array = std::get_if<Value::Array>(&parent.container->data())) {
      return &array->emplace_back(std::move(value));
    }
    if (parent.in_key) {
      parent.key = std::move(value);
      return &parent.key;
    }
    auto& map = std::get<Value::Map>(parent.container->data());
    return &map.emplace_back(key_text(parent.key), std::move(value)).second;
  }

  // As wire::key_text().
  std::string key_text(Value& key) const {
    if (auto* const text = std::get_if<std::string>(&key.data())) return std::move(*text);
    bool const container =
        std::holds_alternative<Value::Array>(key.data()) || std::holds_alternative<Value::Map>(key.data());
    if (container && std::ranges::any_of(open_, &Open::in_key)) return "…";
    std::string json;
    write_json(key, json);
    return json;
  }

  std::string_view what_;
  Value root_;
  std::vector<Open> open_;
  std::size_t count_ = 0;
};

}  // namespace logboom
