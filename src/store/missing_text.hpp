// The ledger's column `missing`: ranges as text, "1-10,31-40!"; `!`: a gap declares them lost. Must not know SQLite.
#pragma once

#include "record/block.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace logboom::store {

/// "" for none.
std::string write_missing(std::span<Missing const> ranges);
/// What cannot be read ends the list: a range that is left out is merely not waited for.
std::vector<Missing> read_missing(std::string_view text);

}  // namespace logboom::store
