// Random numbers of the system. Must not know what they are for.
#pragma once

#include <cstddef>
#include <span>

namespace logboom::spool {

/// @throws std::system_error
void random_bytes(std::span<std::byte> out);

}  // namespace logboom::spool
