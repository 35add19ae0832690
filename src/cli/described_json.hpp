// Structs that list their members (src/delivery/collector_state.hpp) as JSON, in the order listed. Must not know which structs.
#pragma once

#include "delivery/described.hpp"
#include "record/block.hpp"
#include "spool/publisher_file.hpp"

#include <nlohmann/json.hpp>

#include <concepts>
#include <string>
#include <string_view>
#include <type_traits>

namespace logboom::cli {

using Json = nlohmann::ordered_json;

template <class T>
Json to_json(T const& value) {
  if constexpr (delivery::Described<T>) {
    auto object = Json::object();
    T::members(value, [&](std::string_view name, auto const& member) {
      object[std::string(name)] = to_json(member);
    });
    return object;
  } else if constexpr (std::same_as<T, PublisherId>) {
    return spool::hex(value);
  } else if constexpr (std::same_as<T, std::string> || std::is_arithmetic_v<T>) {
    return value;
  } else {
    auto array = Json::array();
    for (auto const& element : value) array.push_back(to_json(element));
    return array;
  }
}

/// One line. Texts that are not UTF-8 are shown with replacement characters.
inline std::string json_line(Json const& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace) + '\n';
}

}  // namespace logboom::cli
