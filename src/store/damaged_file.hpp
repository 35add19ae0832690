// A file of the store that is damaged is kept under another name, and a fresh one begun that knows what it knew. Must not know who writes the store.
#pragma once

#include "store/salvage.hpp"

#include <string>

namespace logboom::store {

/// The file is or was a store: its header says so, or there is a row in it with the checksum that only a store's rows have. Else it is somebody's file, to be left alone.
/// Reads the file itself: not while this process has it open through SQLite.
bool was_a_store(std::string const& path) noexcept;

struct SetAside {
  std::string kept;  // where the damaged file is now, with its log
  SalvagedLedger salvaged;
};

/// Renames it, with its log, and reads its ledger. While nobody writes to it. @throws std::system_error
SetAside set_aside(std::string const& path);

}  // namespace logboom::store
