// What a forked child inherits of its parent's collector. Must not know collectors.
#pragma once

#include <string>
#include <vector>

namespace logboom::python {

/// For a child after fork() whose parent serves these addresses: sockets bound to them (listening ones, and what was accepted by them) and their lock files
/// are replaced by /dev/null, under their numbers, so that the parent's clients see the end of their connections, and the addresses are free, as soon as the
/// parent is done. A process's own connections to the addresses stay. Never throws: what cannot be looked at stays open.
/// @param endpoints ipc://PATH and tcp://HOST:PORT, three sockets each @param inputs "KIND HOST:PORT" and "KIND PATH"
void close_inherited_files(std::vector<std::string> const& endpoints,
                           std::vector<std::string> const& inputs) noexcept;

}  // namespace logboom::python
