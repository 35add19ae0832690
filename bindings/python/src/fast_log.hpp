// logging.Logger._log without a LogRecord, for the calls that nobody but one logboom.Handler would see. Must not know how records are encoded.
#pragma once

#include <Python.h>

namespace logboom::python {

/// A method for the class logging.Logger in place of `original`, its own _log. Where anything is not as in the standard library (a subclass's or another's methods, filters, other handlers,
/// a record factory, exc_info, stack_info, stacklevel …) it calls `original`. New reference, or null and an exception set.
PyObject* make_fast_log(PyObject* original);

}  // namespace logboom::python
