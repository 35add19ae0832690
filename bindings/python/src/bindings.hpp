// The parts of the extension module, a file each; core.cpp puts them together.
#pragma once

#include <pybind11/pybind11.h>

namespace logboom::python {

void bind_values(pybind11::module_& module);
void bind_publisher(pybind11::module_& module);
void bind_reading(pybind11::module_& module);
void bind_server(pybind11::module_& module);

}  // namespace logboom::python
