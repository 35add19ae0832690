// Makes the file that a store goes on in: empty, but for the ledger of the one before it. Must not know when, nor how it gets its name.
#pragma once

#include "record/block.hpp"

#include <cstdint>
#include <span>
#include <string>

namespace logboom::store {

/// Where it is until it has the store's name: `PATH.d/next`.
std::string next_path(std::string const& path);

/// Makes it anew, with the ledger as it stands in `from`, a file of this store (closed or current, also being written; "": none). Takes as long as the ledger is.
/// @throws StoreError; what is left then is no file for finish_next().
void make_next(std::string const& path, std::string const& from);

/// Adds what the ledger gained since, and where the ids go on; afterwards it is whole and on disk. One small transaction. @throws StoreError
void finish_next(std::string const& path, std::span<Progress const> gained, std::int64_t first_id,
                 std::int64_t begun);

}  // namespace logboom::store
