// Templates checked when the program is compiled: braces, number of arguments, names, and whether each spec fits its argument, as fmt would
// judge. Must not know loggers or encoding.
#pragma once

#include <logboom/detail/argument_kind.hpp>
#include <logboom/detail/template_parse.hpp>
#include <logboom/detail/template_spec.hpp>

#include <array>
#include <concepts>
#include <cstddef>
#include <string_view>
#include <type_traits>
#include <utility>

namespace logboom::detail {

/// Calls to these are the compiler's error messages: none of them is constexpr or defined.
namespace template_error {
void a_brace_is_not_closed_write_two_for_a_literal_one();
void a_closing_brace_stands_alone_write_two_for_a_literal_one();
void the_name_in_a_placeholder_is_not_an_identifier();
void the_template_has_more_placeholders_than_arguments();
void the_template_has_fewer_placeholders_than_arguments();
void numbered_and_other_placeholders_cannot_be_mixed();
void a_placeholder_has_a_number_beyond_the_arguments();
void a_width_or_precision_taken_from_an_argument_needs_an_integer();
void the_spec_does_not_fit_the_type_of_its_argument();
void an_argument_formatted_by_its_own_formatter_cannot_have_a_width_from_another_argument();
void an_argument_formatted_by_its_own_formatter_can_have_one_spec_only();
}  // namespace template_error

template <class T>
consteval Kind innermost_kind() {
  using Type = std::remove_cvref_t<T>;
  if constexpr (kKind<Type> == Kind::kOptional) {
    return innermost_kind<typename Type::value_type>();
  } else if constexpr (kKind<Type> == Kind::kEnum) {
    return kKind<std::underlying_type_t<Type>> == Kind::kCharacter ? Kind::kSigned
                                                                   : kKind<std::underlying_type_t<Type>>;
  } else if constexpr (kKind<Type> == Kind::kTimePoint) {
    return requires(typename Type::clock clock) { clock.to_time_t(clock.now()); }
    || requires(Type const& time) { Type::clock::to_sys(time); }
    ? Kind::kTimePoint : Kind::kDuration;
  } else {
    return kKind<Type>;
  }
}

template <class T>
struct InnermostType {
  using Type = T;
};
template <class T>
  requires(kKind<T> == Kind::kOptional)
struct InnermostType<T> : InnermostType<std::remove_cvref_t<typename T::value_type>> {};

enum class Fault {
  kNone,
  kUnclosed,
  kUnopened,
  kName,
  kMixed,
  kTooManyPlaceholders,
  kTooFewPlaceholders,
  kNumber,
  kSize,
  kSpec,
  kOwnFormatterWithSize,
  kOwnFormatterTwice,
};

constexpr Fault fault_of(TemplateParser::Error error) noexcept {
  switch (error) {
    case TemplateParser::Error::kNone: return Fault::kNone;
    case TemplateParser::Error::kUnclosed: return Fault::kUnclosed;
    case TemplateParser::Error::kUnopened: return Fault::kUnopened;
    case TemplateParser::Error::kName: return Fault::kName;
    case TemplateParser::Error::kMixed: return Fault::kMixed;
    case TemplateParser::Error::kTooMany: return Fault::kTooManyPlaceholders;
  }
  return Fault::kNone;
}

// Asks the argument's own formatter; it stops at the placeholder's closing brace.
template <class T>
constexpr Fault own_spec_fault(std::string_view text, TemplateItem const& item) {
  using Type = typename InnermostType<std::remove_cvref_t<T>>::Type;
  if constexpr (innermost_kind<T>() == Kind::kFormatted) {
    if (item.spec.empty()) return Fault::kNone;
    if constexpr (HasFormatter<Type>) {
      std::size_t const begin = static_cast<std::size_t>(item.spec.data() - text.data());
      fmt::format_parse_context context(fmt::string_view(text.data() + begin, text.size() - begin));
      fmt::formatter<Type, char> formatter;
      if (formatter.parse(context) != item.spec.data() + item.spec.size()) return Fault::kSpec;
    } else if (!spec_fits(Kind::kSigned, item.spec)) {
      return Fault::kSpec;  // long double, __int128 and what format_as makes a number
    }
  }
  return Fault::kNone;
}

/// A checked template for arguments of these types. Made by the compiler only.
template <class... Arguments>
class Template {
  static constexpr std::size_t kCount = sizeof...(Arguments);
  static constexpr std::array<Kind, kCount + 1> kKinds{innermost_kind<Arguments>()..., Kind::kUnsupported};
  static constexpr bool kAnyFormatted = ((innermost_kind<Arguments>() == Kind::kFormatted) || ... || false);
  static_assert(kCount <= kMaxArguments, "logboom: a log call takes at most 63 arguments");

