// What texts that a regular expression (RE2's syntax) matches must contain, so that most need not be matched.
// Must not know where the texts are.
#pragma once

#include <string_view>

namespace logboom::store {

/// Every match contains this: the expression itself where nothing in it has a meaning of its own, else what it begins with behind a `^`, as far as that is printable ASCII. Empty: it can say nothing.
std::string_view literal_of(std::string_view expression) noexcept;

}  // namespace logboom::store
