// Commands that look at one collector. Must not know what they do with it.
#pragma once

#include "delivery/endpoint.hpp"

#include <string>

namespace logboom::cli {

/// The address that `given`, LOGBOOM_ENDPOINT or the default names. @throws Failure(kUsage) when that is several: what different collectors store has nothing in
/// common that could be shown in one order.
delivery::Endpoint one_collector(std::string const& given);

}  // namespace logboom::cli
