// A list of those that are free.
#include "scratch.hpp"

#include <new>

namespace logboom::python {
namespace {

// Under the GIL. A child of fork() finds it whole.
Scratch* g_scratches = nullptr;

}  // namespace

Scratch* take_scratch() noexcept {
  Scratch* const scratch = g_scratches;
  if (scratch == nullptr) return static_cast<Scratch*>(new (std::nothrow) Scratch);
  g_scratches = scratch->next;
  return scratch;
}

void give_scratch(Scratch* scratch) noexcept {
  scratch->next = g_scratches;
  g_scratches = scratch;
}

}  // namespace logboom::python
