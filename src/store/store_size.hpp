// How large a store is. Must not know who asks.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace logboom::store {

/// Records in the current file, by its ids, which have no holes. Takes about a millisecond, whatever the number; up to 5 s while another program has the file locked. 0 where it
/// cannot be read: who asks wants a figure, and not to fail for want of one.
std::uint64_t count_rows(std::string const& path) noexcept;

/// The id before the oldest record's, over all files; nothing where there are no closed ones. Asks the file system only.
std::optional<std::int64_t> before_closed(std::string const& path) noexcept;

/// Of the write-ahead log; 0 where there is none.
std::uint64_t log_bytes(std::string const& path) noexcept;

/// Bytes of all its files, the write-ahead log and what is being made of closed ones included. Asks the file system only.
std::uint64_t bytes_on_disk(std::string const& path) noexcept;

}  // namespace logboom::store
