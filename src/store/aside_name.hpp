// Names for what is kept beside a store's file because something happened to it. Must not know what.
#pragma once

#include <string>
#include <string_view>

namespace logboom::store {

/// `PATH.WHY-TIME`, or with a number behind it: a name that is free.
std::string aside_name(std::string const& path, std::string_view why);

}  // namespace logboom::store
