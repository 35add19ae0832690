// A named value beside the message: logboom::field("step", k). Must not know records or rings.
#pragma once

#include <logboom/detail/values.hpp>

#include <cstddef>
#include <string_view>

namespace logboom {

/// Made by field(); for use within the log call (or Context) that it is written in: it may view its argument.
template <class Value>
struct Field {
  static constexpr std::size_t kMaxName = 255;  ///< bytes; a longer name is cut
  std::string_view name;
  Value value;
};

/// A field of a record: any argument that a template may have, under a name.
template <class T>
[[nodiscard]] auto field(std::string_view name, T const& value) noexcept
    -> Field<decltype(detail::prepare(value, std::string_view{}))> {
  return {name.substr(0, Field<int>::kMaxName), detail::prepare(value, std::string_view{})};
}

namespace detail {

template <class T>
inline constexpr bool kIsField = false;
template <class V>
inline constexpr bool kIsField<Field<V>> = true;

template <class V>
auto pass(Field<V> const& from) noexcept -> Field<std::remove_cvref_t<decltype(pass(from.value))>> {
  return {from.name, pass(from.value)};
}

}  // namespace detail

}  // namespace logboom
