// The extension module logboom._core: what the package's Python files are built on. Private: its names may change at any time.
#include "bindings.hpp"

#include <logboom/version.hpp>

PYBIND11_MODULE(_core, module) {
  module.doc() = "The C++ half of logboom. Private: use the package logboom.";
  module.attr("version") = LOGBOOM_VERSION;
  // Objects of the interpreter are kept in statics here: one interpreter only. Asked by the package each time it is imported.
  module.def("in_main_interpreter", [] { return PyInterpreterState_Get() == PyInterpreterState_Main(); });

  logboom::python::bind_values(module);
  logboom::python::bind_publisher(module);
  logboom::python::bind_reading(module);
  logboom::python::bind_server(module);
}
