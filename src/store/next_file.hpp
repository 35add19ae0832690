// Makes the file that a store goes on in: empty, but for what is of use of the ledger of the one before it. Must not know when, nor how it gets its name.
#pragma once

#include "record/block.hpp"

#include <cstdint>
#include <span>
#include <string>

namespace logboom::store {

/// Where it is until it has the store's name: `PATH.d/next`.
std::string next_path(std::string const& path);

/// Streams that a ledger hands on to the next file.
inline constexpr std::uint64_t kMostStreams = 1'048'576;

/// Makes it anew, with the ledger as it stands in `from`, a file of this store (closed or current, also being written; "": none). Left out are streams of which the store has nothing any more: that got no
/// further since the oldest closed file ended, and have neither record nor gap in that (while there is no closed file, none is). What is sent again of such a stream is stored again, and still is there once. At `most_streams` those whose
/// publishers came last are left out as well. Takes as long as the ledger is.
/// @return whether `most_streams` was met. @throws StoreError; what is left then is no file for finish_next().
bool make_next(std::string const& path, std::string const& from, std::uint64_t most_streams = kMostStreams);

/// Adds what the ledger gained since, and where the ids go on; afterwards it is whole and on disk. One small transaction. @throws StoreError
void finish_next(std::string const& path, std::span<Progress const> gained, std::int64_t first_id,
                 std::int64_t begun);

}  // namespace logboom::store
