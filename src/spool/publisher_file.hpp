// Who made a spool: the publisher's identity, one msgpack entry in a framed file.
// Must not know the rest of the spool.
#pragma once

#include "record/wire.hpp"

#include <filesystem>

namespace logboom::spool {

/// @throws std::system_error
void write_publisher(std::filesystem::path path, wire::Publisher const& publisher);
/// @throws SpoolError when it is damaged or of a newer version. @throws std::system_error
wire::Publisher read_publisher(std::filesystem::path const& path);

/// 32 hex digits: the name of its directory.
std::string hex(PublisherId const& id);

}  // namespace logboom::spool
