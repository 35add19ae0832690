// Which name somebody meant who wrote another one. Knows nothing of what they name.
#pragma once

#include <string_view>
#include <vector>

namespace logboom::config {

/// The name with the fewest letters to change, insert, leave out or swap, if these are few enough for a slip: a third of the word, 3 at most, 1 at least. Otherwise empty.
std::string_view nearest_name(std::string_view written, std::vector<std::string_view> const& names);

}  // namespace logboom::config
