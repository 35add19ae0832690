// The end of a command that has logged: waits until all is stored, or says where it waits instead.
#pragma once

#include <logboom/publisher.hpp>

#include <chrono>

namespace logboom::cli {

/// @throws Failure(kUnreachable) when not everything is stored in time; nothing is lost: the line says where it is.
void wait_until_stored(Publisher& bus, std::chrono::milliseconds timeout);

}  // namespace logboom::cli
