// Writing to a descriptor that somebody else may have made non-blocking. Must not know what is written.
#pragma once

#include <string_view>

namespace logboom::cli {

/// Writes all of it and waits while there is no room. @return 0, or the errno of what went wrong (EPIPE: whoever read it is gone)
int write_all(int fd, std::string_view bytes) noexcept;

}  // namespace logboom::cli
