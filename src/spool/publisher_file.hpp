// Who made a spool, and for which collectors: one msgpack entry in a framed file.
// Must not know the rest of the spool.
#pragma once

#include "record/wire.hpp"

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace logboom::spool {

inline constexpr std::size_t kMaxEndpoints = 16;        // kept of a publisher's addresses …
inline constexpr std::size_t kMaxEndpointText = 1'024;  // … of at most so many bytes each

struct Owner {
  wire::Publisher publisher;
  std::vector<std::string> endpoints;  // of its collectors, absolute; empty: not known
};

/// @throws std::system_error
void write_owner(std::filesystem::path path, wire::Publisher const& publisher,
                 std::span<std::string const> endpoints);
/// @throws SpoolError when it is damaged or of a newer version. @throws std::system_error
Owner read_owner(std::filesystem::path const& path);

/// 32 hex digits: the name of its directory.
std::string hex(PublisherId const& id);

}  // namespace logboom::spool
