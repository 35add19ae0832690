// Makes a spool that nobody takes one that can be sent. Nothing in it is removed. Must not know sockets.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace logboom::spool {

struct SpoolRepair {
  bool in_use = false;              // by a running publisher, or whoever sends it: nothing was done
  std::filesystem::path directory;  // where it is now
  std::vector<std::string> done;    // one line each; none: there was nothing to do
};

/// - `publisher` cannot be read: it is made anew from the directory's name, which has the id; what it was is kept as `publisher.damaged`. Host, process and addresses are not known then.
/// - The spool was set aside (`<id>.unreadable`) and all of its rings can be read now, since this version is another: it gets its name back.
/// Damaged rings, overflow, clock and catalogue need no repair: whoever sends the spool declares what is lost, exactly.
/// @throws SpoolError (it is not the directory of a spool, another user's), std::system_error
SpoolRepair repair_spool(std::filesystem::path const& directory);

}  // namespace logboom::spool
