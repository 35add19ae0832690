// The base of logboom.Handler: what takes a LogRecord to the ring. Must not know how a record is encoded.
#pragma once

#include "bus.hpp"
#include "log_record.hpp"

#include <Python.h>

namespace logboom::python {

/// The type HandlerBase: `handle(record)` and `emit(record)` of a logging.Handler without its lock, `connect(bus)`. New reference, or null and an exception set.
PyObject* make_handler_type();

/// Makes a handler log to a bus. `handler` is an instance of HandlerBase.
void connect_handler(PyObject* handler, Bus& bus) noexcept;

/// The bus of a handler whose class has the base's own handle() and emit() and that has no filter; else nullptr.
Bus* plain_bus(PyObject* handler);
/// Puts an encoded record into the ring; may give up the GIL meanwhile. The scratch is given back.
void put_record(EncodedRecord const& record, Scratch* scratch);
/// Tells handler.handleError of EncodedRecord::complaint, about `record`, and raises EncodedRecord::raised. None, or null and an exception set.
PyObject* finish_record(PyObject* handler, PyObject* record, EncodedRecord& made);

/// Called with the GIL held, without arguments, after the first record of this process, and of each forked child. Nothing is made of what it raises.
void set_first_record_hook(PyObject* callable);

}  // namespace logboom::python
