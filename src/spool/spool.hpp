// A publisher's spool directory: identity, lock, rings, catalogue of call sites and loggers, clock, overflow. Survives the process.
// Must not know sockets or the delivery protocol.
#pragma once

#include "record/wire.hpp"
#include "spool/ring_file.hpp"

#include <filesystem>
#include <memory>
#include <vector>

namespace logboom::spool {

/// `<root>/<id as 32 hex digits>/`: `lock`, `publisher`, `catalogue`, `clock`, `ring.<stream>`, `overflow.<n>`
class Spool {
 public:
  /// Makes a new directory (0700) and locks it. @throws std::system_error
  static Spool create(std::filesystem::path const& root, wire::Publisher const& publisher);
  /// Takes over a directory whose owner is gone. Nothing if it is locked, gone, or this process's own. @throws SpoolError when it cannot be read (named; left as it is)
  static std::optional<Spool> adopt(std::filesystem::path const& directory);
  /// Directories below `root` that look like spools, oldest first. A missing root is empty.
  static std::vector<std::filesystem::path> list(std::filesystem::path const& root);
  // … catalogue(), clock(), overflow(), rings(): see the owner's header
};

}  // namespace logboom::spool
