// Whether an address can be reached from this machine only. Asks no name server.
#pragma once

#include <string_view>

namespace logboom::delivery {

/// A number of 127.0.0.0/8, ::1 (with brackets or without), `localhost`, or the interface `lo`.
bool is_loopback(std::string_view host);

}  // namespace logboom::delivery
