// The command's file descriptors: as many as it may have, and some kept for files. Must not know what they are used for.
#pragma once

namespace logboom::cli {

/// Raises the soft limit to the hard one. Whoever links this also has every connection that ZeroMQ accepts looked at: one that would leave less than kKeptDescriptors is closed
/// again, as if the peer had gone away. (ZeroMQ ends the process when an ipc listener finds no descriptor; the collector's Doorkeeper sees a crowd only when it is
/// there.)
void raise_descriptor_limit() noexcept;

inline constexpr unsigned kKeptDescriptors = 16;

}  // namespace logboom::cli
