// What a LogRecord became, on its way into a ring. Must not know how.
#pragma once

#include <Python.h>

#include <cstddef>

namespace logboom::detail {
struct CallSite;
struct LoggerNode;
}  // namespace logboom::detail

namespace logboom::python {

/// What is needed to put a record into a ring, without any Python object.
struct EncodedRecord {
  std::size_t size = 0;  ///< of the scratch's bytes; the header's place is left free
  detail::LoggerNode const* logger = nullptr;
  detail::CallSite* site = nullptr;
  PyObject* raised = nullptr;  ///< a KeyboardInterrupt or the like to be raised in the end; new reference
  PyObject* complaint =
      nullptr;  ///< an exception for Handler.handleError: the message could not be formatted; new reference
};

}  // namespace logboom::python
