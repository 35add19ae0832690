// The message of a Python record that was sent with its arguments: `msg % args`. Must not know records or pickles.
#pragma once

#include "record/token_tape.hpp"

#include <string>
#include <string_view>

namespace logboom::inputs {

/// As Python's `%` operator, by position or by name (`arguments` an array or a map). Arguments of types beyond JSON's are shown as they are stored.
/// Where Python would raise, the template itself and the arguments after it. At most 256 KiB.
std::string render_percent(std::string_view text, wire::Token const& arguments);

}  // namespace logboom::inputs
