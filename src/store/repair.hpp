// Puts a repaired file in the place of a damaged one of a store, which is kept under another name. Must not know how it is salvaged.
#pragma once

#include "store/inspection.hpp"

#include <optional>
#include <string>
#include <vector>

namespace logboom::store {

struct Repair {
  Inspection before;
  std::string file;                  // what is whole now; "": nothing was the matter
  std::vector<std::string> kept;     // what was damaged, under these names
  std::optional<Salvaged> salvaged;  // none: it could be mended where it is
};

/// A store's file, one of its closed files, or one that a collector set aside (`….damaged-TIME`): that becomes a closed file of the store again where its ids have their place, else
/// `….repaired`. Nothing is removed. @throws StoreError (a collector writes to it; nothing can be salvaged; no room …), std::system_error
Repair repair_file(std::string const& file);

}  // namespace logboom::store
