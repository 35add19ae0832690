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
/// Whether `extra` may not have such a key, since a LogRecord has it.
bool is_log_record_attribute(PyObject* key);

/// Fields of a logboom.context, encoded once: a capsule. `fields` is a dict with str keys. nullptr and an exception set: no memory.
PyObject* encode_context(PyObject* fields);

}  // namespace logboom::python
