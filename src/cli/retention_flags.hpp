// The flags that say how long a store keeps its records. Must not know how it does that.
#pragma once

#include <logboom/retention.hpp>

namespace CLI {
class App;
}

namespace logboom::cli {

/// --keep --max-size --file-size --file-period --compress --full-text; `options` must live until the line is parsed.
void add_retention_flags(CLI::App& command, RetentionOptions& options);

}  // namespace logboom::cli
