// Random numbers of the system. Must not know what they are for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace logboom {

/// @throws std::system_error
void random_bytes(std::span<std::byte> out);
/// For hash tables whose keys strangers choose: so that nobody can choose ones that fall together. @throws std::system_error
std::uint64_t random_seed();

}  // namespace logboom
