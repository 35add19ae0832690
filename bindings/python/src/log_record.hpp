// A logging.LogRecord as the bytes of a logboom record: docs/python.md says which attribute becomes what. Needs the GIL.
// Must not know rings or threads of C++.
#pragma once

#include <Python.h>

#include "bus.hpp"
#include "encoded_record.hpp"
#include "scratch.hpp"

#include <cstdint>

namespace logboom::python {

/// Looks up what is needed of module logging, once. @return false and an exception set.
bool prepare_log_records();
/// `formatter` makes the text of an exception: an object with formatException, or None for logging's own.
/// Whatever the record holds, it becomes one: what cannot be encoded is replaced by a text that says so. Leaves no exception set.
/// @return false: no memory, or the record came from the bus
bool encode_log_record(PyObject* record, PyObject* formatter, Bus& bus, Scratch& scratch, EncodedRecord& made);

/// A log call of which no LogRecord is made. Borrowed references, held by the caller.
struct LogCall {
  PyObject* name = nullptr;  ///< of the logger: a str
  Level level = level::kInfo;
  PyObject* level_name = nullptr;  ///< a str
  PyObject* msg = nullptr;
  PyObject* args = nullptr;   ///< as LogRecord would have it: a tuple, or a mapping
  PyObject* extra = nullptr;  ///< a dict, or nullptr
  PyObject* path = nullptr;   ///< a str, as is the next
  PyObject* function = nullptr;
  std::uint32_t line = 0;
  std::uint64_t thread = 0;
  PyObject* thread_name = nullptr;   ///< a str
  PyObject* process_name = nullptr;  ///< a str, or nullptr: the main process
};
/// The same record as the LogRecord of that call would become; its time is that of the ring.
bool encode_log_call(LogCall const& call, Bus& bus, Scratch& scratch, EncodedRecord& made);

}  // namespace logboom::python
