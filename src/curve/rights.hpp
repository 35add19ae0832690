// What a peer may do on a bus. Must not know how it is known who it is.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace logboom::curve {

struct Rights {
  bool publish = false;  // send records
  bool view = false;     // see records, and how the collector and its publishers are
  bool control = false;  // change levels in running workers

  bool any() const noexcept { return publish || view || control; }
  /// Whether nothing here is missing there.
  bool within(Rights const& other) const noexcept {
    return (!publish || other.publish) && (!view || other.view) && (!control || other.control);
  }
  friend bool operator==(Rights const&, Rights const&) = default;
};

inline constexpr Rights kAllRights{true, true, true};

/// "publish,view,control": some of the words, with commas; "all" is the three. Nothing for anything else.
std::optional<Rights> parse_rights(std::string_view text);
std::string to_string(Rights const& rights);

}  // namespace logboom::curve
