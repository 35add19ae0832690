// The collector in this process: what logboom.Server is built on.
#include "bindings.hpp"

namespace logboom::python {

void bind_server(pybind11::module_&) {}

}  // namespace logboom::python