 public:
  template <class Text>
    requires std::convertible_to<Text const&, std::string_view>
  consteval Template(Text const& text) {  // NOLINT(google-explicit-constructor): written as a literal
    namespace error = template_error;
    // All in one place: a compiler shows the call at which a constructor fails to be constant, but not each that fails below it.
    switch (check(std::string_view(text))) {
      case Fault::kNone: break;
      case Fault::kUnclosed: error::a_brace_is_not_closed_write_two_for_a_literal_one(); break;
      case Fault::kUnopened: error::a_closing_brace_stands_alone_write_two_for_a_literal_one(); break;
      case Fault::kName: error::the_name_in_a_placeholder_is_not_an_identifier(); break;
      case Fault::kMixed: error::numbered_and_other_placeholders_cannot_be_mixed(); break;
      case Fault::kTooManyPlaceholders: error::the_template_has_more_placeholders_than_arguments(); break;
      case Fault::kTooFewPlaceholders: error::the_template_has_fewer_placeholders_than_arguments(); break;
      case Fault::kNumber: error::a_placeholder_has_a_number_beyond_the_arguments(); break;
      case Fault::kSize: error::a_width_or_precision_taken_from_an_argument_needs_an_integer(); break;
      case Fault::kSpec: error::the_spec_does_not_fit_the_type_of_its_argument(); break;
      case Fault::kOwnFormatterWithSize:
        error::an_argument_formatted_by_its_own_formatter_cannot_have_a_width_from_another_argument();
        break;
      case Fault::kOwnFormatterTwice:
        error::an_argument_formatted_by_its_own_formatter_can_have_one_spec_only();
        break;
    }
  }

  /// What argument `index` is to be formatted with; "" for one that is not formatted at the call.
  constexpr std::string_view spec(std::size_t index) const noexcept {
    if constexpr (kAnyFormatted) return specs_[index];
    return {};
  }

 private:
  using Flags = std::array<bool, kCount + 1>;

  constexpr Fault check(std::string_view text) {
    // The empty template says: the first argument is the message, as it is.
    if (text.empty() && kCount == 1) return Fault::kNone;
    TemplateParser parser(text);
    TemplateItem item;
    Flags used{}, has_spec{};
    while (parser.next(item)) {
      if (item.argument >= kCount) return parser.numbered() ? Fault::kNumber : Fault::kTooManyPlaceholders;
      used[item.argument] = true;
      if (Fault const fault = item_fault(text, item, has_spec); fault != Fault::kNone) return fault;
    }
    if (Fault const fault = fault_of(parser.error()); fault != Fault::kNone) return fault;
    for (std::size_t i = 0; i < kCount; ++i) {
      if (!used[i]) return Fault::kTooFewPlaceholders;
    }
    return Fault::kNone;
  }

  constexpr Fault item_fault(std::string_view text, TemplateItem const& item, Flags& has_spec) {
    Kind const kind = kKinds[item.argument];
    if (item.is_size) return kind == Kind::kSigned || kind == Kind::kUnsigned ? Fault::kNone : Fault::kSize;
    if (kind != Kind::kFormatted) return spec_fits(kind, item.spec) ? Fault::kNone : Fault::kSpec;
    if (item.spec.find('{') != std::string_view::npos) return Fault::kOwnFormatterWithSize;
    Fault fault = Fault::kNone;
    if constexpr (kAnyFormatted) {
      if (has_spec[item.argument] && specs_[item.argument] != item.spec) return Fault::kOwnFormatterTwice;
      has_spec[item.argument] = true;
      specs_[item.argument] = item.spec;
      std::size_t index = 0;
      ((fault = index++ == item.argument ? own_spec_fault<Arguments>(text, item) : fault), ...);
    }
    return fault;
  }

  struct Nothing {};
  [[no_unique_address]] std::conditional_t<kAnyFormatted, std::array<std::string_view, kCount + 1>, Nothing>
      specs_{};
};

}  // namespace logboom::detail
