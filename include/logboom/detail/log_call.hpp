// From the macros to the out-of-line function: checks the template, turns arguments into values. Must not know rings.
#pragma once

#include <logboom/detail/template_check.hpp>
#include <logboom/detail/write.hpp>
#include <logboom/field.hpp>
#include <logboom/logger.hpp>

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

namespace logboom::detail {

// The template's arguments are those that are not fields.
template <class Checked, class... Rest>
struct TemplateOf;
template <class... Arguments>
struct TemplateOf<Template<Arguments...>> {
  using Type = Template<Arguments...>;
};
template <class... Arguments, class First, class... Rest>
struct TemplateOf<Template<Arguments...>, First, Rest...> : TemplateOf<Template<Arguments..., First>, Rest...> {
  static_assert(kKind<First> != Kind::kUnsupported,
                "logboom: an argument of this type cannot be logged; give it a fmt::formatter (or include "
                "the fmt header that has one, "
                "such as fmt/ranges.h)");
};
template <class... Arguments, class V, class... Rest>
struct TemplateOf<Template<Arguments...>, Field<V>, Rest...> : TemplateOf<Template<Arguments...>, Rest...> {
  static_assert((true && ... && kIsField<Rest>), "logboom: fields come after the template's arguments");
};
template <class... Arguments>
using CheckedTemplate = std::type_identity_t<typename TemplateOf<Template<>, Arguments...>::Type>;

template <class... Types>
struct TypeList {};

// Without the last one.
template <class Kept, class... Rest>
struct ExceptionTemplateOf;
template <class... Kept, class Last>
struct ExceptionTemplateOf<TypeList<Kept...>, Last> {
  using Type = typename TemplateOf<Template<>, Kept...>::Type;
};
template <class... Kept, class First, class Second, class... Rest>
struct ExceptionTemplateOf<TypeList<Kept...>, First, Second, Rest...>
    : ExceptionTemplateOf<TypeList<Kept..., First>, Second, Rest...> {};
template <class... Arguments>
using CheckedExceptionTemplate =
    std::type_identity_t<typename ExceptionTemplateOf<TypeList<>, Arguments...>::Type>;

template <std::size_t kIndex, class First, class... Rest>
[[gnu::always_inline]] constexpr auto const& argument_at(First const& first, Rest const&... rest) noexcept {
  if constexpr (kIndex == 0) {
    return first;
  } else {
    return argument_at<kIndex - 1>(rest...);
  }
}

template <class T>
[[gnu::always_inline]] inline auto prepare_call(T const& value, std::string_view spec) noexcept {
  return prepare(value, spec);
}
template <class V>
[[gnu::always_inline]] inline Field<V> const& prepare_call(Field<V> const& field, std::string_view) noexcept {
  return field;
}

template <std::size_t I, class Text, class T>
constexpr std::string_view spec_of(Text const& text) noexcept {
  if constexpr (kIsField<T>)
    return {};
  else
    return text.spec(I);
}

template <std::size_t... I, class Attributes, class Text, class... Arguments>
[[gnu::always_inline]] inline void log_indexed(std::index_sequence<I...>, Logger logger, CallSite& site,
                                               Attributes const& attributes, Text const& text,
                                               Arguments const&... arguments) noexcept {
  static_cast<void>(text);
  write(logger.node(), site, attributes, pass(prepare_call(arguments, spec_of<I, Text, Arguments>(text)))...);
}

template <class Attributes, class... Arguments>
[[gnu::always_inline]] inline void log(Logger logger, CallSite& site, Attributes const& attributes,
                                       CheckedTemplate<Arguments...> text,
                                       Arguments const&... arguments) noexcept {
  log_indexed(std::index_sequence_for<Arguments...>(), logger, site, attributes, text, arguments...);
}

/// With how many calls of the site became no record since the last that did, as a field, if any.
template <class Attributes, class... Arguments>
[[gnu::always_inline]] inline void log_sampled(Logger logger, CallSite& site, Attributes const& attributes,
                                               std::uint64_t suppressed, CheckedTemplate<Arguments...> text,
                                               Arguments const&... arguments) noexcept {
  if (suppressed == 0) {
    log_indexed(std::index_sequence_for<Arguments...>(), logger, site, attributes, text, arguments...);
  } else {
    auto const count = field("suppressed", suppressed);
    log_indexed(std::make_index_sequence<sizeof...(Arguments) + 1>(), logger, site, attributes, text,
                arguments..., count);
  }
}

/// The last argument is the exception.
template <class... Arguments>
void log_exception(Logger logger, CallSite& site, CheckedExceptionTemplate<Arguments...> text,
                   Arguments const&... arguments) noexcept {
  constexpr std::size_t kOthers = sizeof...(Arguments) - 1;
  auto const& last = argument_at<kOthers>(arguments...);
  using Exception = std::remove_cvref_t<decltype(last)>;
  static_assert(std::is_base_of_v<std::exception, Exception> || std::is_same_v<Exception, std::exception_ptr>,
                "logboom: the last argument of LOGBOOM_EXCEPTION is the exception: a std::exception or a "
                "std::exception_ptr");
  ExceptionText const exception = describe(last);
  [&]<std::size_t... I>(std::index_sequence<I...> indices) {
    log_indexed(indices, logger, site, ExceptionAttributes{exception.type, exception.text}, text,
                argument_at<I>(arguments...)...);
  }
  (std::make_index_sequence<kOthers>());
}

}  // namespace logboom::detail
