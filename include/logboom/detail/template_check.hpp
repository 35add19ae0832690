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
void a_brace_is_not_closed__write_two_for_a_literal_one();
void a_closing_brace_stands_alone__write_two_for_a_literal_one();
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

// Asks the argument's own formatter; it stops at the placeholder's closing brace.
template <class T>
consteval void check_own_spec(std::string_view text, TemplateItem const& item) {
  using Type = typename InnermostType<std::remove_cvref_t<T>>::Type;
  if constexpr (innermost_kind<T>() == Kind::kFormatted) {
    if (item.spec.empty()) return;
    if constexpr (HasFormatter<Type>) {
      std::size_t const begin = static_cast<std::size_t>(item.spec.data() - text.data());
      fmt::format_parse_context context(fmt::string_view(text.data() + begin, text.size() - begin));
      fmt::formatter<Type, char> formatter;
      if (formatter.parse(context) != item.spec.data() + item.spec.size()) {
        template_error::the_spec_does_not_fit_the_type_of_its_argument();
      }
    } else if (!spec_fits(Kind::kSigned, item.spec)) {
      template_error::the_spec_does_not_fit_the_type_of_its_argument();  // long double, __int128 and what format_as makes a number
    }
  }
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
    check(std::string_view(text));
  }

  /// What argument `index` is to be formatted with; "" for one that is not formatted at the call.
  constexpr std::string_view spec(std::size_t index) const noexcept {
    if constexpr (kAnyFormatted) return specs_[index];
    return {};
  }

 private:
  consteval void check(std::string_view text) {
    // The empty template says: the first argument is the message, as it is.
    if (text.empty() && kCount == 1) return;
    TemplateParser parser(text);
    TemplateItem item;
    std::array<bool, kCount + 1> used{};
    std::array<bool, kCount + 1> has_spec{};
    while (parser.next(item)) {
      if (item.argument >= kCount) too_few(parser);
      used[item.argument] = true;
      if (item.is_size) {
        check_size(kKinds[item.argument]);
      } else {
        check_item(text, item, has_spec);
      }
    }
    report(parser.error());
    for (std::size_t i = 0; i < kCount; ++i) {
      if (!used[i]) template_error::the_template_has_fewer_placeholders_than_arguments();
    }
  }

  static consteval void too_few(TemplateParser const& parser) {
    if (parser.numbered()) template_error::a_placeholder_has_a_number_beyond_the_arguments();
    template_error::the_template_has_more_placeholders_than_arguments();
  }

  static consteval void check_size(Kind kind) {
    if (kind != Kind::kSigned && kind != Kind::kUnsigned) {
      template_error::a_width_or_precision_taken_from_an_argument_needs_an_integer();
    }
  }

  consteval void check_item(std::string_view text, TemplateItem const& item,
                            std::array<bool, kCount + 1>& has_spec) {
    if (kKinds[item.argument] != Kind::kFormatted) {
      if (!spec_fits(kKinds[item.argument], item.spec)) {
        template_error::the_spec_does_not_fit_the_type_of_its_argument();
      }
      return;
    }
    if (item.spec.find('{') != std::string_view::npos) {
      template_error::an_argument_formatted_by_its_own_formatter_cannot_have_a_width_from_another_argument();
    }
    if constexpr (kAnyFormatted) {
      if (has_spec[item.argument] && specs_[item.argument] != item.spec) {
        template_error::an_argument_formatted_by_its_own_formatter_can_have_one_spec_only();
      }
      has_spec[item.argument] = true;
      specs_[item.argument] = item.spec;
      std::size_t index = 0;
      ((index++ == item.argument ? check_own_spec<Arguments>(text, item) : void()), ...);
    }
  }

  static consteval void report(TemplateParser::Error error) {
    using Error = TemplateParser::Error;
    if (error == Error::kUnclosed) template_error::a_brace_is_not_closed__write_two_for_a_literal_one();
    if (error == Error::kUnopened)
      template_error::a_closing_brace_stands_alone__write_two_for_a_literal_one();
    if (error == Error::kName) template_error::the_name_in_a_placeholder_is_not_an_identifier();
    if (error == Error::kMixed) template_error::numbered_and_other_placeholders_cannot_be_mixed();
    if (error == Error::kTooMany) template_error::the_template_has_more_placeholders_than_arguments();
  }

  struct Nothing {};
  [[no_unique_address]] std::conditional_t<kAnyFormatted, std::array<std::string_view, kCount + 1>, Nothing>
      specs_{};
};

}  // namespace logboom::detail
