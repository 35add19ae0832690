// Whether two addresses name one bus on this machine, although they are written differently: whose spool is this?
// Must not know spools or sockets. Asks no name server.
#pragma once

#include "delivery/endpoint.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace logboom::publisher {

/// The addresses as they mean the same from another directory: ipc paths absolute.
std::vector<std::string> anchored(std::span<delivery::Endpoint const> endpoints);

/// Of normalised texts (Endpoint::text). ipc: the same file. tcp: the same port, and the same host or two names of this machine: what loopback, its host name, its interfaces and
/// "any address" are. Two numbers are the same only if they are equal, or both loopback's. Blocks for no more than the file system.
bool same_bus(std::string_view left, std::string_view right);

/// Whether one of the addresses that a publisher had, as its spool records them, is one of `own`.
bool any_of_bus(std::span<std::string const> recorded, std::span<delivery::Endpoint const> own);

}  // namespace logboom::publisher
