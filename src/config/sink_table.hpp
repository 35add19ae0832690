// One [[sink]] of a configuration file. Must not know the other tables.
#pragma once

#include "config/table_reader.hpp"

#include <logboom/sinks.hpp>

namespace logboom::config {

/// What is wrong is noted; what is returned then is of no use.
SinkOptions read_sink(toml::table const& table, Mistakes& mistakes);

}  // namespace logboom::config
