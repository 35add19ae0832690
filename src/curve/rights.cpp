// Rights as text. Must not know how it is known who a peer is.
#include "curve/rights.hpp"

#include <algorithm>

namespace logboom::curve {

std::optional<Rights> parse_rights(std::string_view text) {
  Rights rights;
  for (std::size_t at = 0; at <= text.size();) {
    auto const comma = std::min(text.find(',', at), text.size());
    auto const word = text.substr(at, comma - at);
    if (word == "publish")
      rights.publish = true;
    else if (word == "view")
      rights.view = true;
    else if (word == "control")
      rights.control = true;
    else if (word == "all")
      rights = kAllRights;
    else
      return std::nullopt;
    at = comma + 1;
  }
  return rights;
}

std::string to_string(Rights const& rights) {
  std::string text;
  auto const add = [&](bool has, char const* word) {
    if (has) text += (text.empty() ? "" : ",") + std::string(word);
  };
  add(rights.publish, "publish");
  add(rights.view, "view");
  add(rights.control, "control");
  return text;
}

}  // namespace logboom::curve
