// Structs that list their own members, once for all who write or read them. Knows nothing of what they are written as.
#pragma once

#include <string_view>

namespace logboom::delivery {

/// T::members(value, each) calls each(name, member) for every member, in the order in which they are shown.
template <class T>
concept Described = requires(T& value) {
  T::members(value, [](std::string_view, auto&) {});
};

}  // namespace logboom::delivery
