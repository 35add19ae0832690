// How large a store is. Must not know who asks.
#pragma once

#include <cstdint>
#include <string>

namespace logboom::store {

/// Records in the store, closed files included, by their ids, which have no holes. Takes about a millisecond, whatever the number; up to 5 s while another program has the file locked. 0 where it
/// cannot be read: who asks wants a figure, and not to fail for want of one.
std::uint64_t count_rows(std::string const& path) noexcept;

/// Bytes of its files, closed ones and the write-ahead log included. Asks the file system only.
std::uint64_t bytes_on_disk(std::string const& path) noexcept;

}  // namespace logboom::store
