// Which run of the machine this is: what was in the page cache is whole within one, and may not be after the next.
#pragma once

#include <array>
#include <cstddef>

namespace logboom::spool {

using BootId = std::array<std::byte, 16>;

/// All zero where the system does not say.
BootId boot_id() noexcept;

}  // namespace logboom::spool
