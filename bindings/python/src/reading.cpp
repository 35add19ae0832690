// The reading half: what logboom.Subscriber and query() are built on.
#include "bindings.hpp"

namespace logboom::python {

void bind_reading(pybind11::module_&) {}

}  // namespace logboom::python
