// What can be had of a damaged file of a store: into a fresh file of the same ids, numbers and ledger. Must not know what becomes of either file.
#pragma once

#include "record/block.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace logboom::store {

struct DamagedPlace {
  std::uint64_t offset = 0;  // in the file `file`
  std::string file, what;
};

struct Salvaged {
  static constexpr std::size_t kMostPlaces = 1'000;  // listed; all are counted

  std::uint64_t records = 0;   // in the fresh file
  std::uint64_t lost = 0;      // ids that should be there and are not
  std::uint64_t declared = 0;  // numbers of streams that are now declared lost for it
  std::int64_t first_id = 0, last_id = 0;
  std::uint64_t damaged_places = 0;
  std::vector<DamagedPlace> places;
};

/// Reads `from` (a file of a store, with its log, or a compressed one), whatever is the matter with it, and makes `to`, which must not be there: of the present schema, whole, on disk.
/// While nobody writes to `from`. @throws StoreError (nothing of a store can be found in it, or `to` cannot be written; then it is removed)
Salvaged salvage(std::string const& from, std::string const& to);

struct SalvagedLedger {
  std::vector<Progress> ledger;
  std::int64_t last_id = 0;  // the highest that was found
};

/// The ledger alone, and where ids got to: reads all pages, writes nothing. What cannot be read is left out. Never throws for what it finds.
SalvagedLedger salvage_ledger(std::string const& from) noexcept;

}  // namespace logboom::store
