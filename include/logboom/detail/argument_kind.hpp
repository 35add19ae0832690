// What an argument's type is to a log call: sorted by shape, so that no heavy standard header (chrono, filesystem, optional …) is needed here.
// Must not know encoding or templates.
#pragma once

#include <fmt/core.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <type_traits>

namespace logboom::detail {

enum class Kind {
  kBool,
  kCharacter,
  kSigned,
  kUnsigned,
  kFloat,
  kDouble,
  kText,         // anything that is or converts to std::string_view
  kTextPointer,  // char*, perhaps null
  kTextArray,    // char[N], up to its first NUL
  kUtf8,         // char8_t text
  kPath,
  kErrorCode,
  kPointer,
  kDuration,
  kTimePoint,
  kEnum,  // as its number
  kOptional,
  kFormatted,  // by fmt, at the call
  kUnsupported,
};

template <class T>
concept PathLike = requires(T const& path) {
  { path.native() } -> std::same_as<std::string const&>;
  T::preferred_separator;
};
template <class T>
concept ErrorCodeLike = requires(T const& error) {
  { error.value() } -> std::same_as<int>;
  { error.category().name() } -> std::same_as<char const*>;
  { error.message() } -> std::same_as<std::string>;
};
template <class T>
concept DurationLike = requires(T const& duration) {
  typename T::rep;
  typename T::period;
  T::period::num;
  T::period::den;
  { duration.count() } -> std::same_as<typename T::rep>;
};
template <class T>
concept TimePointLike = requires(T const& time) {
  typename T::clock;
  { time.time_since_epoch() } -> DurationLike;
};
// std::expected has an error(), std::any no value_type.
template <class T>
concept OptionalLike = requires(T const& optional) {
  typename T::value_type;
  { optional.has_value() } -> std::same_as<bool>;
  { *optional } -> std::same_as<typename T::value_type const&>;
}
&&!requires(T const& optional) { optional.error(); };

template <class T>
concept HasFormatter = std::is_default_constructible_v<fmt::formatter<T, char>>;

template <class T>
concept FormattableEnum = std::is_enum_v<T> &&(HasFormatter<T> || requires(T value) { format_as(value); });

template <class T>
consteval Kind integer_kind() {
  if (std::is_same_v<T, bool>) return Kind::kBool;
  if (std::is_same_v<T, char>) return Kind::kCharacter;
  if (std::is_same_v<T, wchar_t> || std::is_same_v<T, char8_t> || std::is_same_v<T, char16_t> ||
      std::is_same_v<T, char32_t>) {
    return Kind::kUnsupported;
  }
  if (sizeof(T) > 8) return Kind::kFormatted;
  return std::is_signed_v<T> ? Kind::kSigned : Kind::kUnsigned;
}

template <class T>
consteval Kind array_kind() {
  using Element = std::remove_cv_t<std::remove_extent_t<T>>;
  if (std::is_same_v<Element, char>) return Kind::kTextArray;
  if (std::is_same_v<Element, char8_t>) return Kind::kUtf8;
  return fmt::is_formattable<T>::value ? Kind::kFormatted : Kind::kUnsupported;
}

template <class T>
consteval Kind pointer_kind() {
  using Target = std::remove_cv_t<std::remove_pointer_t<T>>;
  if (std::is_same_v<Target, char>) return Kind::kTextPointer;
  return Kind::kPointer;
}

template <class T>
consteval Kind class_kind() {
  if constexpr (std::is_convertible_v<T const&, std::string_view> &&
                (!HasFormatter<T> || std::is_same_v<T, std::string_view> || std::is_same_v<T, fmt::string_view> ||
                 requires(T const& text) { text.c_str(), text.substr(0); })) {
    return Kind::kText;
  } else if constexpr (std::is_convertible_v<T const&, std::u8string_view>) {
    return Kind::kUtf8;
  } else if constexpr (PathLike<T>) {
    return Kind::kPath;
  } else if constexpr (ErrorCodeLike<T>) {
    return Kind::kErrorCode;
  } else if constexpr (DurationLike<T>) {
    return Kind::kDuration;
  } else if constexpr (TimePointLike<T>) {
    return Kind::kTimePoint;
  } else if constexpr (OptionalLike<T>) {
    return Kind::kOptional;
  } else if constexpr (fmt::is_formattable<T>::value) {
    return Kind::kFormatted;
  } else {
    return Kind::kUnsupported;
  }
}

/// T without reference and cv.
template <class T>
consteval Kind kind_of() {
  if constexpr (std::is_integral_v<T>) {
    return integer_kind<T>();
  } else if constexpr (std::is_same_v<T, float>) {
    return Kind::kFloat;
  } else if constexpr (std::is_same_v<T, double>) {
    return Kind::kDouble;
  } else if constexpr (std::is_null_pointer_v<T> || std::is_function_v<T>) {
    return Kind::kPointer;
  } else if constexpr (std::is_array_v<T>) {
    return array_kind<T>();
  } else if constexpr (std::is_pointer_v<T>) {
    return pointer_kind<T>();
  } else if constexpr (FormattableEnum<T>) {
    return Kind::kFormatted;
  } else if constexpr (std::is_enum_v<T>) {
    return Kind::kEnum;
  } else if constexpr (std::is_class_v<T> || std::is_union_v<T>) {
    return class_kind<T>();
  } else {
    return fmt::is_formattable<T>::value ? Kind::kFormatted : Kind::kUnsupported;
  }
}

template <class T>
inline constexpr Kind kKind = kind_of<std::remove_cvref_t<T>>();

}  // namespace logboom::detail
