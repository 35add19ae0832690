// Names that have to outlive a power cut. Must not know whose they are.
#pragma once

#include <string>

namespace logboom::store {

/// Waits until the names in the directory are on disk. Does nothing where the file system has no such thing for directories. @throws std::system_error
void sync_directory(std::string const& directory);

}  // namespace logboom::store
