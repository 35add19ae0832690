// Whether a store's files are whole: their structure, and every row against the checksum that it carries. Reads only, also while a collector writes.
// Must not know who asks, nor how anything is mended.
#pragma once

#include "store/salvage.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace logboom::store {

struct Inspection {
  std::string file;
  int version = 0;              // of its schema; 0: it cannot be opened
  std::uint64_t records = 0;    // that can be read
  std::uint64_t unchecked = 0;  // of them, written before there were checksums
  std::uint64_t lost = 0;       // that a repair found no more, and said so
  std::uint64_t damaged = 0;    // places
  std::string refusal;  // it is no store, or of a newer version: nothing that could be mended; "": it is one
  std::vector<DamagedPlace> places;  // Salvaged::kMostPlaces at most

  bool whole() const noexcept { return damaged == 0; }
};

/// One file: of a store, its log included, or a closed one. What is wrong with it is in the answer; never throws for that.
/// @param locked the caller has the writer's lock; else the log is looked at only while nobody has it
Inspection inspect_file(std::string const& file, bool locked = false);

/// The file at `path` and the closed files beside it, oldest first. @throws StoreError when their directory cannot be read
std::vector<std::string> files_of(std::string const& path);

}  // namespace logboom::store
