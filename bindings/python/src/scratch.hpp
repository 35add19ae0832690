// Memory in which a record is encoded before it goes into the ring. Needs the GIL. Must not know what is in it.
#pragma once

#include <cstddef>

namespace logboom::python {

/// Code that runs while a record is encoded (repr) may log as well, or let another thread do so: each has its own.
struct Scratch {
  static constexpr std::size_t kSize = 65'528;  // the longest record
  std::byte bytes[kSize];
  Scratch* next = nullptr;
};
/// From a pool. nullptr: no memory.
Scratch* take_scratch() noexcept;
void give_scratch(Scratch* scratch) noexcept;

}  // namespace logboom::python
