// A logging.LogRecord as the bytes of a logboom record: docs/python.md says which attribute becomes what. Needs the GIL.
// Must not know rings or threads of C++.
#pragma once

#include <Python.h>

#include "bus.hpp"

#include <cstddef>
#include <cstdint>

namespace logboom::python {

/// Where a record is encoded, before it goes into the ring: code that runs meanwhile (repr) may log as well, or let another thread do so.
struct Scratch {
  static constexpr std::size_t kSize = 65'528;  // the longest record
  std::byte bytes[kSize];
  Scratch* next = nullptr;
};
/// From a pool. nullptr: no memory.
Scratch* take_scratch() noexcept;
void give_scratch(Scratch* scratch) noexcept;

/// What is needed to put a record into a ring, without any Python object.
struct EncodedRecord {
  std::size_t size = 0;  ///< of the scratch's bytes; the header's place is left free
  detail::LoggerNode const* logger = nullptr;
  detail::CallSite* site = nullptr;
  PyObject* raised = nullptr;  ///< a KeyboardInterrupt or the like to be raised in the end; new reference
  PyObject* complaint =
      nullptr;  ///< an exception for Handler.handleError: the message could not be formatted; new reference
};

/// Looks up what is needed of module logging, once. @return false and an exception set.
bool prepare_log_records();
/// The contextvars.ContextVar of logboom.context: its value is None or a tuple whose first item is an encoded context.
void set_context_variable(PyObject* variable);

/// `formatter` makes the text of an exception: an object with formatException, or None for logging's own.
/// Whatever the record holds, it becomes one: what cannot be encoded is replaced by a text that says so. Leaves no exception set.
/// @return false: no memory, or the record came from the bus
bool encode_log_record(PyObject* record, PyObject* formatter, Bus& bus, Scratch& scratch, EncodedRecord& made);

/// Fields of a logboom.context, encoded once: a capsule. `fields` is a dict with str keys. nullptr and an exception set: no memory.
PyObject* encode_context(PyObject* fields);

}  // namespace logboom::python
