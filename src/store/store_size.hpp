// How large a store is: rows and bytes, while it is being written. Must not know who asks.
#pragma once

#include <cstdint>
#include <string>

namespace logboom::store {

struct StoreSize {
  std::uint64_t rows = 0;   // records
  std::uint64_t bytes = 0;  // of its files on disk, write-ahead logs included
};

/// Takes about a millisecond, whatever the size. What cannot be read counts as 0: who asks wants a figure, and not to fail for want of one.
StoreSize measure(std::string const& path) noexcept;

}  // namespace logboom::store
