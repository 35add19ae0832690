#include "store/regex_literal.hpp"

#include <algorithm>

namespace logboom::store {
namespace {

constexpr std::string_view kSpecial = R"(\^$.|?*+()[]{})";
constexpr std::string_view kQuantifiers = "?*+{";

bool is_special(char c) noexcept { return kSpecial.find(c) != std::string_view::npos; }
// A quantifier may take away the last character, which of others has several bytes.
bool is_printable(char c) noexcept { return c >= 0x20 && c < 0x7f; }

}  // namespace

std::string_view literal_of(std::string_view expression) noexcept {
  if (std::none_of(expression.begin(), expression.end(), is_special)) return expression;
  if (expression.find('|') != std::string_view::npos) return {};
  if (expression.starts_with('^')) expression.remove_prefix(1);
  auto const end = std::find_if(expression.begin(), expression.end(),
                                [](char c) { return !is_printable(c) || is_special(c); });
  auto literal = expression.substr(0, static_cast<std::size_t>(end - expression.begin()));
  bool const last_may_lack = end != expression.end() && kQuantifiers.find(*end) != std::string_view::npos;
  if (last_may_lack && !literal.empty()) literal.remove_suffix(1);
  return literal;
}

}  // namespace logboom::store
