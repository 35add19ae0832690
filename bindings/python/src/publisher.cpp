// The publishing half: what logboom.Handler and attach() are built on.
#include "bindings.hpp"

namespace logboom::python {

void bind_publisher(pybind11::module_&) {}

}  // namespace logboom::python
